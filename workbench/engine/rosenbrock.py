"""Steps of a Rosenbrock method: one Jacobian a step, and one linear system a stage."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .arrays import NumpyArrays, TorchArrays
from .dense import tower
from .flow import Flow
from .jacobian import Jacobians
from .rosenbrock_tableau import RosenbrockTableau
from .stepper import SelfContained, Slopes

Array = Any


class RosenbrockStepper(SelfContained):
    """(I/γ − hJ) k_i = f(t + α_i h, y + h Σ a_ij k_j) + Σ c_ij k_j + γ_i h f_t (Hairer & Wanner II, IV.7, eq. 7.25).

    Its slopes are f at the start, the stages k_i, and f at the end.
    """

    closed, more, stiff, unsolved, iterations = False, 0, True, None, None

    def __init__(self, tableau: RosenbrockTableau, arrays: NumpyArrays | TorchArrays) -> None:
        data = tableau.arrays
        self._arrays, self._data = arrays, data
        self.stages = len(data.m)
        self.end = self.stages + 1
        self.c = self.c_all = np.concatenate([[0.0], data.alpha, [1.0]])[:, None]
        self._a = [arrays.weights(data.a[i, :i]) for i in range(self.stages)]
        self._c = [arrays.weights(data.c[i, :i]) for i in range(self.stages)]
        self._m, self._errors = arrays.weights(data.m), [arrays.weights(row) for row in data.errors]
        self._w = dense_weights(tableau)
        self.rhs_per_step: int = 0
        self.jacobians_per_step: int = 1
        self._known: tuple[Array, Array] | None = None  # the state that the Jacobian was last taken at, and that

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""
        return self._arrays.stack(self.stages + 2, rows, entries)

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1 and the error estimates (rows, entry), given k[0]; h is a signed column; fills k."""
        arrays, data, calls = self._arrays, self._data, f.calls
        derivatives = Jacobians(f.f, f, arrays)
        jacobian = self._jacobian(derivatives, t[0], y, row, middle, k[0])
        in_time = None
        if data.gammas.any():
            in_time = h * derivatives.by_time(t[0], y, row, middle, k[0], arrays.numpy(h)[:, 0].astype(float))
        matrix = arrays.pencil(1.0 / data.gamma, h, jacobian)
        for i in range(self.stages):
            right = k[0]
            if data.a[i].any() or data.alpha[i] != 0:
                inner = y + h * arrays.combine(self._a[i], k[1 : i + 1]) if data.a[i].any() else y
                right = f(t[i + 1], inner, row, middle)
            if data.c[i].any():
                right = right + arrays.combine(self._c[i], k[1 : i + 1])
            if in_time is not None and data.gammas[i] != 0:
                right = right + float(data.gammas[i]) * in_time
            k[i + 1] = arrays.solve(matrix, right)
        self.rhs_per_step = f.calls - calls
        own = k[1 : self.stages + 1]
        y1 = y + h * arrays.combine(self._m, own)
        return y1, [h * arrays.combine(e, own) for e in self._errors]

    def _jacobian(
        self, derivatives: Jacobians, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray, k: Array
    ) -> Array:
        """f_y at the start; where every row's last try was rejected it is known already."""
        self.jacobians_per_step = int(self._known is None or self._known[0] is not y)
        if self.jacobians_per_step or self._known is None:
            self._known = (y, derivatives.by_state(t, y, row, middle, k))
        return self._known[1]

    def accept(self, row: np.ndarray) -> None:
        """Nothing is carried but the slope at the end."""


def dense_weights(tableau: RosenbrockTableau) -> np.ndarray:
    """The weights of f at the start, the stages and f at the end as powers of θ (slope, power)."""
    own = tableau.arrays.w
    if own.shape[1]:
        return np.pad(own, ((1, 1), (0, 0)))
    weights = tower([Fraction(0), *map(Fraction, tableau.m), Fraction(0)], end=len(tableau.m) + 1)
    return np.array([[float(x) for x in row] for row in weights])
