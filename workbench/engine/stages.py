"""The stages of a step taken again, and differentiated: what a kind of method brings to its exact derivatives.

Lines are steps; y1 = y + h Σ b_i k_i, and an observation inside is y + h Σ w_i k_i. A kind of method says how its
slopes k_i depend on y and p: forwards as ∂k_i/∂(y, p), backwards as the pullback of cotangents κ_i of the k_i.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..contracts import Rhs
from .arrays import NumpyArrays
from .dirk import DirkStepper
from .jacobian import FEW, Jacobians
from .lines import Lines
from .stepper import TableauStepper
from .tableau import Tableau


class AdjointRhs(Rhs, Protocol):
    """A right-hand side that can be differentiated backwards; `contracts.LinearRhs` has more.

    Optional: `jacobians`; `state_jacobian(t, y, row, middle)` (line, state, state), where f_p is dear; `pooled = True`,
    where parameters are shared and summed over all lines at once; `valued_pullback`, f and then what `pullback` gives,
    where one evaluation gives both; and for Rosenbrock methods, whose steps hold f_y, `second_jacobians` and
    `second_products` (see `rosenbrock_stages`).
    """

    @property
    def n_parameters(self) -> int:
        """Columns of f_p."""

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, state) and Σ gᵀf_p (trajectory, parameter), or (1, parameter) where it sums over all lines."""


class Stages(Protocol):
    """How the slopes of a step depend on its start and on the parameters."""

    b: np.ndarray  # (slope,): the weights of y1

    def forward(self, f: AdjointRhs, lines: Lines, used: int, parameters: bool) -> np.ndarray:
        """∂k_i/∂y, with ∂k_i/∂p behind it where wanted: (slope, line, state, state [+ parameter]), the first `used`."""

    def backward(self, f: AdjointRhs, lines: Lines, slopes: np.ndarray, gp: np.ndarray) -> np.ndarray:
        """Σ κ_iᵀ ∂k_i/∂y (line, state) for cotangents `slopes` (slope, line, state), which it uses up; adds to gp."""


def derivatives_at(
    f: AdjointRhs, t: np.ndarray, y: np.ndarray, lines: Lines, parameters: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """f_y (line, state, state), and f_p (line, state, parameter) where wanted."""
    if parameters:
        return f.jacobians(t, y, lines.row, lines.middle)  # type: ignore[attr-defined]  # sensitivities ask for a LinearRhs
    return state_jacobian(f, t, y, lines.row, lines.middle), None


def state_jacobian(f: AdjointRhs, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """f_y (line, state, state): f's own, or from `jacobians` where parameters are few, or as products gᵀf_y."""
    own = getattr(f, "state_jacobian", None)
    if own is not None:
        return own(t, y, row, middle)
    n, d = y.shape
    full = getattr(f, "jacobians", None)
    if full is not None and f.n_parameters <= FEW:
        return full(t, y, row, middle)[0]
    unit = np.repeat(np.eye(d, dtype=y.dtype), n, axis=0)
    copies = [np.tile(x, d) for x in (t, row, middle)]
    rows, _ = f.pullback(copies[0], np.tile(y, (d, 1)), copies[1], copies[2], unit)
    return rows.reshape(d, n, d).swapaxes(0, 1)


def plus_identity(change: np.ndarray) -> np.ndarray:
    """[I | 0] + change, for change (…, state, state + more), in place."""
    diagonal = np.arange(change.shape[-2])
    change[..., diagonal, diagonal] += 1.0
    return change


class RungeKuttaStages:
    """Slopes of a tableau: ∂k_i = f_y(Y_i) ∂Y_i + f_p(Y_i), ∂Y_i = ∂y + h Σ a_ij ∂k_j, the diagonal solved for.

    Hairer, Nørsett & Wanner, Solving ODEs I, II.6; implicit stages by the implicit function theorem.
    """

    def __init__(self, tableau: Tableau, stepper: TableauStepper | DirkStepper, arrays: NumpyArrays) -> None:
        data = tableau.arrays
        self._arrays, self._stepper = arrays, stepper
        self._a = [arrays.weights(data.a[i, :i]) for i in range(data.all)]
        self._diagonal = [float(data.a[i, i]) for i in range(data.all)]
        self.b = np.concatenate([data.b, np.zeros(data.all - data.own)])

    def _states(self, f: AdjointRhs, lines: Lines, used: int) -> list[np.ndarray]:
        """The states at which each stage evaluates f: (line, state) for every stage in use."""
        h, states = self._arrays.column(lines.h), [lines.y]
        k = np.zeros((used, *lines.y.shape), lines.y.dtype)
        derivatives, inverse = Jacobians(f, f, self._arrays), None
        for i in range(used):
            if self._diagonal[i]:
                assert isinstance(self._stepper, DirkStepper)
                if inverse is None:
                    jacobian = derivatives.by_state(lines.t[0], lines.y, lines.row, lines.middle, k[0])
                    inverse = self._stepper.inverse(jacobian, h)
                at = (lines.t[i], lines.middle, h, lines.y, k, inverse)
                states.append(self._stepper.stage(i, f, derivatives, lines.row, *at)[0])
                continue
            if i:
                states.append(lines.y + h * self._arrays.weighted_sum(self._a[i], k[:i]))
            if i + 1 < used:
                k[i] = f(lines.t[i], states[i], lines.row, lines.middle)
        return states

    def forward(self, f: AdjointRhs, lines: Lines, used: int, parameters: bool) -> np.ndarray:
        """See Stages."""
        d, h = lines.y.shape[1], lines.h[:, None, None]
        width = d + (f.n_parameters if parameters else 0)
        slopes = np.empty((used, len(lines), d, width), lines.y.dtype)
        for i, state in enumerate(self._states(f, lines, used)):
            f_y, f_p = derivatives_at(f, lines.t[i], state, lines, parameters)
            if i:
                np.matmul(f_y, plus_identity(h * np.tensordot(self._a[i], slopes[:i], 1)), out=slopes[i])
            else:
                slopes[i, :, :, :d], slopes[i, :, :, d:] = f_y, 0.0
            if f_p is not None:
                slopes[i, :, :, d:] += f_p
            if self._diagonal[i]:
                slopes[i] = np.linalg.solve(self._pencil(i, lines, f_y), slopes[i])
        return slopes

    def backward(self, f: AdjointRhs, lines: Lines, slopes: np.ndarray, gp: np.ndarray) -> np.ndarray:
        """See Stages."""
        h, start = lines.h[:, None], np.zeros_like(lines.y)
        states = self._states(f, lines, len(slopes))
        for i in range(len(slopes) - 1, -1, -1):
            if not slopes[i].any():
                continue
            g = slopes[i]
            if self._diagonal[i]:
                f_y = state_jacobian(f, lines.t[i], states[i], lines.row, lines.middle)
                g = self._arrays.solve(self._arrays.transposed(self._pencil(i, lines, f_y)), g)
            back, found = f.pullback(lines.t[i], states[i], lines.row, lines.middle, g)
            gp[: len(found)] += found
            start += back
            for j in np.flatnonzero(self._a[i]):
                slopes[j] += h * self._a[i][j] * back
        return start

    def _pencil(self, i: int, lines: Lines, f_y: np.ndarray) -> np.ndarray:
        """I − h a_ii f_y (line, state, state)."""
        return self._arrays.pencil(1.0, self._diagonal[i] * lines.h[:, None], f_y)
