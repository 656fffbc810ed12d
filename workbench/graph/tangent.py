"""A graph's derivative along a direction of states, time and inputs, as a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import derivatives as rules
from .network import inputs_of
from .nodes import Builder, Node

if TYPE_CHECKING:
    from .graph import Graph, Kind

MOVING: tuple[Kind, ...] = ("y", "t", "u")


def tangent(graph: Graph, group: str) -> Graph:
    """f_y w + f_t τ + f_u v for the outputs f of `group`; w, τ and v stand behind the covariates.

    Every network becomes a tangent network, whose outputs are the z of before and then the ż. Raises ValueError where
    one already is.
    """
    if any(network.tangent for network in graph.networks):
        raise ValueError("a tangent graph's networks have no tangents of their own")
    networks = tuple(replace(network, first=2 * network.first, tangent=True) for network in graph.networks)
    moved: dict[int, int] = {}  # z → its new number
    dot: dict[int, int] = {}  # new number of z → that of ż
    for old, new in zip(graph.networks, networks, strict=True):
        for i in range(old.n_outputs):
            moved[old.first + i] = new.first + i
            dot[new.first + i] = new.first + old.n_outputs + i
    builder = Builder(n if n.op != "z" else Node("z", (), moved[int(n.value)]) for n in graph.nodes)
    along: dict[tuple[str, float], int] = {("z", place): builder.leaf("z", at) for place, at in dot.items()}
    names = list(graph.covariates)
    for kind in MOVING:
        along |= {(kind, j): builder.leaf("c", len(names) + j) for j in range(len(graph.names(kind)))}
        names += [f"direction of {name}" for name in graph.names(kind)]
    groups = {group: _moved(builder, graph.groups[group], along)}
    for k in range(len(networks)):
        x = graph.groups[inputs_of(k)]
        groups[inputs_of(k)] = (*x, *_moved(builder, x, along))
    return replace(graph, nodes=tuple(builder.nodes), groups=groups, covariates=tuple(names), networks=networks)


def _moved(builder: Builder, outputs: tuple[int, ...], along: dict[tuple[str, float], int]) -> tuple[int, ...]:
    """How far the outputs move where the leaves move as far as `along` says."""
    return tuple(rules.along(builder, outputs, along))
