"""Where trajectories are smooth: between the events that happen to them at known times."""

from __future__ import annotations

import numpy as np

from ..model import Model
from ..model.events import Events
from ..model.graph_rhs import GraphRhs


class Stretches:
    """Times of a model's trajectories, numbered by the stretch between events that they lie in.

    An event ends the stretch that its own time belongs to, for a value observed there is the one before it.
    """

    def __init__(self, model: Model) -> None:
        n, x = model.data.n_trajectories, model.unknowns.start
        self._jumps = np.zeros((n, 0))  # (trajectory, event), as they are at the start values
        self.known = True
        """No unknown moves an event."""
        if not model.events:
            return
        rhs, rows = model.rhs(x, np.arange(n)), np.arange(n)
        assert isinstance(rhs, GraphRhs), "events are formulas"
        events = Events(model.events, rhs)
        self._jumps, _ = events.given(n)
        by_p = events.given_by_p(n)
        lines = by_p.reshape(-1, by_p.shape[2])
        moves = model.columns.by_unknowns(lines, np.repeat(rows, by_p.shape[1]), x)
        self.known = not events.triggers and not moves.any()

    def of(self, t: np.ndarray, trajectory: np.ndarray) -> np.ndarray:
        """The number (point,) of the stretch at t (point,) of each trajectory (point,); it rises along them."""
        passed = (self._jumps[trajectory] < t[:, None]).sum(axis=1)
        return trajectory * (self._jumps.shape[1] + 1) + passed
