"""A graph's group "observed" → the C functions of its channels; without one each state is a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..graph import Graph, Node
from ..graph.derivatives import reachable
from .scalars import name, statements

HEAD = "const At *at, const R *y"
UNPACKED = ("const R t = at->t, *u = at->u, *c = at->c, *p = at->p;", "(void)t, (void)u, (void)c, (void)p, (void)y;")


def channels(graph: Graph) -> int:
    """How many values are observed at a time."""
    return len(graph.groups.get("observed", graph.states))


@dataclass(frozen=True)
class Observed:
    """The channels in C, and where the entries of their derivatives stand that may differ from 0."""

    text: str  # `observe` and `observe_jacobian`; see kernels/entry_observe.h
    channels: int
    by_y: tuple[tuple[int, int], ...]  # (channel, state)
    by_p: tuple[tuple[int, int], ...]  # (channel, parameter)


def observable(graph: Graph) -> bool:
    """Whether the channels are formulas of t, states, inputs, covariates and parameters: no network is observed."""
    return all(graph.nodes[number].op != "z" for number in reachable(graph.nodes, graph.groups.get("observed", ())))


def observed(graph: Graph) -> Observed:
    """The channels of an observable graph."""
    graph = _with_observed(graph)
    outputs = graph.groups["observed"]
    nodes = [graph.nodes[number] for number in reachable(graph.nodes, outputs)]
    used = sorted({int(node.value) for node in nodes if node.op == "p"})
    places = {kind: {i: i for i in range(len(graph.names(kind)))} for kind in ("t", "y", "u", "c")}
    places["p"] = {j: place for place, j in enumerate(used)}
    by_y = graph.differentiate("observed", "y")
    by_p = by_y.graph.differentiate("observed", "p")
    nodes = list(by_p.graph.nodes)
    y_entries, p_entries = sorted(by_y.entries.items()), sorted(by_p.entries.items())
    sizes = {
        "N_CHANNELS": len(outputs),
        "N_OBSERVED": len(used),
        "N_BY_Y": len(y_entries),
        "N_BY_P": len(p_entries),
    }
    parts = [
        "\n".join(f"#define {key} {value}" for key, value in sizes.items()),
        f"static const int observed_places[] = {{{', '.join(map(str, used)) or '0'}}};",
        _function(f"INLINE void observe({HEAD}, R *mu)", nodes, {"mu": outputs}, places),
        _function(
            f"INLINE void observe_jacobian({HEAD}, R *by_y, R *by_p)",
            nodes,
            {"by_y": [node for _, node in y_entries], "by_p": [node for _, node in p_entries]},
            places,
        ),
    ]
    by_y_at, by_p_at = (tuple(at for at, _ in entries) for entries in (y_entries, p_entries))
    return Observed("\n".join(parts), len(outputs), by_y_at, by_p_at)


def _with_observed(graph: Graph) -> Graph:
    if "observed" in graph.groups:
        return graph
    first = len(graph.nodes)
    states = [Node("y", (), i) for i in range(len(graph.states))]
    groups = {**graph.groups, "observed": tuple(range(first, first + len(states)))}
    return replace(graph, nodes=(*graph.nodes, *states), groups=groups)


def _function(
    head: str, nodes: Sequence[Node], outputs: dict[str, Sequence[int]], places: dict[str, dict[int, int]]
) -> str:
    lines = [*UNPACKED, *(f"(void){array};" for array in outputs)]
    lines += statements(nodes, [node for found in outputs.values() for node in found], places)
    for array, found in outputs.items():
        lines += [f"{array}[{e}] = {name(nodes, node, places)};" for e, node in enumerate(found)]
    return "\n".join([head, "{", *(f"    {line}" for line in lines), "}"]) + "\n"
