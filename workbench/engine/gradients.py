"""Exact derivatives of the steps taken, their lengths frozen: forward sensitivities and the discrete adjoint.

A step is y1 = y + h Σ b_i k_i; how its slopes k_i depend on y and p is the method's (`stages`, `rosenbrock_stages`).
The lines are all steps of all trajectories, so f is called once a stage; only the product of the small step matrices
runs step after step (discrete adjoints: Hager 2000, Numer. Math. 87, 247–282).
"""

from __future__ import annotations

import numpy as np

from ..contracts import LinearRhs, Trajectory
from .lines import Lines
from .stages import AdjointRhs, plus_identity
from .unrolled import Unrolled

CHUNK = 2**22  # floating-point numbers held for the stages of one piece of lines: 32 MB
SMALL = 16  # up to this many states the adjoint forms the step matrices; above, it goes back step by step


def sensitivities(solver: object, f: LinearRhs, trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """∂ys/∂y0 (rows, time, state, state) and ∂ys/∂p (rows, time, state, parameter), NaN where ys has not been reached.

    `trajectory` comes from `solver.solve` of f with `keep=True`. Raises GradientUnavailable for solvers without a
    discrete gradient.
    """
    unrolled = Unrolled(solver, trajectory)
    lines, d, p = unrolled.lines, unrolled.entries, f.n_parameters
    maps = np.zeros((unrolled.rows, max(unrolled.width - 1, 0), d, d + p), unrolled.states.dtype)
    seen = np.empty((len(lines.line), d, d + p), unrolled.states.dtype)
    for _, piece, numbers in lines.chunks(max(1, CHUNK // (unrolled.used * d * (d + p)))):
        slopes = unrolled.stages.forward(f, piece, unrolled.used, parameters=True)
        maps[piece.row, piece.number] = plus_identity(piece.h[:, None, None] * np.tensordot(unrolled.b, slopes, 1))
        seen[numbers] = _observed(piece, slopes)
    states = _accumulate(maps, unrolled.n_steps)
    result = np.full((*trajectory.ts.shape, d, d + p), np.nan, unrolled.states.dtype)
    row, column = lines.row[lines.line], lines.column
    result[row, column] = _chain(seen, states[row, lines.number[lines.line]])
    result[unrolled.at_start] = states[0, 0] if unrolled.rows else 0
    return result[..., :d], result[..., d:]


def _observed(lines: Lines, slopes: np.ndarray) -> np.ndarray:
    """∂y/∂(y, p) of each observation from the start of its step: (observation, state, state + parameter)."""
    change = np.zeros((len(lines.line), *slopes.shape[2:]), slopes.dtype)
    for i, slope in enumerate(slopes):
        weight = lines.weights[:, i]
        if weight.any():
            change += weight[:, None, None] * slope[lines.line]
    return plus_identity(lines.h[lines.line][:, None, None] * change)


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

    `trajectory` comes from `solver.solve` with `keep=True`. Only its mesh states are used; stages are computed again.
    The sum of an f that sums over all lines at once stands in the first row, the only one where f is `pooled`. Entries
    of gys at times that were not reached are left out.
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
        slopes = unrolled.stages.forward(f, piece, unrolled.used, parameters=False)
        steps[piece.row, piece.number] = plus_identity(piece.h[:, None, None] * np.tensordot(unrolled.b, slopes, 1))
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


def _reverse(
    unrolled: Unrolled, f: AdjointRhs, lines: Lines, end: np.ndarray, g: np.ndarray, gp: np.ndarray
) -> np.ndarray:
    """The adjoint at the start of lines, from `end` (line, state) at their ends and g at observations; adds to gp."""
    weights = unrolled.b[:, None, None] * end
    start = end.copy()
    np.add.at(start, lines.line, g)
    for i in range(unrolled.used):
        np.add.at(weights[i], lines.line, lines.weights[:, i, None] * g)
    return start + unrolled.stages.backward(f, lines, lines.h[:, None] * weights, gp)


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
