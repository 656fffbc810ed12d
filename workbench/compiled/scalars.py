"""Scalar nodes of a graph → C statements. Identifiers are generated; nothing that a user wrote is printed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..graph import Node
from ..graph.derivatives import reachable

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
Leaves = Mapping[str, Mapping[int, int]]  # kind → index → place in the kind's array


class Assignment(NamedTuple):
    """`array[place][place] = factor * node`, or `+=`."""

    array: str
    places: tuple[int | str, ...]
    node: int
    sign: str = "="
    factor: str = ""

    def statement(self, nodes: Sequence[Node], leaves: Leaves) -> str:
        """It in C."""
        target = self.array + "".join(f"[{place}]" for place in self.places)
        return f"{target} {self.sign} {self.factor}{name(nodes, self.node, leaves)};"


def constant(value: float) -> str:
    """A constant in every lane; hexadecimal, so that no digit is lost."""
    if math.isfinite(value):
        return f"SPLAT({float(value).hex()})"
    return "SPLAT(NAN)" if math.isnan(value) else f"SPLAT({'-' if value < 0 else ''}INFINITY)"


def statements(
    nodes: Sequence[Node],
    outputs: Sequence[int],
    leaves: Leaves,
    only: frozenset[int] | None = None,
) -> list[str]:
    """`const R v12 = …;` for every node that `outputs` need; `leaves` says at which place of its array a leaf stands.

    The value of node n is then called by `name(nodes, n, leaves)`. With `only`, the others have been computed before.
    """
    lines = []
    for number in reachable(nodes, outputs) if only is None else sorted(only):
        node = nodes[number]
        if node.op == "constant" or node.op in leaves:
            continue
        args = [name(nodes, arg, leaves) for arg in node.args]
        if node.op in INFIX:
            text = f"{args[0]} {INFIX[node.op]} {args[1]}"
        elif node.op == "neg":
            text = f"-{args[0]}"
        else:
            text = f"R_{node.op}({', '.join(args)})"
        lines.append(f"const R v{number} = {text};")
    return lines


def name(nodes: Sequence[Node], number: int, leaves: Leaves) -> str:
    """How the value of a node is written."""
    node = nodes[number]
    if node.op == "constant":
        return constant(node.value)
    if node.op == "t":
        return "t"
    if node.op in leaves:
        return f"{node.op}[{leaves[node.op][int(node.value)]}]"
    return f"v{number}"
