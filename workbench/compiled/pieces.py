"""Inputs as the kernels read them: a cubic polynomial in t from knot to knot, for every trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..engine.piecewise import spline_slopes
from .abi import Task, address


@dataclass(frozen=True)
class Pieces:
    """Piece i of a row holds from knots[i] (−inf for its first) to the next knot; there u = Σ q_m (t − origins[i])ᵐ.

    A smooth input is looked up at the time itself, another by the middle of the step (see engine.piecewise).
    """

    first: np.ndarray  # (row + 1,) int64: the pieces of row r are first[r] … first[r + 1]
    knots: np.ndarray  # (piece,)
    origins: np.ndarray  # (piece,)
    coefficients: np.ndarray  # (piece, input, 4)
    smooth: np.ndarray  # (input,) uint8

    @classmethod
    def of(cls, t: np.ndarray, sizes: np.ndarray, kinds: Sequence[str], values: np.ndarray, rows: np.ndarray) -> Pieces:
        """From samples t (sample,) and values (sample, input) of trajectories with `sizes` each, for some of them."""
        ends = np.cumsum(sizes)
        starts = ends - sizes
        own = [_row(t[starts[r] : ends[r]], kinds, values[starts[r] : ends[r]]) for r in rows]
        first = np.concatenate([[0], np.cumsum([len(knots) for knots, _, _ in own])]).astype(np.int64)
        knots, origins, coefficients = (np.ascontiguousarray(np.concatenate(part)) for part in zip(*own, strict=True))
        smooth = np.array([kind == "cubic" for kind in kinds], np.uint8)
        return cls(first, knots, origins, coefficients, smooth)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and inputs."""
        return len(self.first) - 1, self.coefficients.shape[1]

    def point(self, task: Task) -> None:
        """Write the addresses into a task."""
        task.u_first, task.u_knots, task.u_smooth = address(self.first), address(self.knots), address(self.smooth)
        task.u_origin, task.u_pieces = address(self.origins), address(self.coefficients)

    def __call__(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """u (line, input), as a kernel finds it."""
        by_time, by_middle = (self._at(self._place(x, row), t) for x in (t, middle))
        return np.where(self.smooth > 0, by_time, by_middle)

    def _place(self, t: np.ndarray, row: np.ndarray) -> np.ndarray:
        return np.array(
            [
                self.first[r] + np.searchsorted(self.knots[self.first[r] : self.first[r + 1]], x, "right") - 1
                for r, x in zip(row, t, strict=True)
            ],
            dtype=int,
        )

    def _at(self, place: np.ndarray, t: np.ndarray) -> np.ndarray:
        s = (t - self.origins[place])[:, None]
        q = self.coefficients[place]
        return q[..., 0] + s * (q[..., 1] + s * (q[..., 2] + s * q[..., 3]))


def _row(t: np.ndarray, kinds: Sequence[str], values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knots, origins and coefficients of one row: constant before its first sample and after its last one."""
    knots, origins = np.concatenate([[-np.inf], t]), np.concatenate([t[:1], t])
    q = np.zeros((len(knots), values.shape[1], 4))
    q[0, :, 0], q[1:, :, 0] = values[0], values
    width = np.diff(t)[:, None]
    inner = q[1:-1]
    slope = np.diff(values, axis=0) / width
    for j, kind in enumerate(kinds):
        if kind == "linear":
            inner[:, j, 1] = slope[:, j]
        elif kind == "cubic":
            bend = spline_slopes(t, values[:, j : j + 1])[:, 0]
            inner[:, j, 1] = bend[:-1]
            inner[:, j, 2] = (3 * slope[:, j] - 2 * bend[:-1] - bend[1:]) / width[:, 0]
            inner[:, j, 3] = (bend[:-1] + bend[1:] - 2 * slope[:, j]) / width[:, 0] ** 2
    return knots, origins, q
