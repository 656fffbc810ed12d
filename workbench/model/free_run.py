"""Equations followed through their events, without data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..contracts import Ending, Mesh, SolveOptions, Solver, Trajectory
from ..contracts import Event as Watched
from ..system import Event
from .chain import Chain
from .events import Events
from .graph_rhs import GraphRhs


@dataclass(frozen=True)
class Found:
    """A piece that is nothing but what was found."""

    trajectory: Trajectory

    def until(self, trajectory: Trajectory) -> Found:
        """What was found, seen at other times."""
        return Found(trajectory)


class FreeRun(Chain):
    """A right-hand side solved from y0 (row, state) at t0 (row,) to ts (row, time), through the events of a System.

    With `meshes`, one a piece, on these very steps.
    """

    def __init__(
        self,
        events: Sequence[Event],
        solver: Solver,
        rhs: GraphRhs,
        y0: np.ndarray,
        t0: np.ndarray,
        ts: np.ndarray,
        meshes: Sequence[Mesh] | None = None,
    ) -> None:
        self._solver, self._rhs = solver, rhs
        self._meshes: Iterator[Mesh] | None = None if meshes is None else iter(meshes)
        super().__init__(Events(events, rhs), self._found, y0, t0, ts)

    def _found(
        self,
        rows: np.ndarray,
        y0: np.ndarray,
        t0: np.ndarray,
        ts: np.ndarray,
        events: tuple[Watched, ...],
        after: Ending | None,
    ) -> Found:
        replay = None if self._meshes is None else next(self._meshes)
        options = SolveOptions(events=events, after=after, replay=replay)
        with np.errstate(all="ignore"):
            return Found(self._solver.solve(self._rhs.of(rows), y0, t0, ts, options))
