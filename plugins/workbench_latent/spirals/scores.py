"""How well spirals are foretold, and how far their directions are apart."""

from __future__ import annotations

import numpy as np


def rmse(foretold: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean square over trajectories, points and coordinates; inf where something is not finite."""
    error = foretold - truth
    return float(np.sqrt(np.mean(error**2))) if np.isfinite(error).all() else float("inf")


def roughness(path: np.ndarray) -> float:
    """Root mean square of second differences (row, point, 2): 0 for straight lines at an even pace."""
    return float(np.sqrt(np.mean(np.diff(path, n=2, axis=1) ** 2)))


def separated(z: np.ndarray, direction: np.ndarray) -> float:
    """The share of points z (row, latent) that a plane tells the direction (row,) of, each left out of its fit.

    The plane is Fisher's (1936) linear discriminant by least squares; the left-out fits come from the leverages.

    >>> separated(np.array([[0.0], [0.1], [0.3], [1.0], [1.1], [1.3]]), np.array([0, 0, 0, 1, 1, 1], bool))
    1.0
    """
    design = np.column_stack([np.ones(len(z)), z])
    sign = np.where(direction, 1.0, -1.0)
    inverse = np.linalg.pinv(design)
    leverage = np.einsum("ij,ji->i", design, inverse)
    left = (design @ (inverse @ sign) - leverage * sign) / np.maximum(1 - leverage, 1e-12)
    return float(np.mean((left > 0) == direction))
