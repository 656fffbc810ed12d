"""Steps as lines: every step of every trajectory side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lines:
    """Steps as lines: of trajectory `row`, its step `number`, from y over the signed h, node times t (stage, line).

    Observation `column` of row[line] is Σ weights · slopes after y[line]; `weights` (observation, stage) holds b at a
    step's end and the dense output inside.
    """

    row: np.ndarray
    number: np.ndarray
    y: np.ndarray  # (line, state)
    h: np.ndarray
    t: np.ndarray
    middle: np.ndarray
    line: np.ndarray  # (observation,)
    column: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def part(self, chosen: np.ndarray) -> tuple[Lines, np.ndarray]:
        """Some lines (increasing) with their observations, and the numbers of those observations."""
        place = np.full(len(self), -1)
        place[chosen] = np.arange(len(chosen))
        seen = np.flatnonzero(place[self.line] >= 0)
        lines = Lines(
            self.row[chosen],
            self.number[chosen],
            self.y[chosen],
            self.h[chosen],
            self.t[:, chosen],
            self.middle[chosen],
            place[self.line[seen]],
            self.column[seen],
            self.weights[seen],
        )
        return lines, seen

    def chunks(self, size: int) -> Iterator[tuple[np.ndarray, Lines, np.ndarray]]:
        """The lines in pieces of at most `size`: their numbers, the piece, the numbers of its observations."""
        for first in range(0, len(self), size):
            chosen = np.arange(first, min(first + size, len(self)))
            yield chosen, *self.part(chosen)
