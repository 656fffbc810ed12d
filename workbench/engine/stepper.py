"""One step of a method, for all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .arrays import NumpyArrays, TorchArrays
from .flow import Flow
from .tableau import Tableau

Array = Any
Slopes = Any  # (stage, rows, entry); a list of (rows, entry) while torch keeps a graph


class Stepper(Protocol):
    """What the loop asks of a method. `c` are the nodes of a step (node, 1); of its slopes the first is f at its start.

    `end` is the index of the slope at the step's end, `closed` says that `step` has evaluated it.
    """

    c: np.ndarray
    c_all: np.ndarray  # with the nodes that only dense output needs
    end: int
    closed: bool
    more: int  # further evaluations a step with interior observations needs
    stiff: bool  # stability does not hold its steps

    @property
    def unsolved(self) -> np.ndarray | None:
        """In which rows (rows,) the last step's own equations were not solved, where it has any."""

    @property
    def iterations(self) -> np.ndarray | None:
        """How many the last step's equations take to the tolerance (rows,), inf for too many; None: no matter."""

    @property
    def rhs_per_step(self) -> int | np.ndarray:
        """Evaluations of f in the last step, the same in all rows or (rows,)."""

    @property
    def jacobians_per_step(self) -> int | np.ndarray:
        """Jacobians taken in the last step, likewise."""

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1 and the error estimates (rows, entry), given k[0]; h is a signed column; fills k."""

    def accept(self, row: np.ndarray) -> None:
        """The last step was accepted in these rows."""

    def complete(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> Slopes:
        """The slopes with those that only dense output needs."""

    def dense_weights(self, theta: np.ndarray) -> np.ndarray:
        """The weight of each slope at θ (point,): (point, slope)."""


class SelfContained:
    """A method whose dense output needs no slopes but those of the step; `_w` weighs them by powers of θ."""

    _w: np.ndarray  # (slope, power)

    def complete(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> Slopes:
        """Nothing is missing."""
        return k

    def dense_weights(self, theta: np.ndarray) -> np.ndarray:
        """The weight of each slope at θ (point,): (point, slope)."""
        return powers(theta, self._w.shape[1]) @ self._w.T


class TableauStepper:
    """Steps of an explicit tableau."""

    jacobians_per_step, stiff, unsolved, iterations = 0, False, None, None

    def __init__(self, tableau: Tableau, arrays: NumpyArrays | TorchArrays) -> None:
        data = tableau.arrays
        self._arrays = arrays
        self._own, self._all = data.own, data.all
        self._a = [arrays.weights(data.a[i, :i]) for i in range(data.all)]
        self._b = arrays.weights(data.b)
        self._errors = [arrays.weights(row) for row in data.errors]
        self._w = data.w
        self.c, self.c_all = data.c[: data.first, None], data.c[:, None]
        self.end, self.closed = data.first - 1, tableau.fsal
        self.first = data.first
        self.rhs_per_step, self.more = data.own - 1, data.all - data.first

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""
        return self._arrays.stack(self.first, rows, entries)

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1 and the error estimates (rows, entry), given k[0]; h is a signed column; fills k."""
        combine = self._arrays.combine
        y1 = y
        for i in range(1, self._own):
            y1 = y + h * combine(self._a[i], k[:i])
            k[i] = f(t[i], y1, row, middle)
        if not self.closed:
            y1 = y + h * combine(self._b, k[: self._own])
        return y1, [h * combine(e, k[: len(e)]) for e in self._errors]

    def accept(self, row: np.ndarray) -> None:
        """Nothing is carried but the slope at the end."""

    def complete(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> Slopes:
        """The slopes with those that only dense output needs; t (all nodes, rows)."""
        if not self.more:
            return k
        arrays = self._arrays
        full = arrays.stack(self._all, len(row), y.shape[1])
        for i in range(self._all):
            if i < self.first:
                full[i] = k[i]
            else:
                full[i] = f(t[i], y + h * arrays.weighted_sum(self._a[i], full[:i]), row, middle)
        return full

    def dense_weights(self, theta: np.ndarray) -> np.ndarray:
        """The weight of each slope at θ (point,): (point, slope)."""
        return powers(theta, self._w.shape[1]) @ self._w.T


def powers(theta: np.ndarray, n: int) -> np.ndarray:
    """θ, θ², … θⁿ (point, n)."""
    return theta[:, None] ** np.arange(1, n + 1)
