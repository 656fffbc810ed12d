"""A solver and its clock: forth and back, early and late, and never outside of what was asked for."""

from __future__ import annotations

import numpy as np

from ..contracts import SolveOptions, Solver
from ..engine import LoopSolver
from ..measure.behaviour import reversal_error
from ..measure.candidate import Candidate, solved
from .solver_case import SolverCase


class SolverTime(SolverCase):
    """The parts about time."""

    def test_it_goes_back_in_time(self, candidate: Candidate, usable: Solver, near: float) -> None:
        problem, ts = candidate.simple, np.linspace(0, -1.0, 6)
        np.testing.assert_allclose(solved(usable, problem, ts).ys[0], problem.y(ts), atol=near)

    def test_there_and_back_again_is_the_start(self, candidate: Candidate, usable: Solver, near: float) -> None:
        """Two solves, each with an error of its own, and the way back multiplies that of the way there.

        On the problem of several states it does so by the norm of the inverse flow's derivative, below 5.
        """
        assert reversal_error(candidate, usable) < 10 * near

    def test_it_does_not_matter_when_a_solve_starts(self, candidate: Candidate, made: Solver, usable: Solver) -> None:
        """The clock may show 1024 where it showed 0, with f that depends on time told so."""
        # times near 1024 are rounded to 1e-13, and steps chosen by errors near the tolerance change by as much
        rtol = 1e-10 if isinstance(made, LoopSolver) else self.tolerance
        for problem in (candidate.simple, candidate.moving):
            ts = np.linspace(0, problem.t1, 5)
            early = solved(usable, problem, ts).ys
            late = solved(usable, problem.later(1024.0), 1024.0 + ts, problem.y0, t0=1024.0).ys
            np.testing.assert_allclose(late, early, rtol=rtol, atol=rtol)

    def test_f_is_never_evaluated_outside_the_time_asked_for(self, candidate: Candidate, usable: Solver) -> None:
        seen: list[float] = []

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            seen.extend(np.concatenate([t, middle]))
            return candidate.simple.plain(t, y, row, middle)

        for end in (0.7, -0.7):
            seen.clear()
            ts = np.linspace(0.1, 0.1 + end, 4)[None]
            usable.solve(f, candidate.simple.y0, ts[:, 0], ts, SolveOptions())
            assert min(seen) >= min(ts[0])
            assert max(seen) <= max(ts[0])
