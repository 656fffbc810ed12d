"""A solver treats rows as independent, returns what was asked for in the shape and precision it came in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ..contracts import SolveOptions, Solver
from ..engine import LoopSolver
from ..errors.base import WorkbenchError
from ..measure.behaviour import batch_difference, repeats_its_bits
from ..measure.candidate import Candidate, solved
from .solver_case import SolverCase


class SolverRows(SolverCase):
    """The parts about arrays."""

    def test_a_batch_is_its_rows_alone(self, candidate: Candidate, usable: Solver) -> None:
        # the same steps, with sums of stages in another order: a few eps a step, some hundred steps
        assert batch_difference(candidate, usable) < 1e-12

    def test_the_same_solve_gives_the_same_bits(self, candidate: Candidate, usable: Solver) -> None:
        assert repeats_its_bits(candidate, usable)

    def test_a_replay_is_the_solve_bit_for_bit(self, candidate: Candidate, loop: LoopSolver, usable: Solver) -> None:
        problem = candidate.moving
        y0 = problem.y0 * np.array([[1.0], [1.02], [0.9]])
        ts = np.linspace(0, problem.t1, 9)
        first = solved(usable, problem, ts, y0, keep=True)
        again = solved(usable, problem, ts, y0, keep=True, replay=first.mesh)
        np.testing.assert_array_equal(first.ys, again.ys)
        np.testing.assert_array_equal(first.steps, again.steps)

    def test_rows_end_where_their_times_do(self, candidate: Candidate, usable: Solver) -> None:
        problem = candidate.simple
        ts = np.array([[0.0, 0.5, 1.0, 2.0], [0.0, 0.25, np.nan, np.nan], [0.0, np.nan, np.nan, np.nan]])
        y0 = np.repeat(problem.y0, 3, axis=0)
        found = usable.solve(problem.rhs, y0, np.zeros(3), ts, SolveOptions())
        assert found.status == ("ok", "ok", "ok")
        np.testing.assert_array_equal(np.isnan(found.ys[:, :, 0]), np.isnan(ts))
        np.testing.assert_array_equal(found.ys[:, 0], y0)

    def test_what_it_is_given_stays_as_it_is(self, candidate: Candidate, usable: Solver) -> None:
        problem = candidate.moving
        given = np.repeat(problem.y0, 2, axis=0), np.zeros(2), np.tile(np.linspace(0, problem.t1, 5), (2, 1))
        before = [array.copy() for array in given]
        usable.solve(problem.rhs, *given, SolveOptions())
        for array, copy in zip(given, before, strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_a_state_of_any_size_is_returned_as_it_is(self, candidate: Candidate, usable: Solver, near: float) -> None:
        """A solution is linear in its start for a linear f: nothing is cut off, above or below."""
        problem = candidate.simple
        ts = np.linspace(0, 1, 5)
        for size in (1e12, -1e12):
            found = solved(usable, problem, ts, size * problem.y0)
            assert found.status == ("ok",)
            np.testing.assert_allclose(found.ys[0] / size, problem.y(ts), atol=near)

    def test_times_asked_for_twice_are_answered_twice(self, candidate: Candidate, usable: Solver) -> None:
        ts = np.array([0.0, 0.5, 0.5, 1.0, 1.0])
        found = solved(usable, candidate.simple, ts)
        np.testing.assert_array_equal(found.ts[0], ts)
        assert found.ys.shape[1] == len(ts)
        np.testing.assert_array_equal(found.ys[0, 1], found.ys[0, 2])
        np.testing.assert_array_equal(found.ys[0, 3], found.ys[0, 4])

    def test_times_out_of_order_are_answered_in_that_order_or_refused(
        self, candidate: Candidate, usable: Solver, near: float
    ) -> None:
        """`solve` of the workbench checks them before; a solver that is called directly must not sort them unseen."""
        problem, ts = candidate.simple, np.array([0.0, 1.0, 0.5])
        try:
            found = solved(usable, problem, ts)
        except (WorkbenchError, ValueError):
            return
        if found.status == ("ok",):
            np.testing.assert_allclose(found.ys[0], problem.y(ts), atol=near)
        else:
            assert found.message[0]

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_precision_of_the_state_is_kept(
        self, candidate: Candidate, made: Solver, usable: Solver, dtype: type
    ) -> None:
        problem, kinds = candidate.simple, set()

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            kinds.add(y.dtype)
            return problem.plain(t, y, row, middle)

        ts = np.linspace(0, 1, 5)[None]
        found = usable.solve(f, problem.y0.astype(dtype), np.zeros(1), ts, SolveOptions())
        assert found.ys.dtype == dtype
        if isinstance(made, LoopSolver):
            assert kinds == {np.dtype(dtype)}

    def test_a_state_may_have_any_shape(self, candidate: Candidate, usable: Solver) -> None:
        if candidate.separable:
            pytest.skip("its states are (q, p): half of them positions")
        ts = np.linspace(0, 1, 3)[None]
        y0 = np.arange(1.0, 7.0).reshape(1, 2, 3)
        found = usable.solve(lambda t, y, row, middle: -y, y0, np.zeros(1), ts, SolveOptions())
        assert found.ys.shape == (1, 3, 2, 3)
        np.testing.assert_allclose(found.ys[0, -1], y0[0] * np.exp(-1), atol=6e-2)

    def test_calls_of_f_do_not_grow_with_the_trajectories(
        self, candidate: Candidate, loop: LoopSolver, usable: Solver
    ) -> None:
        problem: Any = candidate.moving
        ts = np.linspace(0, problem.t1, 9)
        one = solved(usable, problem, ts)
        many = solved(usable, problem, ts, np.repeat(problem.y0, 50, axis=0))
        assert many.stats["rhs_calls"] == one.stats["rhs_calls"]
        np.testing.assert_array_equal(many.stats["rhs"], np.repeat(one.stats["rhs"], 50))
