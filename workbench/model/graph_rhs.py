"""A graph as a right-hand side of the engine, on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Graph
from .inputs import Lookup


class GraphRhs:
    """A Graph's `rhs` with parameters p (trajectory, parameter) or (parameter,), covariates c and inputs in place.

    `inputs_slope` looks up du/dt; without it f_t is not known where there are inputs.
    """

    def __init__(
        self,
        graph: Graph,
        p: np.ndarray,
        c: np.ndarray | None = None,
        inputs: Lookup | None = None,
        inputs_slope: Lookup | None = None,
    ) -> None:
        self.graph, self.p, self.c, self.inputs, self.inputs_slope = graph, p, c, inputs, inputs_slope
        self.n_parameters = len(graph.parameters)
        self.pooled = bool(graph.networks) and p.ndim == 1  # weights are shared: their gradient is one sum
        self._value = graph.function("rhs")

    def of(self, rows: np.ndarray) -> GraphRhs:
        """The same for trajectories `rows`, which are numbered from 0."""

        def numbered(look: Lookup | None) -> Lookup | None:
            return None if look is None else lambda t, row, middle: look(t, rows[row], middle)

        p = self.p if self.p.ndim == 1 else self.p[rows]
        c = None if self.c is None else self.c[rows]
        return GraphRhs(self.graph, p, c, numbered(self.inputs), numbered(self.inputs_slope))

    def _arguments(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> tuple[Any, Any, Any]:
        u = self.inputs(t, row, middle) if self.inputs else None
        c = self.c[row] if self.c is not None else None
        return u, c, self.p[row] if self.p.ndim == 2 else self.p

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """f (line, state)."""
        u, c, p = self._arguments(t, row, middle)
        return self._value(t, y, u, c, p)

    def jacobians(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """f_y (line, state, state) and f_p (line, state, parameter)."""
        u, c, p = self._arguments(t, row, middle)
        _, f_y, f_p = self.graph.function("rhs", ("y", "p"))(t, y, u, c, p)
        return f_y, f_p

    def state_jacobian(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """f_y (line, state, state)."""
        u, c, p = self._arguments(t, row, middle)
        return self.graph.function("rhs", ("y",))(t, y, u, c, p)[1]

    def slope_in_time(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray | None:
        """f_t with inputs moving (line, state); None where their slope is not known."""
        if self.inputs is not None and self.inputs_slope is None:
            return None
        u, c, p = self._arguments(t, row, middle)
        if self.inputs_slope is None:
            return self.graph.function("rhs", ("t",))(t, y, u, c, p)[1]
        _, f_t, f_u = self.graph.function("rhs", ("t", "u"))(t, y, u, c, p)
        return f_t + np.einsum("lsu,lu->ls", f_u, self.inputs_slope(t, row, middle))

    def second_jacobians(
        self,
        t: np.ndarray,
        y: np.ndarray,
        row: np.ndarray,
        middle: np.ndarray,
        w: np.ndarray,
        tau: np.ndarray,
        parameters: bool = True,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The derivatives of f_y w + τ f_t by y (line, state, state) and, if wanted, by p (line, state, parameter)."""
        u, c, p = self._along(t, row, middle, w, tau)
        function = self.graph.tangent("rhs").function("rhs", ("y", "p") if parameters else ("y",))
        found = function(t, y, u, c, p)
        return found[1], found[2] if parameters else None

    def _along(
        self, t: np.ndarray, row: np.ndarray, middle: np.ndarray, w: np.ndarray, tau: np.ndarray
    ) -> tuple[Any, np.ndarray, Any]:
        """The arguments of the tangent graph, whose directions stand behind the covariates."""
        u, c, p = self._arguments(t, row, middle)
        directions = [w, tau[:, None]]
        if self.graph.inputs:
            moved = np.zeros_like(u) if self.inputs_slope is None else self.inputs_slope(t, row, middle)
            directions.append(tau[:, None] * moved)
        held = [c] if c is not None else []
        return u, np.concatenate([*held, *directions], axis=1), p

    def second_products(
        self,
        t: np.ndarray,
        y: np.ndarray,
        row: np.ndarray,
        middle: np.ndarray,
        w: np.ndarray,
        tau: np.ndarray,
        g: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀ times `second_jacobians`: by y (line, state), and by p summed over each trajectory's lines."""
        if self.graph.networks:
            u, c, p = self._along(t, row, middle, w, tau)
            return self.graph.tangent("rhs").pullback("rhs")(t, y, u, c, p, g, self._sums(row))
        by_y, by_p = self.second_jacobians(t, y, row, middle, w, tau)
        assert by_p is not None
        return np.einsum("ls,lsj->lj", g, by_y), _sum_by_row(np.einsum("ls,lsp->lp", g, by_p), row)

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, state), and gᵀf_p summed by trajectory, or over all if pooled (trajectory or 1, parameter)."""
        if self.graph.networks:
            u, c, p = self._arguments(t, row, middle)
            return self.graph.pullback("rhs")(t, y, u, c, p, g, self._sums(row))
        f_y, f_p = self.jacobians(t, y, row, middle)
        return np.einsum("ls,lsj->lj", g, f_y), _sum_by_row(np.einsum("ls,lsp->lp", g, f_p), row)

    def _sums(self, row: np.ndarray) -> np.ndarray:
        """Which of the sums over lines each line goes to."""
        return np.zeros_like(row) if self.pooled else row


def _sum_by_row(lines: np.ndarray, row: np.ndarray) -> np.ndarray:
    total = np.zeros((int(row.max(initial=-1)) + 1, lines.shape[1]), dtype=lines.dtype)
    np.add.at(total, row, lines)
    return total
