"""Exact derivatives of the steps taken, their lengths frozen: forward sensitivities and the discrete adjoint.

With y1 = y + h Σ b_i k_i, k_i = f(t_i, Y_i, p), Y_i = y + h Σ a_ij k_j, differentiating line by line gives ∂k_i =
f_y(Y_i) ∂Y_i + f_p(Y_i) and ∂Y_i = ∂y + h Σ a_ij ∂k_j (Hairer, Nørsett & Wanner, Solving ODEs I, II.6; discrete
adjoints: Hager 2000, Numer. Math. 87, 247–282). The lines are all steps of all trajectories, so f is called once a
stage; only the product of the small step matrices runs step after step.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..contracts import LinearRhs, Rhs, Trajectory
from .unrolled import Lines, Unrolled

CHUNK = 2**22  # floating-point numbers held for the stages of one piece of lines: 32 MB
FEW = 64  # up to this many parameters `jacobians` is taken for f_y alone
SMALL = 16  # up to this many states the adjoint forms the step matrices; above, it goes back step by step


class AdjointRhs(Rhs, Protocol):
    """A right-hand side that can be differentiated backwards; `contracts.LinearRhs` has more.

    Optional: `jacobians`; `state_jacobian(t, y, row, middle)` (line, state, state), where f_p is dear; `pooled = True`,
    where parameters are shared and summed over all lines at once.
    """

    n_parameters: int

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, state) and Σ gᵀf_p (trajectory, parameter), or (1, parameter) where it sums over all lines."""


