"""The order conditions of Runge–Kutta and Rosenbrock methods, with what the rounding of published digits may cost.

A Runge–Kutta method has order p if Σ b_i Φ_i(τ) = 1/γ(τ) for every tree τ of at most p vertices (Butcher 1963,
J. Austral. Math. Soc. 3, 185–201; Hairer, Nørsett & Wanner, Solving ODEs I, 2nd ed., II.2), and its weights b(θ) are a
dense output of order p if Σ b_i(θ) Φ_i(τ) = θ^|τ|/γ(τ) (II.6). Φ_i of a tree is the product over its branches of
Σ_j a_ij Φ_j. A Rosenbrock method has the same conditions, with β_ij = α_ij + γ_ij in place of a_ij below every vertex
with a single branch, and α_ij elsewhere (Hairer & Wanner, Solving ODEs II, 2nd ed., IV.7, theorem 7.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..engine import RosenbrockTableau, Tableau
from .coefficients import Coefficients, Rounded, coefficients
from .trees import Tree, density, trees

GUARD = 10
"""Decimals beyond the published ones with which rounded methods are evaluated: they cost 1e-10 of the slack."""


class Found(NamedTuple):
    """How far a condition is from being met, and how far rounding can have brought it."""

    defect: Fraction
    slack: float

    @property
    def met(self) -> bool:
        """Within ten times what the published digits allow; exactly, where coefficients are exact."""
        return self.defect <= 10 * self.slack


class Conditions:
    """The order conditions of one method, over all its stages, those of the dense output included."""

    def __init__(self, method: Tableau | RosenbrockTableau) -> None:
        self.of: Coefficients = coefficients(method)
        self._unit = self._common(
            x for matrix in (self.of.several, self.of.single) for row in matrix.exact for x in row
        )
        self._matrices = [self._integers(matrix.exact) for matrix in (self.of.several, self.of.single)]
        self._sizes = [np.abs(matrix.floats) for matrix in (self.of.several, self.of.single)]
        self._known: dict[Tree, list[int]] = {}
        self._bounds: dict[Tree, tuple[np.ndarray, np.ndarray]] = {}

    def worst(self, weights: Rounded, order: int) -> Found:
        """The condition among those of `order` vertices that the weights (1, stage) miss by most."""
        found = (self._condition(weights, 0, tree, Fraction(1, density(tree))) for tree in trees(order))
        return max(found, key=_miss)

    def worst_dense(self, order: int) -> Found:
        """The same for the dense output: the worst coefficient of θ, θ², … in Σ b_i(θ) Φ_i(τ) − θ^|τ|/γ(τ)."""
        return max(self._dense(order), key=_miss)

    def _dense(self, order: int) -> Iterator[Found]:
        for tree in trees(order):
            for power in range(max(order, len(self.of.dense.exact))):
                wanted = Fraction(1, density(tree)) if power == order - 1 else Fraction(0)
                if power < len(self.of.dense.exact):
                    yield self._condition(self.of.dense, power, tree, wanted)
                else:
                    yield Found(wanted, 0.0)

    def _condition(self, weights: Rounded, line: int, tree: Tree, wanted: Fraction) -> Found:
        phi, row = self._weights(tree), weights.exact[line]
        size, error = self._bound(tree)
        total = sum((x * p for x, p in zip(row, phi, strict=True) if x and p), Fraction(0))
        value = total / self._unit ** _edges(tree)
        slack = np.abs(weights.floats[line]) @ error + weights.error[line] @ size
        return Found(abs(value - wanted), float(slack))

    def _weights(self, tree: Tree) -> list[int]:
        """Φ_i(τ) of every stage i, in units of unit^(|τ| − 1)."""
        if tree not in self._known:
            matrix = self._matrices[len(tree) == 1]
            values = [1] * len(matrix)
            for branch in tree:
                inner = self._weights(branch)
                values = [v and v * sum(x * inner[j] for j, x in row) for v, row in zip(values, matrix, strict=True)]
            self._known[tree] = values
        return self._known[tree]

    def _bound(self, tree: Tree) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of Φ_i(τ) and, to first order, of its error from the rounding of every coefficient."""
        if tree not in self._bounds:
            single = len(tree) == 1
            matrix, rounding = self._sizes[single], (self.of.several, self.of.single)[single].error
            size, error = np.ones(len(matrix)), np.zeros(len(matrix))
            for branch in tree:
                inner, its_error = self._bound(branch)
                value = matrix @ inner
                error = error * value + size * (matrix @ its_error + rounding @ inner)
                size = size * value
            self._bounds[tree] = size, error
        return self._bounds[tree]

    def _common(self, entries: Iterator[Fraction]) -> int:
        """The unit in which entries are whole numbers; of a rounded method a power of ten beyond its digits."""
        if self.of.digits is not None:
            return int(10 ** (self.of.digits + GUARD))
        return math.lcm(*(x.denominator for x in entries))

    def _integers(self, rows: Sequence[Sequence[Fraction]]) -> list[list[tuple[int, int]]]:
        return [[(j, round(x * self._unit)) for j, x in enumerate(row) if x] for row in rows]


def _edges(tree: Tree) -> int:
    return sum(1 + _edges(branch) for branch in tree)


def _miss(found: Found) -> float:
    return float(found.defect) - 10 * found.slack
