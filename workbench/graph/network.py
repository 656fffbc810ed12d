"""A network in a graph: dense layers, one call for all of them, its weights among the parameters.

The inputs of network k are the group "network k" of its graph, its outputs the leaves z from `first` on. Networks are
evaluated in their order, so network k may use the outputs of those before it, in `Node("z", (), index)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from .derivatives import reachable
from .nodes import Builder

if TYPE_CHECKING:
    from .graph import Graph
    from .nodes import Node

Activation = Literal["tanh", "softplus", "silu", "relu", "sin"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)
NONE = -1  # the place of biases that a layer does not have


class Layer(NamedTuple):
    """One dense layer: where its matrix (output, input), row by row, and its biases (output,) begin among p."""

    n_inputs: int
    n_outputs: int
    matrix: int
    biases: int  # NONE where the layer has none


@dataclass(frozen=True)
class Network:
    """Dense layers with one activation after each but the last.

    >>> network = Network((2, 50, 2), "tanh", weights=0, first=0)
    >>> network.n_weights, network.layers[1].matrix, network.layers[1].biases
    (252, 150, 250)
    """

    sizes: tuple[int, ...]  # inputs, hidden …, outputs
    activation: str
    weights: int  # where they begin among p: for each layer the matrix (output, input) row by row, then the biases
    first: int  # where the outputs begin among z
    places: tuple[tuple[int, int], ...] = ()
    """Where each layer's matrix and biases (−1: none) begin among p, if not one behind the other from `weights` on.

    Networks may share weights, with each other and between their layers: derivatives by p are then sums.
    """
    tangent: bool = False
    """The outputs and their derivative along a direction: inputs are x and then ẋ, outputs z and then ż = z_x ẋ."""

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"a network has the sizes inputs, hidden …, outputs, each at least 1, not {self.sizes}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"an activation is one of {', '.join(ACTIVATIONS)}, not {self.activation!r}")
        if self.weights < 0 or self.first < 0:
            raise ValueError(f"weights and outputs begin at 0 or later, not at {self.weights} and {self.first}")
        if self.places and len(self.places) != len(self.sizes) - 1:
            raise ValueError(f"{len(self.sizes) - 1} layers have as many places, not {len(self.places)}")

    @property
    def n_inputs(self) -> int:
        """The length of the group that it is computed from."""
        return self.sizes[0] * (1 + self.tangent)

    @property
    def n_outputs(self) -> int:
        """How many z it computes."""
        return self.sizes[-1] * (1 + self.tangent)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in their order."""
        shapes = list(pairwise(self.sizes))
        if self.places:
            return tuple(Layer(*shape, *place) for shape, place in zip(shapes, self.places, strict=True))
        found, at = [], self.weights
        for n_in, n_out in shapes:
            found.append(Layer(n_in, n_out, at, at + n_in * n_out))
            at += (n_in + 1) * n_out
        return tuple(found)

    @property
    def n_weights(self) -> int:
        """How many entries of p it depends on."""
        return len(self.weight_places)

    @property
    def weight_places(self) -> tuple[int, ...]:
        """The entries of p that it depends on, ascending."""
        found: set[int] = set()
        for layer in self.layers:
            found.update(range(layer.matrix, layer.matrix + layer.n_inputs * layer.n_outputs))
            if layer.biases != NONE:
                found.update(range(layer.biases, layer.biases + layer.n_outputs))
        return tuple(sorted(found))


def inputs_of(number: int) -> str:
    """The group of the inputs of network `number`."""
    return f"network {number}"


def needed(graph: Graph, group: str) -> tuple[int, ...]:
    """The numbers of the networks that a group is computed from, also by way of others, ascending."""
    found: set[int] = set()
    waiting = [group]
    while waiting:
        nodes = (graph.nodes[i] for i in reachable(graph.nodes, graph.groups[waiting.pop()]))
        for place in (int(node.value) for node in nodes if node.op == "z"):
            number = next(k for k, each in enumerate(graph.networks) if 0 <= place - each.first < each.n_outputs)
            if number not in found:
                found.add(number)
                waiting.append(inputs_of(number))
    return tuple(sorted(found))


