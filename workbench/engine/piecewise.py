"""Signals given by samples: held, linear, or a cubic spline between them; value and slope for many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KINDS = ("hold", "linear", "cubic")


@dataclass(frozen=True)
class Place:
    """Where some lines lie among the samples: u = v_l + share (v_r − v_l) + bend_l d_l + bend_r d_r.

    `left` and `right` are numbers of samples (line, input), v their values and d their slopes; the three weights are
    (line, input).
    """

    left: np.ndarray
    right: np.ndarray
    share: np.ndarray
    bend_left: np.ndarray
    bend_right: np.ndarray


class Piecewise:
    """u(t) from samples t (sample,) of trajectories with `sizes` samples each, one kind of interpolation an input.

    A held input is found from a time inside the step, so that it keeps its left value at the step's end, and so is the
    interval of a linear one; both end steps at the samples (`breaks`). A cubic one is looked up at the time itself: its
    slope is continuous and steps may go over its samples. Before the first sample and after the last one every input
    stays at the nearest value.

    The cubic is the not-a-knot spline: one cubic through the first four samples and one through the last four, with
    continuous second derivative in between, so that cubics are reproduced (de Boor 1978, A Practical Guide to Splines,
    ch. IV); a parabola through three samples, a line through two.
    """

    def __init__(self, t: np.ndarray, sizes: np.ndarray, kinds: Sequence[str]) -> None:
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.t, self._first, self._last = np.asarray(t, dtype=float), starts[:-1], starts[1:] - 1
        self._linear = np.array([kind == "linear" for kind in kinds])
        self.cubic = np.array([kind == "cubic" for kind in kinds])
        self._held = not (self._linear.any() or self.cubic.any())
        self._origin = float(self.t.min())
        # one increasing axis for all trajectories: each is shifted past the one before
        self._stride = 2.0 * (float(self.t.max()) - self._origin) + 1.0
        self._axis = self.t - self._origin + np.repeat(np.arange(len(sizes)), sizes) * self._stride

    @property
    def trajectories(self) -> int:
        """How many there are."""
        return len(self._first)

    def spline_matrix(self, trajectory: int) -> np.ndarray:
        """The slopes of the spline through a trajectory's samples per value of each (sample, sample)."""
        t = self.t[self.samples(trajectory)]
        return spline_slopes(t, np.eye(len(t)))

    def samples(self, trajectory: int) -> slice:
        """A trajectory's samples."""
        return slice(int(self._first[trajectory]), int(self._last[trajectory]) + 1)

    def left_of(self, t: np.ndarray, row: np.ndarray) -> np.ndarray:
        """The last sample (line,) that is not after t, or the first one."""
        span = np.clip(t - self._origin, 0.0, self._stride - 1.0)
        left = np.searchsorted(self._axis, span + row * self._stride, side="right") - 1
        return np.clip(left, self._first[row], self._last[row])

    @property
    def held(self) -> bool:
        """Every input is held: u is the value to the left."""
        return self._held

    def place(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> Place:
        """Where t (line,) lies, for trajectory `row` (line,) and a step around `middle` (line,)."""
        left, right, width, s = self._interval(t, row, middle)
        smooth = s * s * (3.0 - 2.0 * s)
        share = np.where(self.cubic, smooth, np.where(self._linear, s, 0.0))
        bends = width * s * (1.0 - s) ** 2, -width * s * s * (1.0 - s)
        return Place(left, right, share, *(np.where(self.cubic, bend, 0.0) for bend in bends))

    def slope_place(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> Place:
        """The same for du/dt, which is share (v_r − v_l) + bend_l d_l + bend_r d_r; 0 where held and outside."""
        left, right, width, s = self._interval(t, row, middle)
        inside = (middle >= self.t[self._first[row]]) & (middle <= self.t[self._last[row]]) & (width[:, 0] > 0)
        width = np.where(width > 0, width, 1.0)
        share = np.where(self.cubic, 6.0 * s * (1.0 - s), np.where(self._linear, 1.0, 0.0)) / width
        bends = (1.0 - s) * (1.0 - 3.0 * s), s * (3.0 * s - 2.0)
        parts = (share, *(np.where(self.cubic, bend, 0.0) for bend in bends))
        return Place(left, right, *(np.where(inside[:, None], part, 0.0) for part in parts))

    def _interval(
        self, t: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Samples left and right, the time between them (0 where they are one), and t's share of it, in [0, 1]."""
        left = self.left_of(middle, row)[:, None]
        if self.cubic.any():
            left = np.where(self.cubic, self.left_of(t, row)[:, None], left)
            last = self._last[row][:, None]
            # the last sample itself closes its interval
            left = np.where(self.cubic & (left == last), np.maximum(last - 1, self._first[row][:, None]), left)
        right = np.minimum(left + 1, self._last[row][:, None])
        width = self.t[right] - self.t[left]
        s = np.clip((t[:, None] - self.t[left]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
        return left, right, width, np.where(width > 0, s, 0.0)

    def breaks(self, rows: np.ndarray) -> tuple[float, ...]:
        """The times at which the given trajectories' inputs jump or bend."""
        times = [self.t[self.samples(int(i))] for i in rows]
        if self.cubic.all():
            times = [own[[0, -1]] for own in times]
        return tuple(np.unique(np.concatenate(times))) if times else ()


def spline_slopes(t: np.ndarray, values: np.ndarray) -> np.ndarray:
    """dy/dt (sample, column) of the not-a-knot splines through `values` at the times t (sample,)."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(t, values)(t, 1) if len(t) > 1 else np.zeros_like(values)
