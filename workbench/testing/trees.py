"""Rooted trees: a tree is the sorted tuple of its branches, () the single vertex."""

from __future__ import annotations

from functools import cache

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
