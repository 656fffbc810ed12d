"""Rooted trees, and the order conditions that they stand for, exactly.

A tree is the sorted tuple of its branches; () is the single vertex. A Runge–Kutta method has order p if Σ b_i Φ_i(τ) =
1/γ(τ) for every tree τ of at most p vertices (Butcher 1963, J. Austral. Math. Soc. 3, 185–201; Hairer, Nørsett &
Wanner, Solving ODEs I, 2nd ed., II.2), and its weights b(θ) a dense output of order p if Σ b_i(θ) Φ_i(τ) = θ^|τ|/γ(τ)
(II.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from ..engine import Tableau

Tree = tuple["Tree", ...]


@cache
def trees(order: int) -> tuple[Tree, ...]:
    """All rooted trees of `order` vertices.

    >>> [len(trees(n)) for n in range(1, 9)]
    [1, 1, 2, 4, 9, 20, 48, 115]
    """
    return tuple(sorted(_forests(order - 1, order - 1)))


@cache
def _forests(vertices: int, largest: int) -> frozenset[Tree]:
    """Multisets of trees with `vertices` in all and none larger than `largest`."""
    if vertices == 0:
        return frozenset([()])
    found = set()
    for size in range(1, min(vertices, largest) + 1):
        for tree in trees(size):
            found |= {tuple(sorted((*rest, tree))) for rest in _forests(vertices - size, size)}
    return frozenset(found)


@cache
def vertices(tree: Tree) -> int:
    """|τ|."""
    return 1 + sum(map(vertices, tree))


@cache
def density(tree: Tree) -> int:
    """γ(τ): the product over all vertices of the size of the subtree above them.

    >>> density(((), ((),)))
    8
    """
    product = vertices(tree)
    for branch in tree:
        product *= density(branch)
    return product


class Conditions:
    """The order conditions of one tableau, over all its stages, those of the dense output included."""

    def __init__(self, tableau: Tableau) -> None:
        self.tableau = tableau
        end = [] if tableau.fsal else [tableau.b]
        rows = [*tableau.a, *end, *tableau.a_more]
        self._a = [[(j, Fraction(x)) for j, x in enumerate(row) if Fraction(x)] for row in rows]
        self._known: dict[Tree, tuple[Fraction, ...]] = {}

    def weights(self, tree: Tree) -> tuple[Fraction, ...]:
        """Φ_i(τ) of every stage i."""
        if tree not in self._known:
            values = [Fraction(1)] * len(self._a)
            for branch in tree:
                inner = self.weights(branch)
                values = [
                    v * sum((x * inner[j] for j, x in row), Fraction(0)) for v, row in zip(values, self._a, strict=True)
                ]
            self._known[tree] = tuple(values)
        return self._known[tree]

    def defect(self, b: Sequence[Fraction], order: int) -> Fraction:
        """The largest |Σ b_i Φ_i(τ) − 1/γ(τ)| over all trees of `order` vertices."""
        return max(abs(_product(b, self.weights(tree)) - Fraction(1, density(tree))) for tree in trees(order))

    def dense_defect(self, order: int) -> Fraction:
        """The largest coefficient of Σ b_i(θ) Φ_i(τ) − θ^|τ|/γ(τ) over all trees of `order` vertices."""
        rows = self.tableau.polynomials
        powers = range(1, max(order, *map(len, rows)) + 1)
        worst = Fraction(0)
        for tree in trees(order):
            phi = self.weights(tree)
            for power in powers:
                column = [row[power - 1] if power <= len(row) else Fraction(0) for row in rows]
                wanted = Fraction(1, density(tree)) if power == order else Fraction(0)
                worst = max(worst, abs(_product(column, phi) - wanted))
        return worst


def _product(b: Sequence[Fraction], phi: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(b, phi, strict=False) if x), Fraction(0))
