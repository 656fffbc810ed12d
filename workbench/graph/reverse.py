"""Σ g·∂output/∂leaf by reverse accumulation: a few operations for each operation of f, however dense its Jacobian is.

Slopes are those of workbench.graph.derivatives. A reverse sweep multiplies with slopes that may be infinite before it
knows what does not move, or is not taken: from guarded operations on, its products are "absorbed", 0 where either
factor is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .derivatives import GUARDED, RULES, reachable
from .nodes import Builder, Node

COTANGENT = "g"
"""The kind of the leaves that stand for the cotangents of the outputs."""


def pulled(builder: Builder, outputs: Sequence[int], kinds: Sequence[str]) -> Iterator[tuple[Node, int]]:
    """What each leaf of `kinds` gets, as nodes to be summed: leaves and addends, output by output where they can be."""
    moving = _moving(builder, outputs, kinds)
    cotangents: dict[int, int] = {}
    wild: set[int] = set()  # whose cotangent may be infinite while nothing moves
    zero = builder.constant(0)
    for place, output in enumerate(outputs):
        cotangents[output] = builder.add(cotangents.get(output, zero), builder.leaf(COTANGENT, place))
    for number in reversed(moving):
        node, cotangent = builder.nodes[number], cotangents.get(number, zero)
        if node.op in kinds:
            continue
        guarded = node.op in GUARDED or number in wild
        for arg in dict.fromkeys(node.args):
            if arg not in moving:
                continue
            slope = RULES[node.op](builder, number, *node.args, *_one_hot(builder, node.args, arg))
            product = _absorbed(builder, slope, cotangent) if guarded else builder.mul(slope, cotangent)
            if product == zero:
                continue
            if guarded:
                wild.add(arg)
            if builder.nodes[arg].op in kinds:
                yield builder.nodes[arg], product
            else:
                cotangents[arg] = builder.add(cotangents.get(arg, zero), product)
    for output in dict.fromkeys(outputs):
        if builder.nodes[output].op in kinds:
            yield builder.nodes[output], cotangents[output]


def _moving(builder: Builder, outputs: Sequence[int], kinds: Sequence[str]) -> dict[int, None]:
    """The nodes on the way from leaves of `kinds` to the outputs, in order of evaluation."""
    moving: dict[int, None] = {}
    for number in reachable(builder.nodes, outputs):
        node = builder.nodes[number]
        if node.op in kinds or any(arg in moving for arg in node.args):
            moving[number] = None
    return moving


def _one_hot(builder: Builder, args: Sequence[int], arg: int) -> list[int]:
    return [builder.constant(float(each == arg)) for each in args]


def _absorbed(builder: Builder, slope: int, cotangent: int) -> int:
    """The product, 0 where either factor is 0."""
    if builder.value(slope) is not None or builder.value(cotangent) is not None:
        return builder.mul(slope, cotangent)
    return builder.put("absorbed", slope, cotangent)
