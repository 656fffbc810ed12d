"""Numbers of one data set taken out of a graph, so that its C is that of all data sets.

A network's features are (x − centre)/spread, with numbers that every data set has of its own. As covariates, which are
given with each solve, they leave the text of the C file: the library of one network serves all of its shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..graph import Graph, Node
from ..graph.derivatives import reachable
from ..graph.network import inputs_of

PLAIN = 16  # halves up to this size belong to a formula
ONE = Node("constant", (), 1.0)
ARITHMETIC = ("add", "sub", "mul", "div")


@dataclass(frozen=True)
class Shared:
    """A graph that shares its text with others: its constants (constant,) are the last of its covariates.

    `inverse` says where among the covariates the inverse of one stands, for derivatives of what is divided by it.
    """

    graph: Graph
    constants: np.ndarray
    inverse: Mapping[int, int]

    def undivided(self, nodes: Sequence[Node]) -> Sequence[Node]:
        """The same nodes, with no division of 1 by a constant."""
        if not self.inverse:
            return nodes
        found = list(nodes)
        for number, node in enumerate(nodes):
            if node.op == "div" and nodes[node.args[0]] == ONE and nodes[node.args[1]].op == "c":
                place = int(nodes[node.args[1]].value)
                found[number] = Node("c", (), self.inverse[place]) if place in self.inverse else node
        return found


def shared(graph: Graph) -> Shared:
    """A graph whose networks share their text with those of other data sets.

    Its constants are numbers that are no halves and that formulas add, subtract, multiply or divide by. Of graphs
    without networks there are none.
    """
    if not graph.networks:
        return Shared(graph, np.zeros(0), {})
    nodes = list(graph.nodes)
    groups = ("rhs", *map(inputs_of, range(len(graph.networks))))
    used = reachable(nodes, [node for group in groups for node in graph.groups[group]])
    elsewhere = {arg for n in used if nodes[n].op not in ARITHMETIC for arg in nodes[n].args}
    places = [n for n in used if nodes[n].op == "constant" and not _plain(nodes[n].value) and n not in elsewhere]
    below = {nodes[n].args[1] for n in used if nodes[n].op == "div"}
    first, inverse = len(graph.covariates), dict[int, int]()
    values, names = [nodes[n].value for n in places], [f"constant {n}" for n in places]
    for index, n in enumerate(places):
        nodes[n] = Node("c", (), first + index)
        if n in below:
            inverse[first + index] = first + len(values)
            values.append(1.0 / values[index])
            names.append(f"1 / constant {n}")
    whole = replace(graph, nodes=tuple(nodes), covariates=(*graph.covariates, *names))
    return Shared(whole, np.array(values), inverse)


def _plain(value: float) -> bool:
    return not np.isfinite(value) or (abs(value) <= PLAIN and float(2 * value).is_integer())
