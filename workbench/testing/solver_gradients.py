"""Derivatives of the steps that were taken, and gradients in every mode that a solver has."""

from __future__ import annotations

import numpy as np
import pytest

from ..contracts import GradientMode, SolveOptions, Solver
from ..engine import LoopSolver, pullback, sensitivities
from ..errors.numerics import GradientUnavailable
from ..measure.candidate import Candidate
from ..measure.gradient import MODES, gradient_error
from .linear_rhs import Oscillator
from .solver_case import SolverCase

Setting = tuple[LoopSolver, Oscillator, np.ndarray, np.ndarray, np.ndarray]


class SolverGradients(SolverCase):
    """The parts about derivatives."""

    @pytest.fixture
    def setting(self, candidate: Candidate, usable: Solver) -> Setting:
        """The solver, and two trajectories of different lengths, one of them back in time."""
        if not candidate.solver.differentiable:
            pytest.skip("it is not differentiable")
        if candidate.separable:
            pytest.skip("the oscillator's friction is not separable")
        assert isinstance(usable, LoopSolver), "what is differentiable stands in the common loop"
        ts = np.array([[0.0, 0.4, 0.75, 1.2, 1.21], [1.0, 0.9, 0.3, np.nan, np.nan]])
        y0 = np.array([[1.0, 0.2], [-0.3, 0.8]])
        return usable, Oscillator(np.array([1.3, 0.4, 0.7])), y0, ts[:, 0], ts

    @pytest.mark.parametrize("mode", MODES)
    def test_a_gradient_is_that_of_the_known_solution(self, candidate: Candidate, mode: GradientMode) -> None:
        """Through `workbench.solve`, and where the steps can be repeated against central differences over them."""
        try:
            error = gradient_error(candidate, mode)
        except GradientUnavailable as reason:
            pytest.skip(reason.message)
        assert error.ok, error

    def test_sensitivities_are_the_complex_step_of_a_replay(self, setting: Setting) -> None:
        solver, f, y0, t0, ts = setting
        found = solver.solve(f, y0, t0, ts, SolveOptions(keep=True))
        by_y0, by_p = sensitivities(solver, f, found)
        for j in range(f.n_parameters):
            shifted = Oscillator(f.p + 1e-30j * np.eye(f.n_parameters)[j])
            again = solver.solve(shifted, y0.astype(complex), t0, ts, SolveOptions(replay=found.mesh))
            _same_derivative(by_p[..., j], again.ys.imag / 1e-30, found.ys)
        for j in range(2):
            start = y0 + 1e-30j * np.eye(2)[j]
            again = solver.solve(Oscillator(f.p + 0j), start, t0, ts, SolveOptions(replay=found.mesh))
            _same_derivative(by_y0[..., j], again.ys.imag / 1e-30, found.ys)

    def test_the_pullback_is_the_transpose_of_the_sensitivities(self, setting: Setting) -> None:
        solver, f, y0, t0, ts = setting
        found = solver.solve(f, y0, t0, ts, SolveOptions(keep=True))
        by_y0, by_p = (np.nan_to_num(d) for d in sensitivities(solver, f, found))
        g = np.cos(np.arange(found.ys.size)).reshape(found.ys.shape)
        gy0, gp = pullback(solver, f, found, g)
        # the same sums in another order
        np.testing.assert_allclose(gy0, np.einsum("rts,rtsj->rj", g, by_y0), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(gp, np.einsum("rts,rtsj->rj", g, by_p), rtol=1e-11, atol=1e-12)


def _same_derivative(found: np.ndarray, expected: np.ndarray, ys: np.ndarray) -> None:
    there = np.isfinite(ys)
    # complex steps are exact to rounding; some hundred steps of it
    np.testing.assert_allclose(found[there], expected[there], rtol=1e-12, atol=1e-12)
    assert np.isnan(found[~there]).all()