def linear_weights(graph: Graph, group: str) -> tuple[int, ...]:
    """The entries of p, ascending, in which a group is linear together, whatever the others are: of last layers.

    Those of networks that no other is computed from, whose outputs the group takes linearly and whose last layer's
    weights stand nowhere else.
    """
    networks = needed(graph, group)
    fed = {place for k in networks for place in _leaves(graph.nodes, graph.groups[inputs_of(k)], "z")}
    derivative = graph.differentiate(group, "z")
    bent = {place for (_, place), node in derivative.entries.items() if _leaves(derivative.graph.nodes, [node], "z")}
    bent |= {z for node in derivative.entries.values() for z in _leaves(derivative.graph.nodes, [node], "z")}
    uses = Counter(p for g in (group, *map(inputs_of, networks)) for p in _leaves(graph.nodes, graph.groups[g], "p"))
    uses.update(place for k in networks for layer in graph.networks[k].layers for place in _weights(layer))
    found: set[int] = set()
    for network in (graph.networks[k] for k in networks):
        last, outputs = _weights(network.layers[-1]), range(network.first, network.first + network.n_outputs)
        alone = all(uses[place] == 1 for place in last)
        if alone and not network.tangent and not (fed | bent).intersection(outputs):
            found.update(last)
    return tuple(sorted(found))


def _leaves(nodes: Sequence[Node], outputs: Iterable[int], kind: str) -> set[int]:
    return {int(nodes[i].value) for i in reachable(nodes, outputs) if nodes[i].op == kind}


def _weights(layer: Layer) -> list[int]:
    matrix = range(layer.matrix, layer.matrix + layer.n_inputs * layer.n_outputs)
    biases = range(layer.biases, layer.biases + layer.n_outputs) if layer.biases != NONE else ()
    return [*matrix, *biases]


def check_networks(graph: Graph) -> None:
    """Raise ValueError where a graph's networks lack inputs, weights or places of their own among z."""
    taken: set[int] = set()
    for k, network in enumerate(graph.networks):
        group = graph.groups.get(inputs_of(k))
        if group is None or len(group) != network.n_inputs:
            raise ValueError(f"the graph needs a group {inputs_of(k)!r} of {network.n_inputs} nodes, its inputs")
        used = {int(graph.nodes[i].value) for i in reachable(graph.nodes, group) if graph.nodes[i].op == "z"}
        if not used <= taken:
            raise ValueError(f"the inputs of network {k} use z{min(used - taken)}, which no network before it computes")
        outputs = set(range(network.first, network.first + network.n_outputs))
        if outputs & taken:
            raise ValueError(f"two networks compute z{min(outputs & taken)}")
        taken |= outputs
        if network.weight_places[-1] >= len(graph.parameters):
            raise ValueError(f"network {k} has weights beyond the {len(graph.parameters)} parameters of the graph")
    used = {int(node.value) for node in graph.nodes if node.op == "z"}
    if not used <= taken:
        raise ValueError(f"z{min(used - taken)} is no network's output")


def from_network(
    hidden: Sequence[int],
    activation: str,
    *,
    states: Sequence[str],
    inputs: Sequence[str] = (),
    covariates: Sequence[str] = (),
    with_time: bool = False,
    parameters: Sequence[str] | None = None,
    centre: Iterable[float] | float = 0.0,
    spread: Iterable[float] | float = 1.0,
    slope: Iterable[float] | float = 1.0,
) -> Graph:
    """The graph of dy/dt = slope · network((features − centre)/spread), every state observed.

    Features are states, inputs, covariates and, `with_time`, time, in this order. `hidden` are the widths of the layers
    between, each with the `activation`; centre and spread are one number a feature, slope one a state, or one for all.
    The parameters are the weights, for each layer the matrix (output, input) row by row and then the biases, by default
    named w0, w1, …

    >>> graph = from_network((50,), "tanh", states=("x", "y"))
    >>> len(graph.parameters), graph.networks[0].sizes
    (252, (2, 50, 2))
    """
    from .graph import Graph

    b = Builder()
    y = [b.leaf("y", i) for i in range(len(states))]
    features = y + [b.leaf("u", i) for i in range(len(inputs))] + [b.leaf("c", i) for i in range(len(covariates))]
    features += [b.leaf("t")] if with_time else []
    centres, spreads = _each(centre, len(features)), _each(spread, len(features))
    scaled = [
        b.div(b.sub(node, b.constant(middle)), b.constant(width))
        for node, middle, width in zip(features, centres, spreads, strict=True)
    ]
    slopes = _each(slope, len(states))
    rhs = [b.mul(b.constant(size), b.leaf("z", i)) for i, size in enumerate(slopes)]
    network = Network((len(features), *hidden, len(states)), activation, 0, 0)
    names = tuple(f"w{i}" for i in range(network.n_weights)) if parameters is None else tuple(parameters)
    groups = {"rhs": tuple(rhs), "observed": tuple(y), inputs_of(0): tuple(scaled)}
    return Graph(tuple(b.nodes), groups, tuple(states), names, tuple(inputs), tuple(covariates), networks=(network,))


def _each(given: Iterable[float] | float, n: int) -> list[float]:
    return [float(each) for each in given] if isinstance(given, Iterable) else [float(given)] * n
