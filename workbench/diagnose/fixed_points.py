"""Where a vector field vanishes, and how it turns and stretches there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]
"""(point, state) → (point, state), or for a Jacobian (point, state, state)."""

ITERATIONS = 60
NEAR = 1e-8
"""How far from a zero, in units of `size`, a point may be that counts as one: ‖f‖ over the norm of the Jacobian."""
SAME = 1e-5
"""Fixed points nearer than this, in units of `size`, are one."""


def fixed_points(f: Field, jacobian: Field, starts: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Zeros of f (point, state) that Newton's method finds from `starts` (start, state), each once, nearest first.

    `size` (state,) is the unit of each state. A step is halved until ‖f‖ falls (f in units of `size` too), at most ten
    times; singular Jacobians are met by their pseudo-inverse. A start counts if ‖f‖ ends below `NEAR` times the norm of
    the Jacobian there.
    """
    y = starts.copy()
    step = np.full(len(y), np.inf)
    with np.errstate(all="ignore"):
        norm = _norm(f(y), size)
        for _ in range(ITERATIONS):
            going = np.flatnonzero(np.isfinite(norm) & (step > 1e-12))
            if not len(going):
                break
            matrices, values = jacobian(y[going]), f(y[going])
            sound = np.isfinite(matrices).all(axis=(1, 2)) & np.isfinite(values).all(axis=1)
            norm[going[~sound]] = np.nan
            going, matrices, values = going[sound], matrices[sound], values[sound]
            if not len(going):
                break
            newton = -(np.linalg.pinv(matrices * size) @ values[:, :, None])[:, :, 0] * size
            y[going], norm[going], step[going] = _damped(f, y[going], norm[going], newton, size)
        slopes = jacobian(y) * size / size[:, None]
        good = norm <= NEAR * np.sqrt(np.sum(slopes**2, axis=(1, 2)))
    return _distinct(y[good], starts, size)


def _damped(
    f: Field, y: np.ndarray, norm: np.ndarray, newton: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The states after a step that lowers ‖f‖, its norm there, and how long the whole step was."""
    length = np.sqrt(np.mean((newton / size) ** 2, axis=1))
    share = np.ones(len(y))
    for _ in range(10):
        moved = y + share[:, None] * newton
        after = _norm(f(moved), size)
        worse = ~(after <= norm)
        if not worse.any():
            break
        share[worse] /= 2
    going = np.where(worse, 0.0, length)  # a step that does not help ends the search: here is a zero, or none is near
    return np.where(worse[:, None], y, moved), np.where(worse, norm, after), going


def _norm(f: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean((f / size) ** 2, axis=1))


def _distinct(y: np.ndarray, starts: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Each point once, in order of its distance from the middle of the starts."""
    order = np.argsort(np.sum(((y - starts.mean(axis=0)) / size) ** 2, axis=1), kind="stable")
    kept: list[np.ndarray] = []
    for point in y[order]:
        if all(np.max(np.abs((point - other) / size)) > SAME for other in kept):
            kept.append(point)
    return np.array(kept).reshape(len(kept), y.shape[1])


def eigenvalue_error(found: np.ndarray, true: np.ndarray) -> float:
    """The largest distance between eigenvalues (state,), paired so that it is least in sum, over the largest true one.

    >>> eigenvalue_error(np.array([-0.2 - 2j, -0.2 + 2j]), np.array([-0.1 + 2j, -0.1 - 2j])).__round__(4)
    0.0499
    """
    from scipy.optimize import linear_sum_assignment

    distance = np.abs(found[:, None] - true[None])
    rows, columns = linear_sum_assignment(distance)
    largest = float(np.max(np.abs(true)))
    return float(np.max(distance[rows, columns])) / (largest if largest > 0 else 1.0)
