"""A step that someone wrote as a function, in the place of a tableau."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors.numerics import StepWithoutError
from .arrays import NumpyArrays, TorchArrays
from .dense import tower
from .flow import Flow
from .stepper import Slopes, powers

Array = Any
Field = Callable[[Array, Array], Array]
Step = Callable[[Field, Array, Array, Array, Any], tuple[Array, Array | None, Array | None, Any, Array | bool | None]]
"""step(f, t, y, h, carry) -> (y1, error, dense, carry, ok), over rows: y (rows, *state), t and h (rows, 1, …, 1), and
f(t, y) likewise.

error is the estimate of y1's error (None: it has none, and takes equal steps); dense the coefficients (power, rows,
*state) of θ, θ², … in y(θ) − y (None: cubic Hermite interpolation); carry an array or a tuple of arrays with an axis of
rows, or None, as in a row's first step; where ok (rows,) is False a shorter step is tried (True: nowhere).
"""

HERMITE = np.array([[float(x) for x in w] for w in tower([Fraction(0), Fraction(1), Fraction(0)], end=2)])


class FunctionStepper:
    """Steps of a step function; slopes are f at the start, the mean slope, f at the end, then dense coefficients."""

    c = c_all = np.array([[0.0], [0.5], [1.0]])
    end, closed, more = 2, False, 0
    jacobians_per_step, stiff = 0, False
    unsolved: np.ndarray | None = None
    iterations = None

    def __init__(self, step: Step, dense_powers: int, adaptive: bool, arrays: NumpyArrays | TorchArrays) -> None:
        self._step, self._powers, self._adaptive, self._arrays = step, dense_powers, adaptive, arrays
        self._carry: dict[int, Any] = {}
        self._pending: tuple[np.ndarray, Any] = (np.zeros(0, dtype=int), None)
        self.rhs_per_step = 0

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""
        return self._arrays.stack(3 + self._powers, rows, entries)

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1 and the error estimates (rows, entry)."""
        arrays, shape = self._arrays, (len(row), *f.shape)
        start, calls = y.reshape(shape), f.calls
        low, high = np.minimum(t[0], t[2]), np.maximum(t[0], t[2])

        def field(time: Array, state: Array) -> Array:
            if state is start:  # f at the start is known
                return k[0].reshape(shape)
            at = np.broadcast_to(arrays.numpy(time).reshape(-1), (len(row),)).astype(float)
            return f(np.clip(at, low, high), state.reshape(y.shape), row, middle).reshape(shape)

        column = (-1,) + (1,) * len(f.shape)
        y1, error, dense, carry, ok = self._step(
            field, arrays.column(t[0]).reshape(column), start, h.reshape(column), self._carried(row)
        )
        if error is None and self._adaptive:
            raise StepWithoutError("the step function gives no error estimate to choose steps by", help="set step=…")
        self.rhs_per_step, self._pending = f.calls - calls, (row, carry)
        y1 = self._where_ok(ok, y1.reshape(y.shape))
        k[1], k[2] = (y1 - y) / h, 0.0 * y
        for j in range(self._powers):
            k[3 + j] = dense[j].reshape(y.shape) / h  # type: ignore[index]  # dense_powers promises them
        return y1, [] if error is None else [self._where_ok(ok, error.reshape(y.shape))]

    def _where_ok(self, ok: Array | bool | None, y: Array) -> Array:
        self.unsolved = None
        if ok is None or ok is True:
            return y
        mask = np.broadcast_to(False if ok is False else self._arrays.numpy(ok).reshape(-1), (len(y),))
        self.unsolved = ~mask
        return y if mask.all() else self._arrays.where(mask, y, y * np.nan)

    def _carried(self, row: np.ndarray) -> Any:
        kept: list[Any] = [self._carry.get(int(i)) for i in row]
        if not kept or kept[0] is None:
            return None
        if isinstance(kept[0], tuple):
            return tuple(self._arrays.concatenate([one[i] for one in kept]) for i in range(len(kept[0])))
        return self._arrays.concatenate(kept)

    def accept(self, row: np.ndarray) -> None:
        """The last step was accepted in these rows: what it carries is handed on."""
        tried, carry = self._pending
        if carry is None:
            return
        copy = self._arrays.copy  # what is carried may be a slope whose place is written anew in the next step
        for i in np.searchsorted(tried, row):
            part = slice(i, i + 1)
            several = isinstance(carry, tuple)
            self._carry[int(tried[i])] = tuple(copy(x[part]) for x in carry) if several else copy(carry[part])

    def complete(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> Slopes:
        """Nothing is missing."""
        return k

    def dense_weights(self, theta: np.ndarray) -> np.ndarray:
        """The weight of each slope at θ (point,): (point, slope)."""
        if not self._powers:
            return powers(theta, HERMITE.shape[1]) @ HERMITE.T
        return np.concatenate([np.zeros((len(theta), 3)), powers(theta, self._powers)], axis=1)
