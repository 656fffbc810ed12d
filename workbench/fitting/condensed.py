"""Least squares over parameters and nodes: the nodes of each window touch their neighbours only, and are eliminated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Residual rows to first order: r + X dx + N ds, each row by the node of its own window.

    `window` (row,) increases; windows that begin a trajectory have no node, and their N is 0.
    """

    r: np.ndarray  # (row,)
    by_x: np.ndarray  # (row, unknown)
    by_node: np.ndarray  # (row, state)
    window: np.ndarray  # (row,)

    def and_of_x(self, r: np.ndarray, by_x: np.ndarray) -> Rows:
        """With more rows r (row,) that depend on x alone, by_x (row, unknown)."""
        n, last = len(r), self.window[-1:]
        by_node = np.concatenate([self.by_node, np.zeros((n, self.by_node.shape[1]))])
        window = np.concatenate([self.window, np.broadcast_to(last, n)])
        return Rows(np.append(self.r, r), np.concatenate([self.by_x, by_x]), by_node, window)


@dataclass(frozen=True)
class Gaps:
    """Where windows do not meet: c + P dx + G ds(window) − w ds(window + 1), for the windows that another follows."""

    c: np.ndarray  # (gap, state)
    by_x: np.ndarray  # (gap, state, unknown)
    by_node: np.ndarray  # (gap, state, state)
    w: np.ndarray  # (state,)
    window: np.ndarray  # (gap,)


