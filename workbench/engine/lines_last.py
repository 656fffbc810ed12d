"""Small vectors and matrices of many lines, with the lines along the last axis, where NumPy is quick."""

from __future__ import annotations

import numpy as np


def step_matrices(jacobians: np.ndarray, h: np.ndarray | float) -> np.ndarray:
    """∂Φ/∂y (entry, entry, line) to third order in h, of the Jacobians at all points, one more than there are lines."""
    change = (0.5 * h) * (jacobians[:, :, :-1] + jacobians[:, :, 1:])
    one = np.eye(len(jacobians), dtype=jacobians.dtype)[:, :, None]
    return one + product(change, one + product(change, one / 2 + change / 6))


def turned(values: np.ndarray) -> np.ndarray:
    """(line, entry) as (entry, line), or back: NumPy is quick along the last axis, and lines are many."""
    return np.ascontiguousarray(values.T)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of matrices (entry, entry, line)."""
    return np.einsum("ijl,jkl->ikl", a, b)


def applied(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Matrices (entry, entry, line) times y (entry, line)."""
    return np.einsum("ijl,jl->il", a, y)
