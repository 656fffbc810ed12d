"""Groups of one graph in another: the same operations on leaves that bear the same names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from .derivatives import reachable
from .graph import Graph
from .nodes import LEAVES, Builder, Node


class LeafMissing(KeyError):
    """A graph has no leaf of this name."""


def grafted(
    graph: Graph,
    other: Graph,
    groups: Mapping[str, Sequence[int | None]],
    states: Collection[str],
    held: Mapping[str, float],
) -> Graph:
    """The graph with more groups, of nodes of another one; None stands for the state of its place in the group.

    Its `states`, inputs and covariates are those of the same name here, its parameters the numbers `held`. Raises
    LeafMissing with the name that is none of these.
    """
    b, numbers = Builder(graph.nodes), dict[int, int]()
    wanted = [each for group in groups.values() for each in group if each is not None]
    for number in reachable(other.nodes, wanted):
        node = other.nodes[number]
        if node.op in LEAVES:
            numbers[number] = _leaf(b, node, graph, other, states, held)
        else:
            numbers[number] = b.put(node.op, *(numbers[each] for each in node.args), value=node.value)
    more = {
        name: tuple(b.leaf("y", place) if each is None else numbers[each] for place, each in enumerate(group))
        for name, group in groups.items()
    }
    return replace(graph, nodes=tuple(b.nodes), groups={**graph.groups, **more})


def _leaf(
    b: Builder, node: Node, graph: Graph, other: Graph, states: Collection[str], held: Mapping[str, float]
) -> int:
    kind, place = node.op, int(node.value)
    if kind == "t":
        return b.leaf("t")
    if kind == "z":
        raise LeafMissing("a learned term")
    name = other.names(kind)[place]  # type: ignore[arg-type]  # one of LEAVES
    if kind == "p" and name in held:
        return b.constant(held[name])
    if kind == "p":
        raise LeafMissing(f"{name} as a known number (--fix {name})")
    here = {"y": graph.states, "u": graph.inputs, "c": graph.covariates}.get(kind, ())
    if name not in here or (kind == "y" and name not in states):
        raise LeafMissing(name)
    return b.leaf(kind, here.index(name))
