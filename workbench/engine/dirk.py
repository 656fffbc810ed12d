"""Steps of a diagonally implicit Runge–Kutta method whose first stage is f at the step's start (ESDIRK)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import NumpyArrays, TorchArrays
from .flow import Flow
from .jacobian import Call, Jacobians
from .newton import Newton, Solved
from .stepper import SelfContained, Slopes
from .tableau import Tableau

Array = Any


class DirkStepper(SelfContained):
    """k_i = f(t + c_i h, y + h Σ_{j<i} a_ij k_j + hγ k_i), stage after stage by Newton's method.

    The methods are stiffly accurate: the last slope is f at the end, known from its own equation and never from the
    state, whose rounding f would magnify. A row whose equations are not solved gets NaN, and a shorter step.
    """

    closed, more, stiff, iterations = True, 0, True, None

    def __init__(self, tableau: Tableau, arrays: NumpyArrays | TorchArrays, newton: Newton) -> None:
        data = tableau.arrays
        self._arrays, self._newton = arrays, newton
        self.stages, self.end = data.own, data.own - 1
        self.c = self.c_all = data.c[:, None]
        self._a = [arrays.weights(data.a[i, :i]) for i in range(data.own)]
        self._diagonal = [float(data.a[i, i]) for i in range(data.own)]
        self._errors, self._w = [arrays.weights(row) for row in data.errors], data.w
        self.unsolved: np.ndarray | None = None
        self.rhs_per_step: np.ndarray | int = 0
        self.jacobians_per_step: np.ndarray | int = 0

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""
        return self._arrays.stack(self.stages, rows, entries)

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1 and the error estimates (rows, entry), given k[0]; h is a signed column; fills k."""
        arrays = self._arrays
        derivatives = Jacobians(f.f, f, arrays)
        with arrays.quietly():
            inverse = self.inverse(derivatives.by_state(t[0], y, row, middle, k[0]), h)
        self.rhs_per_step, self.jacobians_per_step = np.zeros(len(row), int), np.ones(len(row), int)
        self.unsolved = np.zeros(len(row), bool)
        y1 = y
        for i in range(1, self.stages):
            y1, found = self.stage(i, f, derivatives, row, t[i], middle, h, y, k, inverse)
            self.unsolved |= ~(found.solved | found.lost)
            self.rhs_per_step += found.evaluations
            self.jacobians_per_step += found.jacobians
        return y1, [h * arrays.combine(e, k[: len(e)]) for e in self._errors]

    def inverse(self, jacobian: Array, h: Array) -> Array:
        """(I − hγJ)⁻¹ (rows, entry, entry), which all stages share."""
        return self._arrays.inverse(self._arrays.pencil(1.0, self._diagonal[-1] * h, jacobian))

    def stage(
        self,
        i: int,
        f: Call,
        derivatives: Jacobians,
        row: np.ndarray,
        t: np.ndarray,
        middle: np.ndarray,
        h: Array,
        y: Array,
        k: Slopes,
        inverse: Array,
    ) -> tuple[Array, Solved]:
        """The state at which stage i (not the first) evaluates f, and how it was found; writes its slope into k."""
        arrays = self._arrays
        base = y + h * arrays.combine(self._a[i], k[:i])
        scaled = self._diagonal[i] * h
        stage = Stage(f, derivatives, arrays, row, t, middle, scaled, base)
        with arrays.quietly():
            found = self._newton.solve(stage, k[i - 1], inverse)
        slope = stage.differentiable(found.k) if arrays.graph else found.k
        k[i] = slope if found.solved.all() else arrays.where(found.solved, slope, slope * np.nan)
        return base + scaled * k[i], found

    def accept(self, row: np.ndarray) -> None:
        """Nothing is carried but the slope at the end."""


class Stage:
    """k = f(t, base + hγ k) in some rows, `scaled` being hγ as a column (newton.Equations)."""

    evaluations = jacobians = 1

    def __init__(
        self,
        f: Call,
        derivatives: Jacobians,
        arrays: NumpyArrays | TorchArrays,
        row: np.ndarray,
        t: np.ndarray,
        middle: np.ndarray,
        scaled: Array,
        base: Array,
    ) -> None:
        self._f, self._derivatives, self._arrays = f, derivatives, arrays
        self._row, self._t, self._middle, self._scaled, self._base = row, t, middle, scaled, base

    def states(self, k: Array) -> Array:
        """Where f is evaluated (rows, entry)."""
        return self._base + self._scaled * k

    def moved(self, change: Array) -> Array:
        """How the states change with k (rows, entry)."""
        return self._scaled * change

    def slopes(self, y: Array) -> Array:
        """f at these states (rows, entry)."""
        return self._f(self._t, y, self._row, self._middle)

    def inverse(self, some: np.ndarray, y: Array) -> Array:
        """(I − hγJ)⁻¹ with J at the states of `some` rows (index)."""
        here = (self._t[some], y[some], self._row[some], self._middle[some])
        jacobian = self._derivatives.by_state(*here, self._f(*here))
        return self._arrays.inverse(self._arrays.pencil(1.0, self._scaled[some], jacobian))

    def differentiable(self, k: Array) -> Array:
        """One more step of Newton, exact and in torch's graph: its derivative is that of the implicit function."""
        arrays, fixed = self._arrays, k.detach()
        with arrays.quietly():
            jacobian = self._derivatives.by_state(self._t, self.states(fixed), self._row, self._middle, fixed)
            matrix = arrays.pencil(1.0, self._scaled, jacobian)
        return fixed + arrays.solve(matrix, self.slopes(self.states(fixed)) - fixed)
