"""What must never be called ok, and what a failed solve says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ..contracts import SolveOptions, Solver, Trajectory
from ..measure.behaviour import FAILED, blow_up, follow
from ..measure.candidate import Candidate
from .solver_case import SolverCase

Slope = Callable[[np.ndarray, np.ndarray], np.ndarray]


class SolverStatuses(SolverCase):
    """The parts about failures."""

    @pytest.fixture
    def ending(self, candidate: Candidate, usable: Solver) -> Callable[..., Trajectory]:
        """`follow` with what holds of every failed solve checked."""

        def followed(slope: Slope, y0: float = 1.0, **more: Any) -> Trajectory:
            started = time.monotonic()
            found = follow(candidate, usable, slope, y0, **more)
            assert time.monotonic() - started < 10
            return said(found)

        return followed

    def test_a_solution_that_blows_up_is_not_ok(self, candidate: Candidate, usable: Solver) -> None:
        assert said(blow_up(candidate, usable)).status[0] in FAILED

    def test_a_slope_that_is_nan_from_the_start_is_not_finite(self, ending: Callable[..., Trajectory]) -> None:
        assert ending(lambda t, y: y * np.nan).status == ("not_finite",)

    def test_a_slope_that_becomes_nan_is_not_ok(self, ending: Callable[..., Trajectory]) -> None:
        assert ending(lambda t, y: np.where(t > 0.6, np.nan, -y)).status[0] in FAILED

    def test_an_initial_state_of_nan_is_not_finite(self, ending: Callable[..., Trajectory]) -> None:
        assert ending(lambda t, y: -y, np.nan).status == ("not_finite",)

    def test_a_cap_on_steps_holds(self, ending: Callable[..., Trajectory]) -> None:
        assert ending(lambda t, y: np.cos(50 * t) + 0 * y, max_steps=5).status == ("too_many_steps",)

    def test_a_deadline_holds(self, ending: Callable[..., Trajectory]) -> None:
        assert ending(lambda t, y: -y, deadline=time.monotonic() - 1).status == ("time_out",)

    def test_what_it_tells_adds_up(self, ending: Callable[..., Trajectory]) -> None:
        stats = ending(lambda t, y: -y).stats
        assert {"accepted", "rejected", "rhs", "rhs_calls"} <= set(stats)
        assert stats["accepted"][0] >= 1
        assert stats["rejected"][0] >= 0
        assert stats["rhs_calls"] >= 1

    def test_a_row_that_fails_leaves_the_others_alone(self, candidate: Candidate, usable: Solver) -> None:
        problem = candidate.simple

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            return np.where((row == 1)[:, None] & (t > 0.5)[:, None], np.nan, problem.plain(t, y, row, middle))

        ts = np.tile(np.linspace(0, 1, 5), (3, 1))
        found = usable.solve(f, np.repeat(problem.y0, 3, axis=0), np.zeros(3), ts, SolveOptions())
        assert [status == "ok" for status in found.status] == [True, False, True]
        assert np.isfinite(found.ys[[0, 2]]).all()
        assert np.isnan(found.ys[1, -1]).all()


def said(found: Trajectory) -> Trajectory:
    """The trajectory; a failed one has words, and NaN from the failing time on and only there."""
    if found.status[0] != "ok":
        assert found.message[0]
        missing = np.isnan(found.ys[0, :, 0])
        assert missing[-1], "a failed solve has no last state"
        assert (np.diff(missing.astype(int)) >= 0).all(), "missing from the failing time on, and only there"
    return found
