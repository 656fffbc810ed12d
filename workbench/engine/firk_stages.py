"""The coupled stages of a fully implicit step differentiated, by the implicit function theorem."""

from __future__ import annotations

import numpy as np

from .arrays import NumpyArrays
from .firk import FirkStepper, coupled
from .jacobian import Jacobians
from .lines import Lines
from .stages import AdjointRhs, derivatives_at, plus_identity, state_jacobian
from .tableau import Tableau


class FirkStages:
    """∂k_i = f_y(Y_i) ∂Y_i + f_p(Y_i), ∂Y_i = ∂y + h Σ_j a_ij ∂k_j: one linear system for the stages after the first.

    Backwards the same system is solved transposed (Hairer, Lubich & Wanner 2006, Geometric Numerical Integration, VI.4
    and VI.10, for the derivative of a Runge–Kutta step by its start).
    """

    def __init__(self, tableau: Tableau, stepper: FirkStepper, arrays: NumpyArrays) -> None:
        data = tableau.arrays
        self._arrays, self._stepper, self._a, self.b = arrays, stepper, data.a, data.b

    def _states(self, f: AdjointRhs, lines: Lines) -> list[np.ndarray]:
        """The states at which each stage evaluates f: (line, state)."""
        derivatives = Jacobians(f, f, self._arrays)
        k = self._stepper.room(*lines.y.shape)
        k[0] = f(lines.t[0], lines.y, lines.row, lines.middle)
        jacobian = derivatives.by_state(lines.t[0], lines.y, lines.row, lines.middle, k[0])
        guess = np.concatenate([k[0]] * (len(k) - 1), axis=1)
        at = (lines.row, lines.t, lines.middle, self._arrays.column(lines.h), lines.y)
        states, _ = self._stepper.solve(f, derivatives, *at, k, jacobian, guess)
        return [lines.y, *states.swapaxes(0, 1)]

    def forward(self, f: AdjointRhs, lines: Lines, used: int, parameters: bool) -> np.ndarray:
        """See stages.Stages."""
        d, h = lines.y.shape[1], lines.h[:, None, None]
        found = [
            derivatives_at(f, t, state, lines, parameters)
            for t, state in zip(lines.t, self._states(f, lines), strict=True)
        ]
        width = d + (f.n_parameters if parameters else 0)
        slopes = np.zeros((len(found), len(lines), d, width), lines.y.dtype)
        right = slopes[1:]
        for i, (f_y, f_p) in enumerate(found):
            if i:
                np.matmul(f_y, plus_identity(h * self._a[i, 0] * slopes[0]), out=slopes[i])
            else:
                slopes[i, ..., :d] = f_y
            if f_p is not None:
                slopes[i, ..., d:] += f_p
        stacked = np.moveaxis(right, 0, 1).reshape(len(lines), -1, width)
        solved = np.linalg.solve(self._matrix(lines, [f_y for f_y, _ in found[1:]]), stacked)
        slopes[1:] = np.moveaxis(solved.reshape(len(lines), -1, d, width), 1, 0)
        return slopes[:used]

    def backward(self, f: AdjointRhs, lines: Lines, slopes: np.ndarray, gp: np.ndarray) -> np.ndarray:
        """See stages.Stages."""
        states, start = self._states(f, lines), np.zeros_like(lines.y)

        def pulled(i: int, g: np.ndarray) -> np.ndarray:
            back, found = f.pullback(lines.t[i], states[i], lines.row, lines.middle, g)
            gp[: len(found)] += found
            return back

        every = range(1, len(states))
        jacobians = [state_jacobian(f, lines.t[i], states[i], lines.row, lines.middle) for i in every]
        right = np.zeros((len(lines), len(every), lines.y.shape[1]), lines.y.dtype)
        right[:, : len(slopes) - 1] = slopes[1:].swapaxes(0, 1)
        transposed = self._arrays.transposed(self._matrix(lines, jacobians))
        solved = self._arrays.solve(transposed, right.reshape(len(lines), -1)).reshape(right.shape)
        for i in every:
            back = pulled(i, solved[:, i - 1])
            start += back
            slopes[0] += lines.h[:, None] * self._a[i, 0] * back
        if slopes[0].any():
            start += pulled(0, slopes[0])
        return start

    def _matrix(self, lines: Lines, jacobians: list[np.ndarray]) -> np.ndarray:
        """I − h a_ij f_y(Y_i) (line, stage · state, stage · state) over the coupled stages."""
        h, stacked = self._arrays.column(lines.h), np.stack(jacobians, axis=1)
        return coupled(self._arrays, self._arrays.weights(self._a[1:, 1:]), h, stacked)