def sensitivities(solver: object, f: LinearRhs, trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """∂ys/∂y0 (rows, time, state, state) and ∂ys/∂p (rows, time, state, parameter), NaN where ys has not been reached.

    `trajectory` comes from `solver.solve` with `keep=True`. Raises GradientUnavailable for solvers without a tableau.
    """
    unrolled = Unrolled(solver, trajectory)
    lines, d, p = unrolled.lines, unrolled.entries, f.n_parameters
    maps = np.zeros((unrolled.rows, max(unrolled.width - 1, 0), d, d + p), unrolled.states.dtype)
    seen = np.empty((len(lines.line), d, d + p), unrolled.states.dtype)
    for _, piece, numbers in lines.chunks(max(1, CHUNK // (unrolled.used * d * (d + p)))):
        slopes = _slope_derivatives(unrolled, f, piece)
        maps[piece.row, piece.number] = _plus_identity(piece.h[:, None, None] * np.tensordot(unrolled.b, slopes, 1))
        seen[numbers] = _observed(piece, slopes)
    states = _accumulate(maps, unrolled.n_steps)
    result = np.full((*trajectory.ts.shape, d, d + p), np.nan, unrolled.states.dtype)
    row, column = lines.row[lines.line], lines.column
    result[row, column] = _chain(seen, states[row, lines.number[lines.line]])
    result[unrolled.at_start] = states[0, 0] if unrolled.rows else 0
    return result[..., :d], result[..., d:]


def _slope_derivatives(unrolled: Unrolled, f: LinearRhs, lines: Lines) -> np.ndarray:
    """∂k_i/∂(y, p) for every stage: (stage, line, state, state + parameter)."""
    d, h = unrolled.entries, lines.h[:, None, None]
    slopes = np.empty((unrolled.used, len(lines), d, d + f.n_parameters), unrolled.states.dtype)
    for i, state in enumerate(unrolled.stages(f, lines)):
        f_y, f_p = f.jacobians(lines.t[i], state, lines.row, lines.middle)
        if i:
            inner = _plus_identity(h * np.tensordot(unrolled.a[i], slopes[:i], 1))
            np.matmul(f_y, inner, out=slopes[i])
            slopes[i, :, :, d:] += f_p
        else:
            slopes[i, :, :, :d], slopes[i, :, :, d:] = f_y, f_p
    return slopes


def _plus_identity(change: np.ndarray) -> np.ndarray:
    """[I | 0] + change, for change (…, state, state + parameter), in place."""
    diagonal = np.arange(change.shape[-2])
    change[..., diagonal, diagonal] += 1.0
    return change


def _observed(lines: Lines, slopes: np.ndarray) -> np.ndarray:
    """∂y/∂(y, p) of each observation from the start of its step: (observation, state, state + parameter)."""
    change = np.zeros((len(lines.line), *slopes.shape[2:]), slopes.dtype)
    for i, slope in enumerate(slopes):
        weight = lines.weights[:, i]
        if weight.any():
            change += weight[:, None, None] * slope[lines.line]
    return _plus_identity(lines.h[lines.line][:, None, None] * change)


def _chain(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Derivatives with respect to (y0, p) of a map whose own are `outer`, after `inner`."""
    d = outer.shape[-2]
    total = outer[..., :d] @ inner
    total[..., d:] += outer[..., d:]
    return total


def _accumulate(maps: np.ndarray, n_steps: np.ndarray) -> np.ndarray:
    """∂y/∂(y0, p) at every mesh point (rows, steps + 1, state, state + parameter)."""
    rows, width, d, columns = maps.shape
    states = np.zeros((width + 1, rows, d, columns), maps.dtype)
    states[0, :, np.arange(d), np.arange(d)] = 1.0
    outer = maps.swapaxes(0, 1)
    for n in range(width):
        states[n + 1] = _chain(outer[n], states[n])
    return states.swapaxes(0, 1)


def pullback(solver: object, f: AdjointRhs, trajectory: Trajectory, gys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ gysᵀ ∂ys/∂y0 (rows, state) and Σ gysᵀ ∂ys/∂p (rows, parameter), for gys (rows, time, *state).

    Only the mesh states are kept; stages are computed again. The sum of an f that sums over all lines at once stands in
    the first row, the only one where f is `pooled`. Entries of gys at times that were not reached are left out.
    """
    unrolled = Unrolled(solver, trajectory)
    d = unrolled.entries
    gys = np.asarray(gys, unrolled.states.dtype).reshape(*trajectory.ts.shape, d)
    gp = np.zeros((1 if getattr(f, "pooled", False) else unrolled.rows, f.n_parameters), unrolled.states.dtype)
    sweep = _all_at_once if d <= SMALL else _step_by_step
    gy = sweep(unrolled, f, gys, gp)
    row, column = unrolled.at_start
    np.add.at(gy, row, gys[row, column])
    return gy, gp


def _all_at_once(unrolled: Unrolled, f: AdjointRhs, gys: np.ndarray, gp: np.ndarray) -> np.ndarray:
    """The adjoint at t0, by step matrices and one batched reverse sweep; adds to gp."""
    d, lines = unrolled.entries, unrolled.lines
    steps = np.zeros((unrolled.rows, unrolled.width - 1, d, d), unrolled.states.dtype)
    jumps = np.zeros((unrolled.rows, unrolled.width - 1, d), unrolled.states.dtype)
    g = gys[lines.row[lines.line], lines.column]
    size = max(1, CHUNK // (unrolled.used * d * d))
    for _, piece, numbers in lines.chunks(size):
        slopes = _state_derivatives(unrolled, f, piece)
        steps[piece.row, piece.number] = _plus_identity(piece.h[:, None, None] * np.tensordot(unrolled.b, slopes, 1))
        np.add.at(
            jumps,
            (piece.row[piece.line], piece.number[piece.line]),
            np.einsum("os,osj->oj", g[numbers], _observed(piece, slopes)),
        )
    adjoint = np.zeros((unrolled.rows, unrolled.width, d), unrolled.states.dtype)
    for n in range(unrolled.width - 2, -1, -1):
        adjoint[:, n] = np.einsum("rs,rsj->rj", adjoint[:, n + 1], steps[:, n]) + jumps[:, n]
    for _, piece, numbers in lines.chunks(size):
        _reverse(unrolled, f, piece, adjoint[piece.row, piece.number + 1], g[numbers], gp)
    return adjoint[:, 0].copy()


def _state_derivatives(unrolled: Unrolled, f: AdjointRhs, lines: Lines) -> np.ndarray:
    """∂k_i/∂y for every stage: (stage, line, state, state)."""
    h = lines.h[:, None, None]
    slopes = np.empty((unrolled.used, len(lines), unrolled.entries, unrolled.entries), unrolled.states.dtype)
    for i, state in enumerate(unrolled.stages(f, lines)):
        f_y = _state_jacobian(f, lines.t[i], state, lines.row, lines.middle)
        slopes[i] = f_y @ _plus_identity(h * np.tensordot(unrolled.a[i], slopes[:i], 1)) if i else f_y
    return slopes


def _state_jacobian(f: AdjointRhs, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
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


def _reverse(
    unrolled: Unrolled, f: AdjointRhs, lines: Lines, end: np.ndarray, g: np.ndarray, gp: np.ndarray
) -> np.ndarray:
    """The adjoint at the start of lines, from `end` (line, state) at their ends and g at observations; adds to gp."""
    weights = unrolled.b[:, None, None] * end
    start = end.copy()
    np.add.at(start, lines.line, g)
    for i in range(unrolled.used):
        np.add.at(weights[i], lines.line, lines.weights[:, i, None] * g)
    h = lines.h[:, None]
    slopes = h * weights
    states = unrolled.stages(f, lines)
    for i in range(unrolled.used - 1, -1, -1):
        if not slopes[i].any():
            continue
        back, found = f.pullback(lines.t[i], states[i], lines.row, lines.middle, slopes[i])
        gp[: len(found)] += found
        start += back
        for j in np.flatnonzero(unrolled.a[i]):
            slopes[j] += h * unrolled.a[i][j] * back
    return start


def _step_by_step(unrolled: Unrolled, f: AdjointRhs, gys: np.ndarray, gp: np.ndarray) -> np.ndarray:
    """The adjoint at t0, one step of all rows after the other; adds to gp."""
    lines = unrolled.lines
    g = gys[lines.row[lines.line], lines.column]
    adjoint = np.zeros((unrolled.rows, unrolled.entries), unrolled.states.dtype)
    order = np.argsort(lines.number, kind="stable")
    bounds = np.searchsorted(lines.number[order], np.arange(unrolled.width))
    for n in range(unrolled.width - 2, -1, -1):
        chosen = np.sort(order[bounds[n] : bounds[n + 1]])
        piece, numbers = lines.part(chosen)
        adjoint[piece.row] = _reverse(unrolled, f, piece, adjoint[piece.row], g[numbers], gp)
    return adjoint
