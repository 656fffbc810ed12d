"""A learned term: a network that formulas call by name, with its scaling inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .network import Network, inputs_of
from .nodes import Builder


@dataclass(frozen=True)
class LearnedTerm:
    """size · network((arguments − centre)/spread), one output, its weights among p from `weights` on.

    >>> LearnedTerm((16,), "tanh", weights=3, centre=(0.0,), spread=(2.0,)).sizes
    (1, 16, 1)
    """

    hidden: tuple[int, ...]
    activation: str
    weights: int
    centre: tuple[float, ...]  # (argument,)
    spread: tuple[float, ...]  # (argument,)
    size: float = 1.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Arguments, hidden …, 1."""
        return (len(self.centre), *self.hidden, 1)


class Calls:
    """The calls of learned terms in a graph that is being made: each a network of its own, over shared weights."""

    def __init__(self, builder: Builder, terms: Mapping[str, LearnedTerm]) -> None:
        self.terms = terms
        self.networks: list[Network] = []
        self.groups: dict[str, tuple[int, ...]] = {}
        self._builder = builder
        self._met: dict[tuple[str, tuple[int, ...]], int] = {}

    def node(self, name: str, arguments: tuple[int, ...]) -> int:
        """The node of a call, whose arguments have nodes already; one and the same for calls of equal arguments."""
        if (name, arguments) not in self._met:
            self._met[name, arguments] = self._made(self.terms[name], arguments)
        return self._met[name, arguments]

    def _made(self, term: LearnedTerm, arguments: tuple[int, ...]) -> int:
        b, number = self._builder, len(self.networks)
        self.networks.append(Network(term.sizes, term.activation, term.weights, first=number))
        self.groups[inputs_of(number)] = tuple(
            b.div(b.sub(node, b.constant(middle)), b.constant(width))
            for node, middle, width in zip(arguments, term.centre, term.spread, strict=True)
        )
        return b.mul(b.constant(term.size), b.leaf("z", number))
