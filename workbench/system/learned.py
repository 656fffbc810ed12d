"""A System's learned terms as networks of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.graph import LearnedTerm

from .parts import Network, Scaling

if TYPE_CHECKING:
    from .system import System


def learned_terms(system: System, scaling: Mapping[str, Scaling]) -> dict[str, LearnedTerm]:
    """Name → learned term, with its place among p and its scaling; without one it is not scaled."""
    found, at = {}, len(system.parameters)
    for network in system.networks:
        scaled = scaling.get(network.name) or plain(network)
        found[network.name] = LearnedTerm(
            network.hidden, network.activation, at, scaled.centre, scaled.spread, scaled.size
        )
        at += len(network.weight_names)
    return found


def plain(network: Network) -> Scaling:
    """No scaling."""
    return Scaling((0.0,) * network.arity, (1.0,) * network.arity)
