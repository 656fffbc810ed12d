"""Subspace identification: a linear map x⁺ = A x + B u, y = C x + D u of a given order from samples.

Past-output MOESP (Verhaegen 1994, Automatica 30, 61–74): what the past of inputs and outputs tells of the future
outputs beyond the future inputs lies in the column space of the extended observability matrix. C is its first block, A
carries each block into the next; B, D and the initial states are then linear in the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Series = Sequence[tuple[np.ndarray, np.ndarray]]  # for each trajectory u (time, input) and y (time, output)
LONGEST = 20_000  # samples of a trajectory that B and D are found from


@dataclass(frozen=True)
class DiscreteModel:
    """x⁺ = A x + B u, y = C x + D u."""

    A: np.ndarray  # (state, state)
    B: np.ndarray  # (state, input)
    C: np.ndarray  # (output, state)
    D: np.ndarray  # (output, input)


def identify(series: Series, order: int, direct: bool) -> DiscreteModel | None:
    """The model of that order; None where trajectories are too short for it."""
    n_u, n_y = series[0][0].shape[1], series[0][1].shape[1]
    depth = max(2 * order, 6)
    long = [(u, y) for u, y in series if len(y) >= 2 * depth + 1]
    columns = sum(len(y) - 2 * depth + 1 for _, y in long)
    if columns < 2 * depth * (n_u + n_y):
        depth = order + 1
        long = [(u, y) for u, y in series if len(y) >= 2 * depth + 1]
        columns = sum(len(y) - 2 * depth + 1 for _, y in long)
    if columns < 2 * depth * (n_u + n_y) + 1 or depth * n_y <= order:
        return None
    u_future, past, y_future = (
        np.hstack(parts) for parts in zip(*(_blocks(u, y, depth) for u, y in long), strict=True)
    )
    stacked = np.vstack([u_future, past, y_future])
    lower = np.asarray(np.linalg.qr(stacked.T, mode="r")).T
    top, middle = depth * n_u, depth * n_u + depth * (n_u + n_y)
    observability, sizes, _ = np.linalg.svd(lower[middle:, top:middle], full_matrices=False)
    if len(sizes) < order or not sizes[order - 1] > 1e-12 * sizes[0]:
        return None
    gamma = observability[:, :order] * np.sqrt(sizes[:order])
    C = gamma[:n_y]
    A = np.linalg.lstsq(gamma[:-n_y], gamma[n_y:], rcond=None)[0]
    A = _inside(A)
    B, D = _inputs_of(series, A, C, direct)
    return DiscreteModel(A, B, C, D)


def _blocks(u: np.ndarray, y: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Future inputs, past inputs and outputs, and future outputs, a column for each time between them."""
    count = len(y) - 2 * depth + 1

    def hankel(values: np.ndarray, first: int) -> np.ndarray:
        return np.vstack([values[first + k : first + k + count].T for k in range(depth)])

    past = np.vstack([hankel(u, 0), hankel(y, 0)])
    return hankel(u, depth), past, hankel(y, depth)


def _inside(A: np.ndarray) -> np.ndarray:
    """A with eigenvalues outside the unit circle put on it: noise makes slow modes grow."""
    values, vectors = np.linalg.eig(A)
    size = np.abs(values)
    if size.max() <= 1.0:
        return A
    moved = values / np.maximum(size, 1.0)
    return np.real(vectors @ np.diag(moved) @ np.linalg.inv(vectors))


def _inputs_of(series: Series, A: np.ndarray, C: np.ndarray, direct: bool) -> tuple[np.ndarray, np.ndarray]:
    """B and D by least squares on the outputs, with each trajectory's initial state free."""
    n, n_u, n_y = len(A), series[0][0].shape[1], len(C)
    if not n_u:
        return np.zeros((n, 0)), np.zeros((n_y, 0))
    wide = n * n_u + (n_y * n_u if direct else 0)
    normal, right = np.zeros((wide, wide)), np.zeros(wide)
    for u, y in series:
        rows = _regressors(A, C, u[:LONGEST], direct)  # (time, output, wide + state)
        matrix, target = rows.reshape(-1, wide + n), y[:LONGEST].ravel()
        seen = np.isfinite(target)
        q, r = np.linalg.qr(np.column_stack([matrix[seen][:, wide:], matrix[seen][:, :wide]]))
        goal = q.T @ target[seen]
        normal += r[n:, n:].T @ r[n:, n:]  # the initial state has been eliminated
        right += r[n:, n:].T @ goal[n:]
    found = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
    B = found[: n * n_u].reshape(n, n_u)
    return B, found[n * n_u :].reshape(n_y, n_u) if direct else np.zeros((n_y, n_u))


def _regressors(A: np.ndarray, C: np.ndarray, u: np.ndarray, direct: bool) -> np.ndarray:
    """∂y/∂(B, D, x0) (time, output, unknown): the states are followed with all of them at once."""
    n, n_u, n_y = len(A), u.shape[1], len(C)
    state = np.zeros((n, n * n_u + n))
    state[:, n * n_u :] = np.eye(n)
    kick = np.zeros((n, n * n_u + n))
    wide = n * n_u + (n_y * n_u if direct else 0)
    rows = np.zeros((len(u), n_y, wide + n))
    each = np.arange(n)[:, None] * n_u + np.arange(n_u)
    for k, now in enumerate(u):
        out = C @ state
        rows[k, :, : n * n_u], rows[k, :, wide:] = out[:, : n * n_u], out[:, n * n_u :]
        if direct:
            for i in range(n_y):
                rows[k, i, n * n_u + i * n_u : n * n_u + (i + 1) * n_u] = now
        kick[np.arange(n)[:, None], each] = now
        state = A @ state + kick
    return rows


def initial_state(model: DiscreteModel, u: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x(0) (state,) of one trajectory by least squares on its outputs, NaN where missing."""
    n = len(model.A)
    free, driven, x = [], [], np.zeros(n)
    power = np.eye(n)
    for now in u:
        free.append(model.C @ power)
        driven.append(model.C @ x + model.D @ now)
        x, power = model.A @ x + model.B @ now, model.A @ power
    matrix, target = np.concatenate(free), (y - np.array(driven)).ravel()
    seen = np.isfinite(target)
    return np.asarray(np.linalg.lstsq(matrix[seen], target[seen], rcond=1e-8)[0])
