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

    def slope_in_time(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """f_t (line, 2)."""
        (_, _, a), x = self.p, y[:, 0]
        return np.stack([np.zeros_like(x), a * np.cos(t) * x], axis=1)

    def second_jacobians(
        self, t: Array, y: Array, row: Array, middle: Array, w: Array, tau: Array, parameters: bool = True
    ) -> tuple[Array, Array | None]:
        """Of f_y w + τ f_t = (w₂, (a sin t − k) w₁ − 3c v² w₂ + τ a cos(t) x) by y and, if wanted, by p."""
        (_, c, a), (x, v), (w1, w2) = self.p, y.T, w.T
        zero = np.zeros_like(x)
        by_y = np.stack([np.stack([zero, zero], 1), np.stack([tau * a * np.cos(t), -6 * c * v * w2], 1)], axis=1)
        if not parameters:
            return by_y, None
        by_p = np.stack([-w1, -3 * v**2 * w2, np.sin(t) * w1 + tau * np.cos(t) * x], 1)
        return by_y, np.stack([np.zeros_like(by_p), by_p], axis=1)

    def second_products(
        self, t: Array, y: Array, row: Array, middle: Array, w: Array, tau: Array, g: Array
    ) -> tuple[Array, Array]:
        """gᵀ times `second_jacobians`, summed as in `pullback`."""
        by_y, by_p = self.second_jacobians(t, y, row, middle, w, tau)
        assert by_p is not None
        return np.einsum("ls,lsj->lj", g, by_y), self._by_trajectory(g, by_p, row)

    def _by_trajectory(self, g: Array, by_p: Array, row: Array) -> Array:
        total = np.zeros((int(row.max(initial=-1)) + 1, 3), g.dtype)
        np.add.at(total, row, np.einsum("ls,lsp->lp", g, by_p))
        return total

    def pullback(self, t: Array, y: Array, row: Array, middle: Array, g: Array) -> tuple[Array, Array]:
        """gᵀf_y (line, 2), and gᵀf_p summed over each trajectory's lines (trajectory, 3)."""
        f_y, f_p = self.jacobians(t, y, row, middle)
        return np.einsum("ls,lsj->lj", g, f_y), self._by_trajectory(g, f_p, row)
