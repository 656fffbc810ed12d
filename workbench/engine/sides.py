"""On which side of its events a row is, and when it changes sides."""

from __future__ import annotations

import numpy as np

from ..contracts import Ending


class Sides:
    """The sign of every event's g in every row (rows, event); 0 while a row has not left g = 0 yet.

    A row that starts on an event does not end with it at once: a ball on the floor must get off it before it can come
    down. `floor` (rows, event) is how far it has to go.
    """

    def __init__(self, rows: int, directions: np.ndarray) -> None:
        self.directions = directions
        self.side = np.zeros((rows, len(directions)))
        self.floor = np.zeros((rows, len(directions)))
        self.last = np.zeros((rows, len(directions)))  # g at the start of the next step

    def begin(self, row: np.ndarray, g: np.ndarray, after: Ending | None) -> None:
        """Rows (line,) start with g (line, event), after the events that they ended with."""
        side = np.sign(g)
        if after is not None:
            line = np.flatnonzero(after.index[row] >= 0)
            event, near = after.index[row[line]], 4 * after.resolution[row[line]]
            here = np.abs(g[line, event]) <= near
            side[line[here], event[here]] = 0.0
            self.floor[row[line[here]], event[here]] = near[here]
        self.side[row], self.last[row] = side, g

    def undecided(self, row: np.ndarray) -> bool:
        """Whether any of the rows has yet to leave g = 0."""
        return not self.side[row].all()

    def follow(self, row: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Where g (point, line, event) along a step first changes sides in a wanted direction (line, event), else −1.

        A g of exactly 0 is a change of sides. The rows' sides are then those at the end of the step.
        """
        side, floor = self.side[row], self.floor[row]
        found = np.full(side.shape, -1)
        for i, value in enumerate(g):
            crossed = (side * value <= 0) & (side != 0) & (self.directions * side <= 0) & (found < 0)
            found[crossed] = i
            settled = np.where(side == 0, np.abs(value) > floor, value != 0)
            side = np.where(settled & np.isfinite(value), np.sign(value), side)
        self.side[row] = side
        return found
