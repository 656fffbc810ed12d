"""Derivatives of nodes with respect to leaves, by forward accumulation: sparse, and defined at every kink.

At kinks and singular points the derivative is fixed as follows; away from them it is the derivative.

| operation          | derivative                                                                              |
|--------------------|-----------------------------------------------------------------------------------------|
| abs(x)             | sign(x), which is 0 at 0                                                                |
| sign, floor, step  | 0                                                                                       |
| min(a, b), max     | that of the one that is taken; of a where both are equal                                |
| where(c, a, b)     | that of the branch that is taken, whatever the other is; 0 with respect to c            |
| a·log b            | 0 with respect to b where a is 0 (so is the value); log b with respect to a             |
| sqrt, x^y, asin …  | what is infinite at a boundary stays so, but 0 where the argument does not move (0·∞ = 0) |
| x^n, n whole       | a product's: 0 at x = 0 for n > 1, 1 for n = 1                                          |
| x^y                | with respect to y: x^y·log x, 0 where x^y is 0                                          |
| atan2(y, x)        | 0 at the origin                                                                         |

Forward accumulation carries each derivative through `where` by the same choice as the value, so that a branch that is
not taken may be infinite or NaN without spoiling the result (a reverse sweep would multiply it with 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .nodes import Builder, Node

Rule = Callable[..., int]  # (builder, the node, its arguments …, their derivatives …) → the node's derivative


def reachable(nodes: Sequence[Node], outputs: Iterable[int]) -> list[int]:
    """The nodes that `outputs` are computed from, themselves included, in order of evaluation."""
    waiting, found = list(outputs), set()
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(nodes[number].args)
    return sorted(found)


def differentiate(builder: Builder, outputs: Iterable[int], kind: str) -> list[dict[int, int]]:
    """For each output the node of ∂output/∂leaf by index of the leaf, for leaves of `kind`; what is missing is zero.

    What moves with one other node alone is carried as a slope by that node, so that the derivatives by many leaves
    take one product each and not one for every operation on the way.
    """
    outputs = list(outputs)
    by_leaf: dict[int, dict[int, int]] = {}
    through: dict[int, tuple[int, int]] = {}  # node → (base, slope): d(node) = slope · d(base), and by_leaf has d(base)
    one = builder.constant(1)
    for number in reachable(builder.nodes, outputs):
        node = builder.nodes[number]
        if node.op == kind:
            by_leaf[number] = {int(node.value): one}
            through[number] = number, one
        elif any(arg in through for arg in node.args):
            _carry(builder, number, by_leaf, through)
    return [_by_leaf(builder, output, by_leaf, through) for output in outputs]


def _carry(
    builder: Builder, number: int, by_leaf: dict[int, dict[int, int]], through: dict[int, tuple[int, int]]
) -> None:
    """Enter a node whose arguments move."""
    op, args, _ = builder.nodes[number]
    zero = builder.constant(0)
    if op in GUARDED:
        moves = [_by_leaf(builder, arg, by_leaf, through) for arg in args]
        leaves = sorted(set().union(*moves))
        found = {leaf: RULES[op](builder, number, *args, *(each.get(leaf, zero) for each in moves)) for leaf in leaves}
    else:
        slopes = {}
        for base in dict.fromkeys(through[arg][0] for arg in args if arg in through):
            own = (through[arg][1] if through.get(arg, (None,))[0] == base else zero for arg in args)
            slopes[base] = RULES[op](builder, number, *args, *own)
        moving = {base: slope for base, slope in slopes.items() if slope != zero}
        if len(moving) == 1:
            through[number] = next(iter(moving.items()))
            return
        found = {}
        for base, slope in moving.items():
            for leaf, derivative in by_leaf[base].items():
                found[leaf] = builder.add(found.get(leaf, zero), builder.mul(slope, derivative))
    found = {leaf: derivative for leaf, derivative in sorted(found.items()) if derivative != zero}
    if found:
        by_leaf[number] = found
        through[number] = number, builder.constant(1)


def _by_leaf(
    builder: Builder, number: int, by_leaf: dict[int, dict[int, int]], through: dict[int, tuple[int, int]]
) -> dict[int, int]:
    if number not in through:
        return {}
    base, slope = through[number]
    return {leaf: builder.mul(slope, derivative) for leaf, derivative in by_leaf[base].items()}


def along(builder: Builder, outputs: Sequence[int], moves: Mapping[tuple[str, float], int]) -> list[int]:
    """For each output the node of Σ ∂output/∂leaf · move, for the leaves (kind, index) that move."""
    zero = builder.constant(0)
    found: dict[int, int] = {}
    for number in reachable(builder.nodes, outputs):
        op, args, value = builder.nodes[number]
        if (op, value) in moves:
            found[number] = moves[op, value]
        elif any(arg in found for arg in args):
            found[number] = RULES[op](builder, number, *args, *(found.get(arg, zero) for arg in args))
    return [found.get(output, zero) for output in outputs]


def _zero(b: Builder, *_: int) -> int:
    return b.constant(0)


def _mul(b: Builder, v: int, x: int, y: int, dx: int, dy: int) -> int:
    return b.add(b.mul(dx, y), b.mul(x, dy))


def _div(b: Builder, v: int, x: int, y: int, dx: int, dy: int) -> int:
    return b.div(b.sub(dx, b.mul(v, dy)), y)


def _pow(b: Builder, v: int, x: int, y: int, dx: int, dy: int) -> int:
    slope = b.mul(y, b.power(x, b.sub(y, b.constant(1))))
    return b.add(b.chain(slope, dx), b.mul(b.xlogy(v, x), dy))


def _xlogy(b: Builder, v: int, a: int, x: int, da: int, dx: int) -> int:
    return b.add(b.mul(da, b.apply("log", x)), b.ratio(b.mul(a, dx), x))


def _atan2(b: Builder, v: int, y: int, x: int, dy: int, dx: int) -> int:
    across = b.sub(b.mul(x, dy), b.mul(y, dx))
    return b.ratio(across, b.add(b.mul(x, x), b.mul(y, y)))


def _log10(b: Builder, v: int, x: int, dx: int) -> int:
    return b.div(dx, b.mul(b.constant(math.log(10)), x))


def _where(b: Builder, v: int, c: int, x: int, y: int, dc: int, dx: int, dy: int) -> int:
    return b.apply("where", c, dx, dy)


def _min(b: Builder, v: int, x: int, y: int, dx: int, dy: int) -> int:
    return dx if dx == dy else b.apply("less", y, x, dy, dx)


def _max(b: Builder, v: int, x: int, y: int, dx: int, dy: int) -> int:
    return dx if dx == dy else b.apply("less", x, y, dy, dx)


def _less(b: Builder, v: int, a: int, c: int, x: int, y: int, da: int, dc: int, dx: int, dy: int) -> int:
    return dx if dx == dy else b.apply("less", a, c, dx, dy)


def _ratio(b: Builder, v: int, x: int, y: int, dx: int, dy: int) -> int:
    return b.ratio(b.sub(dx, b.mul(v, dy)), y)


def _chain(b: Builder, v: int, s: int, x: int, ds: int, dx: int) -> int:
    return b.add(b.chain(ds, x), b.chain(s, dx))


def _sigmoid(b: Builder, v: int, x: int, dx: int) -> int:
    return b.mul(b.mul(v, b.apply("sigmoid", b.neg(x))), dx)  # v(1 - v) without cancellation


def _softplus(b: Builder, v: int, x: int, dx: int) -> int:
    return b.mul(b.apply("sigmoid", x), dx)


def _reciprocal_root(*factors: tuple[float, float]) -> Rule:
    """The slope 1/√Π(a + s·x) over the (a, s); acosh needs the roots one by one, for its branch."""

    def rule(b: Builder, v: int, x: int, dx: int) -> int:
        root = b.constant(1)
        for offset, slope in factors:
            root = b.mul(root, b.apply("sqrt", b.add(b.constant(offset), b.mul(b.constant(slope), x))))
        return b.chain(b.div(b.constant(1), root), dx)

    return rule


def _one_plus(b: Builder, x: int, sign: int) -> int:
    """1 ± x²; 1 - x² as (1 - x)(1 + x), which keeps its digits near 1."""
    one = b.constant(1)
    return b.add(one, b.mul(x, x)) if sign > 0 else b.mul(b.sub(one, x), b.add(one, x))


def _function(slope: Callable[[Builder, int, int], int]) -> Rule:
    """The rule of a function of one argument whose slope(builder, node, argument) is finite where it is."""

    def rule(b: Builder, v: int, x: int, dx: int) -> int:
        return b.mul(slope(b, v, x), dx)

    return rule


_asin = _reciprocal_root((1, -1), (1, 1))

RULES: dict[str, Any] = {
    "add": lambda b, v, x, y, dx, dy: b.add(dx, dy),
    "sub": lambda b, v, x, y, dx, dy: b.sub(dx, dy),
    "neg": lambda b, v, x, dx: b.neg(dx),
    "mul": _mul, "div": _div, "pow": _pow, "xlogy": _xlogy, "ratio": _ratio, "chain": _chain,
    "sqrt": lambda b, v, x, dx: b.chain(b.div(b.constant(0.5), v), dx),
    "exp": _function(lambda b, v, x: v),
    "expm1": _function(lambda b, v, x: b.apply("exp", x)),
    "log": lambda b, v, x, dx: b.div(dx, x),
    "log10": _log10,
    "log1p": lambda b, v, x, dx: b.div(dx, b.add(b.constant(1), x)),
    "sin": _function(lambda b, v, x: b.apply("cos", x)),
    "cos": _function(lambda b, v, x: b.neg(b.apply("sin", x))),
    "tan": _function(lambda b, v, x: _one_plus(b, v, 1)),
    "asin": _asin,
    "acos": lambda b, v, x, dx: b.neg(_asin(b, v, x, dx)),
    "atan": lambda b, v, x, dx: b.div(dx, _one_plus(b, x, 1)),
    "atan2": _atan2,
    "sinh": _function(lambda b, v, x: b.apply("cosh", x)),
    "cosh": _function(lambda b, v, x: b.apply("sinh", x)),
    "tanh": _function(lambda b, v, x: _one_plus(b, v, -1)),
    "asinh": lambda b, v, x, dx: b.div(dx, b.apply("sqrt", _one_plus(b, x, 1))),
    "acosh": _reciprocal_root((-1, 1), (1, 1)),
    "atanh": lambda b, v, x, dx: b.div(dx, _one_plus(b, x, -1)),
    "abs": _function(lambda b, v, x: b.apply("sign", x)),
    "sign": _zero, "floor": _zero, "step": _zero,
    "where": _where, "min": _min, "max": _max, "less": _less,
    "sigmoid": _sigmoid, "softplus": _softplus,
    "lgamma": _function(lambda b, v, x: b.apply("digamma", x)),
    "digamma": _function(lambda b, v, x: b.apply("trigamma", x)),
}  # fmt: skip
"""Operation → how its derivative comes from its arguments' (trigamma has none)."""

GUARDED = frozenset("sqrt pow xlogy ratio chain asin acos acosh atan2 where min max less".split())
"""Operations whose rule is asked with the derivatives of their arguments by each leaf: what does not move, or is not
taken, may have an infinite slope. Of all others the derivative is a slope times that of the argument."""
