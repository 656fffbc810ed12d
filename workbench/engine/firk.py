"""Steps of a fully implicit Runge–Kutta method, whose stages are one system of equations (Radau IIA, Lobatto IIIA)."""

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


class FirkStepper(SelfContained):
    """k_i = f(t + c_i h, y + h Σ_j a_ij k_j), all stages at once by Newton's method; k_0 is f at the step's start.

    The methods are stiffly accurate: the last slope is f at the end, known from its own equation and never from the
    state, whose rounding f would magnify. A row whose equations are not solved gets NaN, and a shorter step. With s
    coupled stages of n entries a step inverts one matrix of s·n rows, about s³ times the work of a diagonally implicit
    method, and an iteration calls f once, for s lines a row.

    The error estimate is (I − hγ₀J)⁻¹ h Σ e_i k_i with J at the step's start, where the method has a γ₀ (`filter`): as
    it stands the sum grows with the stiffness of the problem (Hairer & Wanner, Solving ODEs II, 2nd ed., IV.8).
    """

    closed, more, stiff = True, 0, True

    def __init__(self, tableau: Tableau, arrays: NumpyArrays | TorchArrays, newton: Newton) -> None:
        data = tableau.arrays
        self._arrays, self._newton = arrays, newton
        self.stages, self.end = data.own, data.own - 1
        self.c = self.c_all = data.c[:, None]
        self._first, self._a = arrays.weights(data.a[1:, 0]), arrays.weights(data.a[1:, 1:])
        self._filter, self._w = data.gamma, data.w
        self._errors = [arrays.weights(row) for row in data.errors]
        self.unsolved: np.ndarray | None = None
        self.iterations: np.ndarray | None = None
        self._past = Past(arrays, data.c[1:])
        self._tried: tuple[np.ndarray, np.ndarray, Array] | None = None  # rows, h and slopes of the last step
        self.rhs_per_step: np.ndarray | int = 0
        self.jacobians_per_step: np.ndarray | int = 0

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""
        return self._arrays.stack(self.stages, rows, entries)

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1 and the error estimates (rows, entry), given k[0]; h is a signed column; fills k."""
        arrays, derivatives = self._arrays, Jacobians(f.f, f, self._arrays)
        with arrays.quietly():
            jacobian = derivatives.by_state(t[0], y, row, middle, k[0])
            guess = self._past.guess(f.rows, row, h, k[0])
        states, found = self.solve(f, derivatives, row, t, middle, h, y, k, jacobian, guess)
        self.unsolved, self.iterations = ~(found.solved | found.lost), found.iterations
        self.rhs_per_step, self.jacobians_per_step = found.evaluations, 1 + found.jacobians
        self._tried = row, arrays.numpy(h)[:, 0], found.k
        with arrays.quietly():
            errors = [h * arrays.combine(e, k[: len(e)]) for e in self._errors]
            if self._filter and errors:
                matrix = arrays.pencil(1.0, self._filter * h, jacobian)
                errors = [arrays.solve(matrix, error) for error in errors]
        return states[:, -1], errors

    def solve(
        self,
        f: Call,
        derivatives: Jacobians,
        row: np.ndarray,
        t: np.ndarray,
        middle: np.ndarray,
        h: Array,
        y: Array,
        k: Slopes,
        jacobian: Array,
        guess: Array,
    ) -> tuple[Array, Solved]:
        """The states at which the coupled stages evaluate f (rows, stage, entry), given k[0] and J there; fills k.

        Also how they were solved for, with their slopes side by side (rows, stage · entry), like the `guess`, outside
        of torch's graph.
        """
        arrays = self._arrays
        base = (y + 0.0 * h)[:, None] + (h * k[0])[:, None] * self._first[None, :, None]
        stages = CoupledStages(f, derivatives, arrays, row, t[1:], middle, h, base, self._a)
        with arrays.quietly():
            found = self._newton.solve(stages, guess, arrays.inverse(coupled(arrays, self._a, h, jacobian[:, None])))
        slopes = stages.differentiable(found.k) if arrays.graph else found.k
        if not found.solved.all():
            slopes = arrays.where(found.solved, slopes, slopes * np.nan)
        for i, slope in enumerate(stages.apart(slopes).swapaxes(0, 1), start=1):
            k[i] = slope
        return stages.apart(stages.states(slopes)), found

    def accept(self, row: np.ndarray) -> None:
        """The last step was accepted in these rows: the next one starts from its polynomial."""
        assert self._tried is not None
        tried, h, slopes = self._tried
        place = np.searchsorted(tried, row)
        self._past.keep(row, h[place], slopes[place])


class Past:
    """First slopes for a step's equations: the polynomial through those of the last step, followed beyond its end.

    They decide how soon the equations are solved, and not by what (Solving ODEs II, IV.8).
    """

    def __init__(self, arrays: NumpyArrays | TorchArrays, c: np.ndarray) -> None:
        self._arrays, self._c = arrays, c
        self._basis = np.linalg.inv(np.vander(c, increasing=True))  # (power, stage)
        self._h = np.zeros(0)  # (row of the solve,), NaN where there was no step yet
        self._k: Array = None  # (row of the solve, stage · entry)

    def guess(self, rows: int, row: np.ndarray, h: Array, k0: Array) -> Array:
        """Slopes of the coupled stages (row, stage · entry) for steps h; in a first step k0 all over."""
        arrays, stages = self._arrays, len(self._c)
        first = arrays.concatenate([k0] * stages, axis=1)
        if self._k is None:
            self._h, self._k = np.full(rows, np.nan), arrays.like(np.zeros((rows, first.shape[1])))
        known = np.isfinite(self._h[row])
        if not known.any():
            return first
        theta = 1.0 + self._c * (arrays.numpy(h) / np.where(known, self._h[row], 1.0)[:, None])  # (row, stage)
        weights = arrays.weights(theta[..., None] ** np.arange(stages) @ self._basis)
        before = self._k[row].reshape(len(row), stages, -1)
        return arrays.where(known, (weights[..., None] * before[:, None]).sum(2).reshape(first.shape), first)

    def keep(self, row: np.ndarray, h: np.ndarray, k: Array) -> None:
        """These rows took steps h (row,) with slopes k (row, stage · entry)."""
        self._h[row] = h
        self._k = self._arrays.put(self._k, row, k)


class CoupledStages:
    """k_i = f(t_i, base_i + h Σ_j a_ij k_j) in some rows, the stages side by side as one flat row (newton.Equations).

    t is (stage, rows), h a column, base (rows, stage, entry) and a (stage, stage).
    """

    def __init__(
        self,
        f: Call,
        derivatives: Jacobians,
        arrays: NumpyArrays | TorchArrays,
        row: np.ndarray,
        t: np.ndarray,
        middle: np.ndarray,
        h: Array,
        base: Array,
        a: Array,
    ) -> None:
        self._f, self._derivatives, self._arrays = f, derivatives, arrays
        self._row, self._t, self._middle, self._h, self._base, self._a = row, t.T, middle, h, base, a
        self.evaluations = self.jacobians = len(a)

    def apart(self, flat: Array) -> Array:
        """The stages of flat rows: (rows, stage, entry)."""
        return flat.reshape(len(flat), len(self._a), -1)

    def states(self, k: Array) -> Array:
        """Where f is evaluated, flat."""
        return self._base.reshape(k.shape) + self.moved(k)

    def moved(self, change: Array) -> Array:
        """How the states change with k, flat."""
        mixed = (self._a[None, :, :, None] * self.apart(change)[:, None]).sum(2)
        return self._h * mixed.reshape(change.shape)

    def slopes(self, y: Array) -> Array:
        """f at these states, flat: one call for the stages of all rows."""
        return self._f(*self._lines(np.arange(len(self._row)), y)).reshape(y.shape)

    def inverse(self, some: np.ndarray, y: Array) -> Array:
        """The inverse of I − h a_ij J_i in `some` rows (index), with the Jacobians of where each stage stands."""
        matrix = coupled(self._arrays, self._a, self._h[some], self._jacobians(some, y))
        return self._arrays.inverse(matrix)

    def differentiable(self, k: Array) -> Array:
        """One more step of Newton, exact and in torch's graph: its derivative is that of the implicit function."""
        arrays, fixed = self._arrays, k.detach()
        with arrays.quietly():
            matrix = coupled(arrays, self._a, self._h, self._jacobians(np.arange(len(k)), self.states(fixed)))
        return fixed + arrays.solve(matrix, self.slopes(self.states(fixed)) - fixed)

    def _jacobians(self, some: np.ndarray, y: Array) -> Array:
        t, states, row, middle = self._lines(some, y)
        found = self._derivatives.by_state(t, states, row, middle, self._f(t, states, row, middle))
        return found.reshape(len(some), len(self._a), *found.shape[1:])

    def _lines(self, some: np.ndarray, y: Array) -> tuple[np.ndarray, Array, np.ndarray, np.ndarray]:
        """Every stage of `some` rows as a line: times, states, rows, middles."""
        stages, chosen = len(self._a), y if len(some) == len(y) else y[some]
        row, middle = np.repeat(self._row[some], stages), np.repeat(self._middle[some], stages)
        return self._t[some].reshape(-1), chosen.reshape(len(row), -1), row, middle


def coupled(arrays: NumpyArrays | TorchArrays, a: Array, h: Array, jacobians: Array) -> Array:
    """I − h a_ij J_i (rows, stage · entry, stage · entry), for J of every stage (rows, stage or 1, entry, entry)."""
    blocks = a[None, :, None, :, None] * jacobians[:, :, :, None]
    size = len(a) * jacobians.shape[-1]
    return arrays.pencil(1.0, h, blocks.reshape(len(h), size, size))
