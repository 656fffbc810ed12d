"""A graph with networks in torch: its scalar groups, each with the graph's own derivatives, joined by its layers.

Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from .derivatives import reachable
from .network import NONE, Network, inputs_of, needed
from .nodes import Node
from .torch_functions import sigmoid, softplus

if TYPE_CHECKING:
    from .graph import Graph, Kind

KINDS = ("t", "y", "u", "c", "p")
LARGE = 40.0  # beyond it softplus is its argument in float64

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "softplus": lambda a: softplus(a) if a.is_complex() else torch.nn.functional.softplus(a, threshold=LARGE),
    "silu": lambda a: a * sigmoid(a) if a.is_complex() else torch.nn.functional.silu(a),
    "relu": lambda a: torch.where(a.real > 0, a, 0.0),
    "sin": torch.sin,
}


class Stage:
    """A group as a plain graph: z stand behind its covariates, and of the parameters only those that it mentions."""

    def __init__(self, graph: Graph, group: str) -> None:
        outputs, place = graph.groups[group], len(graph.covariates)
        mentioned = [graph.nodes[number] for number in reachable(graph.nodes, outputs)]
        self.used = sorted({int(node.value) for node in mentioned if node.op == "p"})
        moved = {Node("p", (), i): Node("p", (), new) for new, i in enumerate(self.used)}
        moved |= {Node("z", (), i): Node("c", (), place + i) for i in range(graph.n_outputs)}
        plain = replace(
            graph,
            nodes=tuple(moved.get(node, node) for node in graph.nodes),
            groups={group: outputs},
            parameters=tuple(graph.parameters[i] for i in self.used),
            covariates=(*graph.covariates, *graph.names("z")),
            networks=(),
        )
        self.function = plain.torch_function(group)

    def __call__(self, t: Any, y: Any, u: Any, c: Any, p: Any, z: torch.Tensor) -> torch.Tensor:
        beside = z if c is None else torch.cat([c.expand(z.shape[0], -1), z], dim=1)
        return self.function(t, y, u, beside, None if p is None else p[..., self.used])


def function(graph: Graph, group: str, kinds: Sequence[Kind]) -> Callable[..., Any]:
    """f(t, y, u, c, p) on tensors, with derivatives by forward mode, one leaf after the other.

    Raises ValueError for tangent networks, which torch differentiates instead.
    """
    numbers = needed(graph, group)
    if any(graph.networks[k].tangent for k in numbers):
        raise ValueError("a tangent graph with networks has no torch function; differentiate that of its origin")
    networks = [(Stage(graph, inputs_of(k)), graph.networks[k]) for k in numbers]
    last = Stage(graph, group)

    def value(t: Any, y: Any, u: Any, c: Any, p: Any) -> torch.Tensor:
        given = [each for each in (y, u, c, p) if each is not None]
        dtype = given[0].dtype
        for each in (*given, *([t] if t.is_complex() else [])):
            dtype = torch.promote_types(dtype, each.dtype)
        z = torch.zeros(t.shape[0], graph.n_outputs, dtype=dtype, device=given[0].device)
        for stage, network in networks:
            found = layers(network, stage(t, y, u, c, p, z), p)
            z = torch.cat([z[:, : network.first], found, z[:, network.first + network.n_outputs :]], dim=1)
        return last(t, y, u, c, p, z)

    def evaluate(t: Any, y: Any, u: Any, c: Any, p: Any) -> tuple[torch.Tensor, ...]:
        arguments = (t, y, u, c, p)
        return (value(*arguments), *(_derivative(value, arguments, kind) for kind in kinds))

    return evaluate if kinds else value


def layers(network: Network, x: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """The network's outputs (row, output) from its inputs (row, input) and p (parameter,) or (row, parameter)."""
    for k, layer in enumerate(network.layers):
        if k:
            x = ACTIVATIONS[network.activation](x)
        flat = p[..., layer.matrix : layer.matrix + layer.n_outputs * layer.n_inputs]
        matrix = flat.reshape(*p.shape[:-1], layer.n_outputs, layer.n_inputs)
        x = x @ matrix.T if matrix.dim() == 2 else torch.einsum("roi,ri->ro", matrix, x)
        if layer.biases != NONE:
            x = x + p[..., layer.biases : layer.biases + layer.n_outputs]
    return x


def _derivative(value: Callable[..., torch.Tensor], arguments: tuple[Any, ...], kind: str) -> torch.Tensor:
    place = KINDS.index(kind)
    x = arguments[place]

    def along(direction: torch.Tensor) -> torch.Tensor:
        moved = lambda at: value(*arguments[:place], at, *arguments[place + 1 :])  # noqa: E731  # one argument of five
        return torch.func.jvp(moved, (x,), (direction,))[1]

    if kind == "t":
        return along(torch.ones_like(x))
    units = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    return torch.stack([along(unit.expand_as(x).contiguous()) for unit in units], dim=-1)
