"""Steps of a splitting method: kicks of the momenta and drifts of the positions in turn, and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts import Rhs
from ..errors.numerics import NotSeparable
from .arrays import NumpyArrays, TorchArrays
from .flow import Flow
from .jacobian import Call, Jacobians
from .lines import Lines
from .splitting_method import Splitting
from .stages import AdjointRhs, derivatives_at, plus_identity
from .step_function import HERMITE
from .stepper import Slopes, powers

Array = Any


def momenta(rhs: Rhs, call: Call, arrays: NumpyArrays | TorchArrays, t: np.ndarray, y: Array, row: np.ndarray) -> Any:
    """Which entries are momenta (entry,): those of the second of two groups that f couples to each other only.

    Told from where f_y is not zero, at y and beside it. An entry that no other one is coupled to is a momentum if
    nothing depends on it. Raises NotSeparable.
    """
    states = arrays.numpy(y).real.astype(float)
    number = np.arange(states.shape[1])
    beside = states * (1 + 0.1 * np.cos(1 + number)) + 0.1 * np.sin(1 + number) * np.abs(states).max()
    coupled = np.zeros((len(number), len(number)), bool)
    for state in (states, beside):
        here = arrays.like(state)
        jacobian = Jacobians(rhs, call, arrays).by_state(t, here, row, t, call(t, here, row, t))
        coupled |= (arrays.numpy(jacobian) != 0).any(axis=0)
    group = np.full(len(number), -1)
    both = coupled | coupled.T
    for first in range(len(number)):
        waiting = [first] if group[first] < 0 else []
        group[waiting] = 0
        while waiting:
            i = waiting.pop()
            for j in np.flatnonzero(both[i]).tolist():
                if group[j] == group[i]:
                    raise _not_separable(*((j, i) if coupled[j, i] else (i, j)))
                if group[j] < 0:
                    group[j] = 1 - group[i]
                    waiting.append(j)
    return group == 1


def _not_separable(moved: int, mover: int) -> NotSeparable:
    return NotSeparable(
        f"the slope of component {moved} depends on component {mover}: there are no positions and momenta",
        help="take another solver, such as tsit5",
    )


class SplittingStepper:
    """Steps of a splitting method; slopes are f at the start, the mean slope, f at the end."""

    c_all = np.array([[0.0], [0.5], [1.0]])
    end, closed, more = 2, False, 0
    jacobians_per_step, stiff, unsolved, iterations = 0, False, None, None

    def __init__(self, method: Splitting, arrays: NumpyArrays | TorchArrays) -> None:
        self._arrays, self._substeps = arrays, method.substeps
        nodes = [time for _, _, time in self._substeps]
        self.c = np.array([[0.0], [0.5], [1.0], *[[time] for time in nodes]])
        self.rhs_per_step = len(self._substeps) - 1
        self._momenta: Array = None

    def room(self, rows: int, entries: int) -> Slopes:
        """Space for the slopes of one step."""
        return self._arrays.stack(3, rows, entries)

    def step(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> tuple[Array, Sequence[Array]]:
        """y1, without an error estimate, given k[0]; h is a signed column; fills k."""
        arrays = self._arrays
        if self._momenta is None:
            with arrays.quietly():
                every = np.arange(f.rows)
                mask = momenta(f.f, f, arrays, np.array(f.t0), f.y0, every)
            self._momenta = arrays.weights(mask.astype(float))
        y1, slope = y, k[0]
        for number, (kick, length, _) in enumerate(self._substeps):
            if number:
                slope = f(t[3 + number], y1, row, middle)
            y1 = y1 + (length * h) * (slope * (self._momenta if kick else 1.0 - self._momenta))
        k[1], k[2] = (y1 - y) / h, 0.0 * y
        return y1, []

    def accept(self, row: np.ndarray) -> None:
        """Nothing is carried but the slope at the end."""

    def complete(
        self, f: Flow, row: np.ndarray, t: np.ndarray, middle: np.ndarray, h: Array, y: Array, k: Slopes
    ) -> Slopes:
        """Nothing is missing."""
        return k

    def dense_weights(self, theta: np.ndarray) -> np.ndarray:
        """The weight of each slope at θ (point,): (point, slope)."""
        return powers(theta, HERMITE.shape[1]) @ HERMITE.T


@dataclass(frozen=True)
class Taken:
    """Steps taken again: times and states at which each substep evaluates f, the end, and (length, entries moved)."""

    times: list[np.ndarray]
    states: list[np.ndarray]
    end: np.ndarray
    moves: list[tuple[float, np.ndarray]]


class SplittingStages:
    """The derivative of a splitting step: of its kicks and drifts, one after the other."""

    b = np.array([0.0, 1.0, 0.0])

    def __init__(self, method: Splitting, arrays: NumpyArrays) -> None:
        self._arrays, self._substeps = arrays, method.substeps

    def _taken(self, f: AdjointRhs, lines: Lines) -> Taken:
        """The steps once more."""
        some = slice(0, 1)
        mask = momenta(f, f, self._arrays, lines.t[0, some], lines.y[some], lines.row[some])
        times, states, y = [], [], lines.y
        for kick, length, node in self._substeps:
            at = lines.t[0] + node * (lines.t[2] - lines.t[0])
            times.append(at)
            states.append(y)
            slope = f(at, y, lines.row, lines.middle)
            y = y + (length * lines.h[:, None]) * np.where(mask == kick, slope, 0.0)
        return Taken(times, states, y, [(length, mask == kick) for kick, length, _ in self._substeps])

    def forward(self, f: AdjointRhs, lines: Lines, used: int, parameters: bool) -> np.ndarray:
        """See stages.Stages."""
        d, h = lines.y.shape[1], lines.h[:, None, None]
        taken = self._taken(f, lines)
        slopes = np.zeros((3, len(lines), d, d + (f.n_parameters if parameters else 0)), lines.y.dtype)
        now = plus_identity(np.zeros_like(slopes[0]))

        def slope_of(t: np.ndarray, y: np.ndarray) -> np.ndarray:
            f_y, f_p = derivatives_at(f, t, y, lines, parameters)
            found = f_y @ now
            if f_p is not None:
                found[..., d:] += f_p
            return found

        slopes[0] = slope_of(lines.t[0], lines.y)
        for (length, moved), t, y in zip(taken.moves, taken.times, taken.states, strict=True):
            now = now + length * h * np.where(moved[:, None], slope_of(t, y), 0.0)
        slopes[2] = slope_of(lines.t[2], taken.end)
        slopes[1] = plus_identity(np.zeros_like(now)) * -1.0 / h + now / h
        return slopes[:used]

    def backward(self, f: AdjointRhs, lines: Lines, slopes: np.ndarray, gp: np.ndarray) -> np.ndarray:
        """See stages.Stages."""
        h = lines.h[:, None]
        taken = self._taken(f, lines)

        def pulled(t: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
            back, found = f.pullback(t, y, lines.row, lines.middle, g)
            gp[: len(found)] += found
            return back

        mean = slopes[1] / h if len(slopes) > 1 else np.zeros_like(lines.y)
        now = mean.copy()
        if len(slopes) > 2 and slopes[2].any():
            now += pulled(lines.t[2], taken.end, slopes[2])
        for (length, moved), t, y in reversed(list(zip(taken.moves, taken.times, taken.states, strict=True))):
            now = now + pulled(t, y, (length * h) * np.where(moved, now, 0.0))
        if slopes[0].any():
            now = now + pulled(lines.t[0], lines.y, slopes[0])
        return now - mean
