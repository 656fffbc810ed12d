"""∂f/∂y and ∂f/∂t along a solve: the right-hand side's own where it has them, else torch's or central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..contracts import Rhs
from .arrays import NumpyArrays, TorchArrays

Array = Any
Call = Callable[[np.ndarray, Array, np.ndarray, np.ndarray], Array]
FEW = 64  # up to this many parameters `jacobians` is taken for f_y alone


class Jacobians:
    """The derivatives of f by flat states and by time; `call` is f on flat states.

    An Rhs may have `state_jacobian(t, y, row, middle)` (line, entry, entry), `jacobians` (contracts.LinearRhs), and
    `slope_in_time(t, y, row, middle)` (line, entry), which is None where it is not known. Without them f is called on
    shifted states, all shifts and all lines in one call: central differences, whose error of about 1e-10 of f is far
    below usual tolerances and costs a Rosenbrock method its last digits. Tensors are differentiated by torch.
    """

    def __init__(self, rhs: Rhs, call: Call, arrays: NumpyArrays | TorchArrays) -> None:
        self._call, self._arrays = call, arrays
        own, full = getattr(rhs, "state_jacobian", None), getattr(rhs, "jacobians", None)
        if own is None and full is not None and getattr(rhs, "n_parameters", 0) <= FEW:
            own = lambda *arguments: full(*arguments)[0]  # noqa: E731  # one of two ways to the same function
        self._own = own
        self._in_time = getattr(rhs, "slope_in_time", None)

    def by_state(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray, f: Array) -> Array:
        """f_y (line, entry, entry), given f there."""
        if isinstance(self._arrays, TorchArrays):
            return self._arrays.jacobian(lambda state: self._call(t, state, row, middle), y)
        if self._own is not None:
            return self._own(t, y, row, middle)
        return self._differences(t, y, row, middle, f)

    def by_time(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray, f: Array, h: np.ndarray) -> Array:
        """∂f/∂t (line, entry), inputs moving, given f there and the signed step h (line,)."""
        known = self._in_time(t, y, row, middle) if self._in_time is not None else None
        if known is not None:
            return known
        ahead = h * self._arrays.epsilon**0.25  # one-sided: f is not to be asked outside of the step
        one, two = (self._call(t + n * ahead, y, row, middle) for n in (1, 2))
        return (4.0 * one - 3.0 * f - two) / self._arrays.column(2.0 * ahead)

    def _differences(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, f: np.ndarray
    ) -> np.ndarray:
        """(f(y + δ) − f(y − δ))/2δ by each entry; one-sided where f is not finite on the other side."""
        lines, entries = y.shape
        cube_root, size = self._arrays.epsilon ** (1 / 3), np.abs(y)
        width = cube_root * np.maximum(size, 1e-3 * size.max(axis=1, keepdims=True))
        width = np.where(width > 0, width, cube_root).astype(y.real.dtype)
        shift = np.eye(entries, dtype=width.dtype)[:, None, :] * width  # (entry shifted, line, entry)
        shifted = np.concatenate([y + shift, y - shift]).reshape(-1, entries)
        copies = [np.tile(x, 2 * entries) for x in (t, row, middle)]
        up, down = self._call(copies[0], shifted, copies[1], copies[2]).reshape(2, entries, lines, entries)
        column = width.T[:, :, None]
        slope = (up - down) / (2 * column)
        for side in ((up - f) / column, (f - down) / column):
            slope = np.where(np.isfinite(slope), slope, side)
        return slope.transpose(1, 2, 0)
