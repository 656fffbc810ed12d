"""Measured inputs looked up inside a step: held, linear between samples, or cubic splines through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..compiled import Pieces
from ..dataset import Inputs
from ..engine.piecewise import Piecewise, Place, spline_slopes

Lookup = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""u (line, input) of t, row and middle (line,)."""


class InputTable:
    """u(t) and du/dt for lines of many trajectories at once (see `engine.piecewise`)."""

    def __init__(self, inputs: Inputs, interpolation: Sequence[str]) -> None:
        self._pieces = Piecewise(inputs.t, inputs.row_size, interpolation)
        self._values, self._inputs, self._kinds = inputs.values, inputs, interpolation
        self._columns = np.arange(inputs.values.shape[1])
        self._slopes = np.zeros_like(inputs.values)
        cubic = self._pieces.cubic
        if cubic.any():
            for i in range(self._pieces.trajectories):
                own = self._pieces.samples(i)
                self._slopes[own, cubic] = spline_slopes(inputs.t[own], inputs.values[own][:, cubic])

    def __call__(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """u (line, input) at t (line,), for trajectory `row` (line,) and a step around `middle` (line,)."""
        if self._pieces.held:
            return self._values[self._pieces.left_of(middle, row)]
        place = self._pieces.place(t, row, middle)
        return self._values[place.left, self._columns] + self._change(place)

    def slope(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """du/dt (line, input) inside the step: 0 where an input is held."""
        if self._pieces.held:
            return np.zeros((len(t), len(self._columns)))
        return self._change(self._pieces.slope_place(t, row, middle))

    def _change(self, place: Place) -> np.ndarray:
        values, slopes, at = self._values, self._slopes, self._columns
        change = place.share * (values[place.right, at] - values[place.left, at])
        if self._pieces.cubic.any():
            change += place.bend_left * slopes[place.left, at] + place.bend_right * slopes[place.right, at]
        return change

    def pieces(self, rows: np.ndarray) -> Pieces:
        """As the compiled engine reads them, for these trajectories."""
        return Pieces.of(self._inputs.t, self._inputs.row_size, self._kinds, self._values, rows)

    def breaks(self, rows: np.ndarray) -> tuple[float, ...]:
        """The times at which the given trajectories' inputs jump or bend."""
        return self._pieces.breaks(rows)
