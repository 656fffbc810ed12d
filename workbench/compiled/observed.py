"""A graph's group "observed" → the C functions of its channels; without one each state is a channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..errors.problems import NotLowerable
from ..graph import Graph, Node
from ..graph.derivatives import reachable
from .scalars import name, statements

HEAD = "const At *at, const R *y"
UNPACKED = ("const R t = at->t, *u = at->u, *c = at->c, *p = at->p;", "(void)t, (void)u, (void)c, (void)p, (void)y;")


def channels(graph: Graph) -> int:
    """How many values are observed at a time."""
    return len(graph.groups.get("observed", graph.states))


def observed(graph: Graph) -> str:
    """`observe` and `observe_jacobian`, and where the entries stand that are not 0; see kernels/residuals.h."""
    graph = _with_observed(graph)
    outputs = graph.groups["observed"]
    nodes = [graph.nodes[number] for number in reachable(graph.nodes, outputs)]
    if any(node.op == "z" for node in nodes):
        raise NotLowerable("a network is observed", help="observe states, or fit with workbench.fit")
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
        _places("observed_places", used),
        _places("y_channel", (i for (i, _), _ in y_entries)),
        _places("y_state", (j for (_, j), _ in y_entries)),
        _places("p_channel", (i for (i, _), _ in p_entries)),
        _places("p_place", (j for (_, j), _ in p_entries)),
        _function(f"INLINE void observe({HEAD}, R *mu)", nodes, {"mu": outputs}, places),
        _function(
            f"INLINE void observe_jacobian({HEAD}, R *by_y, R *by_p)",
            nodes,
            {"by_y": [node for _, node in y_entries], "by_p": [node for _, node in p_entries]},
            places,
        ),
    ]
    return "\n".join(parts)


def _with_observed(graph: Graph) -> Graph:
    if "observed" in graph.groups:
        return graph
    first = len(graph.nodes)
    states = [Node("y", (), i) for i in range(len(graph.states))]
    groups = {**graph.groups, "observed": tuple(range(first, first + len(states)))}
    return replace(graph, nodes=(*graph.nodes, *states), groups=groups)


def _places(title: str, values: Iterable[int]) -> str:
    return f"static const int {title}[] = {{{', '.join(map(str, values)) or '0'}}};"


def _function(
    head: str, nodes: Sequence[Node], outputs: dict[str, Sequence[int]], places: dict[str, dict[int, int]]
) -> str:
    lines = [*UNPACKED, *(f"(void){array};" for array in outputs)]
    lines += statements(nodes, [node for found in outputs.values() for node in found], places)
    for array, found in outputs.items():
        lines += [f"{array}[{e}] = {name(nodes, node, places)};" for e, node in enumerate(found)]
    return "\n".join([head, "{", *(f"    {line}" for line in lines), "}"]) + "\n"
