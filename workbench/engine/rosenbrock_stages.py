"""The stages of a Rosenbrock step differentiated: they hold f_y itself, so that second derivatives of f come in.

With W = I/γ − hJ, differentiating W k_i = f(t_i, Y_i) + Σ c_ij k_j + γ_i h f_t gives W ∂k_i = f_y(Y_i) ∂Y_i + f_p(Y_i)
+ Σ c_ij ∂k_j + ∂(f_y w_i + τ_i f_t) at the start, with w_i = h k_i and τ_i = γ_i h held. For the last term f is asked

- `second_jacobians(t, y, row, middle, w, tau, parameters)`: the derivatives of f_y w + τ f_t by y (line, state, state)
  and, if wanted, by p (line, state, parameter);
- `second_products(t, y, row, middle, w, tau, g)`: gᵀ times these, summed as in `pullback`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors.numerics import GradientUnavailable
from .arrays import NumpyArrays
from .jacobian import Jacobians
from .lines import Lines
from .rosenbrock_tableau import RosenbrockTableau
from .stages import AdjointRhs, derivatives_at, plus_identity, state_jacobian


class RosenbrockStages:
    """Slopes of a Rosenbrock method: f at the start, the stages k_i, f at the end."""

    def __init__(self, tableau: RosenbrockTableau, arrays: NumpyArrays) -> None:
        self._data, self._arrays = tableau.arrays, arrays
        self._stages = len(self._data.m)
        self.b = np.concatenate([[0.0], self._data.m, [0.0]])

    def forward(self, f: AdjointRhs, lines: Lines, used: int, parameters: bool) -> np.ndarray:
        """See stages.Stages."""
        data, d, h = self._data, lines.y.shape[1], lines.h[:, None, None]
        second, taken = _second(f, "second_jacobians"), self._taken(f, lines)
        f_y, f_p = derivatives_at(f, lines.t[0], lines.y, lines, parameters)
        slopes = np.zeros((used, len(lines), d, d + (f.n_parameters if parameters else 0)), lines.y.dtype)
        slopes[0] = _beside(f_y, f_p)
        own = slopes[1:]
        for i in range(self._stages):
            if i:
                f_y, f_p = derivatives_at(f, lines.t[i + 1], taken.states[i], lines, parameters)
            inner = plus_identity(h * np.tensordot(data.a[i, :i], own[:i], 1)) if i else None
            right = f_y @ inner if inner is not None else _beside(f_y, None, own.shape[-1])
            if f_p is not None:
                right[..., d:] += f_p
            right += np.tensordot(data.c[i, :i], own[:i], 1)
            here = (lines.t[0], lines.y, lines.row, lines.middle)
            by_y, by_p = second(*here, lines.h[:, None] * taken.k[i], data.gammas[i] * lines.h, parameters)
            right += _beside(by_y, by_p)
            own[i] = np.linalg.solve(taken.matrix, right)
        if used > self._stages + 1:
            f_y, f_p = derivatives_at(f, lines.t[-1], taken.end, lines, parameters)
            end = f_y @ plus_identity(h * np.tensordot(data.m, own[: self._stages], 1))
            slopes[-1] = end + _beside(np.zeros_like(f_y), f_p)
        return slopes

    def backward(self, f: AdjointRhs, lines: Lines, slopes: np.ndarray, gp: np.ndarray) -> np.ndarray:
        """See stages.Stages."""
        data, h, start = self._data, lines.h[:, None], np.zeros_like(lines.y)
        second, taken = _second(f, "second_products"), self._taken(f, lines)
        own, transposed = slopes[1:], self._arrays.transposed(taken.matrix)

        def pulled(t: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
            back, found = f.pullback(t, y, lines.row, lines.middle, g)
            gp[: len(found)] += found
            return back

        if len(slopes) > self._stages + 1 and slopes[-1].any():
            back = pulled(lines.t[-1], taken.end, slopes[-1])
            start += back
            own[: self._stages] += h * data.m[:, None, None] * back
        for i in range(self._stages - 1, -1, -1):
            g = self._arrays.solve(transposed, own[i])
            back = pulled(lines.t[i + 1], taken.states[i], g)
            start += back
            for j in range(i):
                own[j] += h * data.a[i, j] * back + data.c[i, j] * g
            here = (lines.t[0], lines.y, lines.row, lines.middle)
            by_y, found = second(*here, h * taken.k[i], data.gammas[i] * lines.h, g)
            start += by_y
            gp[: len(found)] += found
        if slopes[0].any():
            start += pulled(lines.t[0], lines.y, slopes[0])
        return start

    def _taken(self, f: AdjointRhs, lines: Lines) -> Taken:
        """The steps once more, without an error estimate."""
        return Taken(f, lines, self._data, self._arrays)


class Taken:
    """The states of the stages, their slopes, the matrix and the state at the end of steps that are taken again."""

    def __init__(self, f: AdjointRhs, lines: Lines, data: Any, arrays: NumpyArrays) -> None:
        h = arrays.column(lines.h)
        start = f(lines.t[0], lines.y, lines.row, lines.middle)
        f_y = state_jacobian(f, lines.t[0], lines.y, lines.row, lines.middle)
        in_time = 0.0
        if data.gammas.any():
            here = (lines.t[0], lines.y, lines.row, lines.middle)
            in_time = h * Jacobians(f, f, arrays).by_time(*here, start, lines.h)
        self.matrix = arrays.pencil(1.0 / data.gamma, h, f_y)
        self.k = np.zeros((len(data.m), *lines.y.shape), lines.y.dtype)
        self.states: list[np.ndarray] = []
        for i in range(len(data.m)):
            moved = bool(data.a[i].any())
            state = lines.y + h * arrays.weighted_sum(data.a[i, :i], self.k[:i]) if moved else lines.y
            right = f(lines.t[i + 1], state, lines.row, lines.middle) if moved or data.alpha[i] else start
            if data.c[i].any():
                right = right + arrays.weighted_sum(data.c[i, :i], self.k[:i])
            self.k[i] = arrays.solve(self.matrix, right + data.gammas[i] * in_time)
            self.states.append(state)
        self.end = lines.y + h * arrays.weighted_sum(data.m, self.k)


def _second(f: AdjointRhs, name: str) -> Any:
    found = getattr(f, name, None)
    if found is None:
        raise GradientUnavailable(
            "the discrete gradient of a Rosenbrock method needs second derivatives of the right-hand side",
            help="take an ESDIRK method, such as kvaerno3, or the gradient adjoint or forward",
        )
    return found


def _beside(by_y: np.ndarray, by_p: np.ndarray | None, width: int = 0) -> np.ndarray:
    """[by_y | by_p], or [by_y | 0] of some width."""
    if by_p is not None:
        return np.concatenate([by_y, by_p], axis=-1)
    out = np.zeros((*by_y.shape[:-1], max(width, by_y.shape[-1])), by_y.dtype)
    out[..., : by_y.shape[-1]] = by_y
    return out
