"""A solver is as accurate as it claims: orders, dense output, polynomials, stiff problems, energy."""

from __future__ import annotations

import numpy as np
import pytest

from ..contracts import Solver
from ..engine import LoopSolver
from ..measure.candidate import Candidate, solved
from ..measure.convergence import SLACK, claimed_between, measured_dense_order, measured_order
from ..measure.exact import Exact
from ..measure.separable import HARMONIC, SEPARABLE, Separable
from ..measure.stiff import RATES, kaps, prothero_robinson
from .solver_case import SolverCase


class SolverAccuracy(SolverCase):
    """The parts about errors."""

    @pytest.mark.parametrize("which", [0, 1])
    def test_it_solves_with_its_defaults(self, candidate: Candidate, usable: Solver, near: float, which: int) -> None:
        problem = candidate.short[which]
        ts = np.linspace(0, problem.t1, 7)
        found = solved(usable, problem, ts)
        assert found.status == ("ok",)
        assert found.message == ("",)
        np.testing.assert_allclose(found.ys[0], problem.y(ts), atol=near)

    def test_a_linear_system_is_no_blind_spot_of_its_error_estimate(self, usable: Solver, near: float) -> None:
        """Pairs exist whose difference vanishes on linear systems: they take steps as long as they like."""
        ts = np.linspace(0, 2.0, 7)
        found = solved(usable, HARMONIC, ts)
        assert found.status == ("ok",)
        np.testing.assert_allclose(found.ys[0], HARMONIC.y(ts), atol=near)

    @pytest.mark.parametrize("which", [0, 1])
    def test_it_needs_no_derivatives_of_f(self, candidate: Candidate, usable: Solver, near: float, which: int) -> None:
        """The same with f alone: what a method needs of Jacobians it finds out itself."""
        problem = candidate.short[which]
        ts = np.linspace(0, problem.t1, 7)
        found = solved(usable, problem, ts, plain=True)
        assert found.status == ("ok",)
        np.testing.assert_allclose(found.ys[0], problem.y(ts), atol=near)

    @pytest.mark.parametrize("which", [0, 1])
    def test_its_orders_are_what_it_claims(self, candidate: Candidate, which: int) -> None:
        """That of its solution, and of its dense output where it repeats its steps: measured of the same solves."""
        problem = candidate.long[which]
        found = measured_order(candidate, problem)
        if found is None:
            pytest.skip("it claims no order, or takes no equal steps")
        assert found == pytest.approx(candidate.solver.order, abs=SLACK)
        if isinstance(candidate.solver, LoopSolver):
            claim, between = claimed_between(candidate), measured_dense_order(candidate, problem)
            assert claim is not None
            assert between is not None
            assert between > claim - SLACK

    def test_polynomials_up_to_its_order_are_exact(self, candidate: Candidate, made: Solver) -> None:
        if made.order is None:
            pytest.skip("it claims no order")
        if candidate.separable:
            pytest.skip("a power of t is the solution of no system q' = f(p), p' = g(q)")
        p = made.order
        power = Exact(
            "",
            lambda t, y: p * t ** (p - 1) + 0 * y,
            lambda t: t[:, None] ** p,
            1.0,
            lambda t, y: np.zeros((*y.shape, 1), y.dtype),
            lambda t, y: p * (p - 1) * t ** max(0, p - 2) + 0 * y,
        )
        found = solved(self.with_step(candidate, 0.25), power, np.array([0.0, 1.0]))
        # four steps, each rounding sums of weighted stages of size up to p
        assert found.ys[0, -1, 0] == pytest.approx(1.0, abs=1e-14 * p)

    @pytest.mark.parametrize("family", [prothero_robinson, kaps], ids=["prothero-robinson", "kaps"])
    def test_a_stiff_problem_takes_few_steps_at_any_rate(
        self, candidate: Candidate, family: object, near: float
    ) -> None:
        """An explicit method needs at least rate·2/R steps, R its stability on the real axis: 3e5 at 1e6 for R = 6."""
        if not candidate.stiff:
            pytest.skip("it does not claim to be for stiff problems (`stiff = True`)")
        solver, steps = candidate.usable, []
        assert solver is not None
        for rate in RATES:
            problem = family(rate)  # type: ignore[operator]  # pytest's parameters are objects
            ts = np.linspace(0, problem.t1, 9)
            found = solved(solver, problem, ts, max_steps=10_000)
            assert found.status == ("ok",), f"at rate {rate:g}: {found.message[0]}"
            np.testing.assert_allclose(found.ys[0, -1], problem.y(ts)[-1], atol=near)
            steps.append(int(found.stats["accepted"][0]))
        # order reduction may cost a method some steps on the way from 1e3 to 1e6, never a factor of the rate
        assert max(steps) <= 3 * steps[0] + 100, f"steps at rates {RATES}: {steps}"

    @pytest.mark.parametrize("problem", SEPARABLE, ids=lambda problem: problem.name)
    def test_the_energy_of_a_separable_system_does_not_drift(self, candidate: Candidate, problem: Separable) -> None:
        """The error of a symplectic method's energy oscillates at the size that it has in the first period.

        Hairer, Lubich & Wanner (2006), Geometric Numerical Integration, IX.8: it stays O(h^p) over times exponentially
        long in 1/h, where that of another method grows by as much in each period.
        """
        if not candidate.separable:
            pytest.skip("it does not claim to be for separable systems (`separable = True`)")
        periods, each = 50, 100
        ts = np.arange(periods * each + 1) * problem.period / each
        found = solved(self.with_step(candidate, problem.period / each), problem, ts)
        assert found.status == ("ok",)
        energy = problem.energy(found.ys[0])
        error = np.abs(energy - energy[0]).reshape(-1)[1:].reshape(periods, each).max(axis=1)
        assert error.max() <= 2 * error[0] + 1e-12
        assert error[0] < 0.05 * abs(energy[0])
