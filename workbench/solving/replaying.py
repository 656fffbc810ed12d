"""All steps of one trajectory at once, with f replayed from a recording as long as that holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..engine.explicit_steps import Field
from ..engine.grid import Grid
from ..engine.parallel import TOLERANCE, Joined
from ..engine.replay import Bound, Replay
from ..engine.replayed_steps import Evaluated, Replayed, ReplayedSteps
from ..engine.transverse import Transverse
from .callables import leaves_of

MOST_LINES = 4096  # steps: what f does with all of them is held at once

Start = tuple[np.ndarray, Evaluated | None, int, int, int]
"""A pool near the solution, matrices that will do once more, and what was spent: evaluations, passes, lines of f."""


def can_be_replayed(grid: Grid, device: torch.device) -> bool:
    """Whether a trajectory is one that replaying is made for, whatever its f."""
    return grid.rows == 1 and not grid.interpolates and grid.lines <= MOST_LINES and device.type == "cpu"


class Replaying:
    """The steps of a grid that can be replayed, by Newton's method from the last solve or from beside it.

    `f` is the callable that `field` evaluates. Its recording is made in the first solve; it no longer `holds` where f
    itself does something else.
    """

    def __init__(self, grid: Grid, field: Field, f: Any, transverse: Transverse | None) -> None:
        self._grid, self._field, self._f, self._transverse = grid, field, f, transverse
        self._steps = ReplayedSteps(grid)
        self._replay: Replay | None = None
        self.holds = True  # until f turns out to do something else

    def solve(self, start: torch.Tensor, past: np.ndarray, before: np.ndarray, far: bool) -> Joined | None:
        """The steps from `start` (1, entry), by past solves; None where they are not found.

        `past` (solve, steps + 1, entry) and `before` (step, entry), the slopes at the latest one's starts. The latest
        is not tried where the solution is `far`.
        """
        try:
            self._replay = self._replay or self._recorded(torch.from_numpy(past[0]))
            self.holds = self._replay is not None
            with np.errstate(all="ignore"):
                return None if self._replay is None else self._solved(self._replay, start, past, before, far)
        except (RuntimeError, TypeError, ValueError):  # weights in another shape or precision: f itself says so better
            self.holds = False
            return None

    def _solved(
        self, replay: Replay, start: torch.Tensor, past: np.ndarray, before: np.ndarray, far: bool
    ) -> Joined | None:
        y0, f, tolerance = start.numpy(), replay.bind(), TOLERANCE[start.dtype]
        near = None if far else self._from_last(f, y0, past[0], tolerance)
        near = near or self._from_beside(replay, f, y0, past, before, tolerance)
        if near is None:
            return None
        pool, rough, *spent = near
        joined = self._steps.join(f, pool, tolerance, rough)
        if joined is None:
            return None
        self.holds = replay.holds(torch.from_numpy(pool))
        if not self.holds:
            return None
        found = Replayed(self._steps, f, joined[0], replay.leaves)
        return Joined(torch.from_numpy(pool), found, spent[0] + joined[1], *spent[1:])

    def _recorded(self, states: torch.Tensor) -> Replay | None:
        with torch.enable_grad():
            first = self._grid.steps.nodes[0].part(np.zeros(1, int)).value(self._field, states[:1])
        return Replay.of(self._grid, self._field, states, leaves_of(self._f, first))

    def _from_last(self, f: Bound, y0: np.ndarray, last: np.ndarray, tolerance: float) -> Start | None:
        pool = np.concatenate([y0, last[1:]])
        near = self._steps.approach(f, pool, tolerance, patient=False)
        return None if near is None else (pool, near[1], near[0], 0, 0)

    def _from_beside(
        self, replay: Replay, f: Bound, y0: np.ndarray, past: np.ndarray, before: np.ndarray, tolerance: float
    ) -> Start | None:
        """In single precision: it is no more than a start."""
        if self._transverse is None:
            return None
        low, given = replay.single(), (y0, past, before)
        if low is not None:
            given = y0.astype(np.float32), past.astype(np.float32), before.astype(np.float32)
        reached = self._transverse.advance(low or f, *given)
        near = None if reached is None else self._steps.approach(low or f, reached.pool, tolerance, patient=True)
        if reached is None or near is None:
            return None
        pool = np.concatenate([y0, reached.pool[1:].astype(y0.dtype)])
        return pool, near[1] if low is None else None, near[0], reached.passes, reached.lines