class Condensed:
    """½‖rows‖² + ½‖gaps‖² + ½ Σ shrink x², to first order around x and the nodes (window, state).

    The normal equations of the nodes form one band; what is left of them is dense in x alone (condensing: Bock 1983, in
    Numerical Treatment of Inverse Problems in Differential and Integral Equations, 95–121).
    """

    def __init__(self, rows: Rows, gaps: Gaps, free: np.ndarray, shrink: np.ndarray, x: np.ndarray) -> None:
        self.rows, self.gaps, self.shrink, self.x = rows, gaps, shrink, x
        self.free = free  # (window,) bool: has a node
        self._place = np.cumsum(free) - 1
        windows, d = len(free), len(gaps.w)
        self._diagonal, self._below = np.zeros((windows, d, d)), np.zeros((windows, d, d))
        self._g = np.zeros((windows, d))
        self._by_x = np.zeros((windows, d, len(x)))
        np.add.at(self._g, rows.window, rows.by_node * rows.r[:, None])
        for i in range(d):
            np.add.at(self._diagonal[:, i], rows.window, rows.by_node * rows.by_node[:, i : i + 1])
        for k, begin, end in _stretches(rows.window):
            self._by_x[k] = rows.by_node[begin:end].T @ rows.by_x[begin:end]
        own, after, w = gaps.window, gaps.window + 1, gaps.w
        turned = gaps.by_node.transpose(0, 2, 1)
        self._diagonal[own] += turned @ gaps.by_node
        self._diagonal[after] += np.diag(w**2)
        self._below[own] = -w[:, None] * gaps.by_node  # the block of (window + 1, window)
        self._g[own] += np.einsum("kij,kj->ki", turned, gaps.c)
        self._g[after] -= w * gaps.c
        self._by_x[own] += turned @ gaps.by_x
        self._by_x[after] -= w[:, None] * gaps.by_x
        flat = gaps.by_x.reshape(-1, len(x))
        self.hessian = rows.by_x.T @ rows.by_x + flat.T @ flat + np.diag(shrink)
        self.gradient = rows.by_x.T @ rows.r + flat.T @ gaps.c.ravel() + shrink * x

    @property
    def finite(self) -> bool:
        """A step can be had."""
        parts = (self.value, self.hessian, self.gradient, self._diagonal, self._g, self._by_x)
        return all(bool(np.isfinite(part).all()) for part in parts)

    @cached_property
    def value(self) -> float:
        """The sum of squares here."""
        r, c = self.rows.r, self.gaps.c
        return 0.5 * float(r @ r + np.sum(c * c) + np.sum(self.shrink * self.x**2))

    def step(self, damping: float, low: np.ndarray, high: np.ndarray, hold: bool) -> tuple[np.ndarray, np.ndarray]:
        """dx (unknown,) within low and high, and ds (window, state); `damping` is a share of the Hessian's diagonal.

        `hold` keeps x.
        """
        from scipy.linalg import cho_solve_banded, cholesky_banded

        windows, d = self._g.shape
        ds = np.zeros((windows, d))
        nodes = np.flatnonzero(self.free)
        if not len(nodes):
            return self._in_box(self.hessian, self.gradient, damping, low, high), ds
        factor = cholesky_banded(self._band(damping), lower=True)
        g, by_x = self._g[nodes].ravel(), self._by_x[nodes].reshape(-1, len(self.x))
        if hold:
            ds[nodes] = -cho_solve_banded((factor, True), g).reshape(-1, d)
            return np.zeros(len(self.x)), ds
        solved = cho_solve_banded((factor, True), np.column_stack([g, by_x]))
        hessian, gradient = self.hessian - by_x.T @ solved[:, 1:], self.gradient - by_x.T @ solved[:, 0]
        dx = self._in_box(hessian, gradient, damping, low, high)
        ds[nodes] = -(solved[:, 0] + solved[:, 1:] @ dx).reshape(-1, d)
        return dx, ds

    def _band(self, damping: float) -> np.ndarray:
        """The lower band of the nodes' equations; trajectories follow one another, without a block between them."""
        d = self._g.shape[1]
        nodes = np.flatnonzero(self.free)
        band = np.zeros((2 * d, len(nodes) * d))
        columns = np.arange(len(nodes)) * d
        coupled = np.append(self.free[1:], False)[nodes]
        for j in range(d):
            band[0, columns + j] = (1 + damping) * self._diagonal[nodes, j, j]
            for i in range(j + 1, d):
                band[i - j, columns + j] = self._diagonal[nodes, i, j]
            for i in range(d):
                band[d + i - j, columns + j] = np.where(coupled, self._below[nodes, i, j], 0.0)
        return band

    def _in_box(
        self,
        hessian: np.ndarray,
        gradient: np.ndarray,
        damping: float,
        low: np.ndarray,
        high: np.ndarray,
    ) -> np.ndarray:
        """dx near the least in the box: what would leave it is held at its wall, the others are solved for again."""
        diagonal = np.diag(self.hessian)
        a = hessian + damping * np.diag(np.where(diagonal > 0, diagonal, 1.0))
        dx = np.zeros(len(gradient))
        held = ((low >= 0) & (gradient > 0)) | ((high <= 0) & (gradient < 0))
        while not held.all():
            free = ~held
            b = gradient[free] + a[np.ix_(free, held)] @ dx[held]
            dx[free] = _solved(a[np.ix_(free, free)], -b)
            outside = free & ((dx < low) | (dx > high))
            if not outside.any():
                break
            dx[outside] = np.clip(dx, low, high)[outside]
            held = held | outside
        return dx

    def predicted(self, dx: np.ndarray, ds: np.ndarray) -> float:
        """How much the squares fall, to first order in the residuals."""
        rows, gaps = self.rows, self.gaps
        r = rows.r + rows.by_x @ dx + np.einsum("rd,rd->r", rows.by_node, ds[rows.window])
        c = gaps.c + gaps.by_x @ dx + np.einsum("kij,kj->ki", gaps.by_node, ds[gaps.window])
        c = c - gaps.w * ds[gaps.window + 1]
        after = 0.5 * float(r @ r + np.sum(c * c) + np.sum(self.shrink * (self.x + dx) ** 2))
        return self.value - after


def _solved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a⁻¹b; the least of the least-squares solutions where a is singular."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(a, b, rcond=None)[0]


def _stretches(window: np.ndarray) -> list[tuple[int, int, int]]:
    """(window, begin, end) of each run of equal numbers."""
    begins = np.flatnonzero(np.append(True, np.diff(window) != 0)) if len(window) else np.zeros(0, dtype=int)
    ends = np.append(begins[1:], len(window))
    return [(int(window[b]), int(b), int(e)) for b, e in zip(begins, ends, strict=True)]
