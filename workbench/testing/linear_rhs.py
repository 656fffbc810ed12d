"""A right-hand side with derivatives by hand: an oscillator that is damped, bent and driven."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


class Oscillator:
    """x' = v, v' = −k x − c v³ + a sin(t) x with p = (k, c, a), shared by all rows (contracts.LinearRhs)."""

    n_parameters = 3

    def __init__(self, p: Array) -> None:
        self.p = p

    def __call__(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """f (line, 2)."""
        (k, c, a), (x, v) = self.p, y.T
        return np.stack([v, -k * x - c * v**3 + a * np.sin(t) * x], axis=1)

    def jacobians(self, t: Array, y: Array, row: Array, middle: Array) -> tuple[Array, Array]:
        """f_y (line, 2, 2) and f_p (line, 2, 3)."""
        (k, c, a), (x, v) = self.p, y.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        f_y = np.stack([np.stack([zero, one], 1), np.stack([-k + a * np.sin(t), -3 * c * v**2], 1)], axis=1)
        f_p = np.stack([np.stack([zero] * 3, 1), np.stack([-x, -(v**3), np.sin(t) * x], 1)], axis=1)
        return f_y, f_p

    def pullback(self, t: Array, y: Array, row: Array, middle: Array, g: Array) -> tuple[Array, Array]:
        """gᵀf_y (line, 2), and gᵀf_p summed over each trajectory's lines (trajectory, 3)."""
        f_y, f_p = self.jacobians(t, y, row, middle)
        total = np.zeros((int(row.max(initial=-1)) + 1, 3), g.dtype)
        np.add.at(total, row, np.einsum("ls,lsp->lp", g, f_p))
        return np.einsum("ls,lsj->lj", g, f_y), total
