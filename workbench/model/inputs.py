"""Measured inputs looked up inside a step: held, or linear between samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..dataset import Inputs

Lookup = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""u (line, input) of t, row and middle (line,)."""


class InputTable:
    """u(t) for lines of many trajectories at once.

    The interval is found from a time inside the step, so that a held input keeps its left value at the step's end.
    Before the first sample and after the last one the nearest interval goes on (held inputs stay, linear ones
    extrapolate held).
    """

    def __init__(self, inputs: Inputs, interpolation: Sequence[str]) -> None:
        starts = np.concatenate([[0], np.cumsum(inputs.row_size)]).astype(int)
        self._first, self._last = starts[:-1], starts[1:] - 1
        self._t, self._values = inputs.t, inputs.values
        self._origin = float(inputs.t.min())
        # one increasing axis for all trajectories: each is shifted past the one before
        self._stride = 2.0 * (float(inputs.t.max()) - self._origin) + 1.0
        owner = np.repeat(np.arange(len(inputs.row_size)), inputs.row_size)
        self._axis = inputs.t - self._origin + owner * self._stride
        self._linear = np.array([kind == "linear" for kind in interpolation])

    def __call__(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """u (line, input) at t (line,), for trajectory `row` (line,) and a step around `middle` (line,)."""
        span = np.clip(middle - self._origin, 0.0, self._stride - 1.0)
        left = np.searchsorted(self._axis, span + row * self._stride, side="right") - 1
        left = np.clip(left, self._first[row], self._last[row])
        u = self._values[left]
        if self._linear.any():
            right = np.minimum(left + 1, self._last[row])
            width = np.where(right > left, self._t[right] - self._t[left], 1.0)
            share = np.clip((t - self._t[left]) / width, 0.0, 1.0)[:, None]
            line = u + share * (self._values[right] - u)
            u = np.where(self._linear, line, u)
        return u

    def breaks(self, rows: np.ndarray) -> tuple[float, ...]:
        """The times at which the given trajectories' inputs jump or bend."""
        times = [self._t[self._first[i] : self._last[i] + 1] for i in rows]
        return tuple(np.unique(np.concatenate(times))) if times else ()
