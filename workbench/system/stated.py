"""Every formula of a System with its key, and which kinds of names have a value where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .system import System

DRIVEN = frozenset({"time", "state", "parameter", "input", "covariate", "network"})
MEASURED = DRIVEN - {"network"}
AT_START = frozenset({"parameter", "covariate"})
ALONG = frozenset({"time", "state", "parameter", "covariate"})
CONSTANT = frozenset({"parameter"})


@dataclass(frozen=True)
class Stated:
    """A formula at its key, such as ("states", "hare", "equation"); `may` are the kinds of names it can mention."""

    key: tuple[str, ...]
    text: str
    may: frozenset[str]


def stated_formulas(system: System) -> Iterator[Stated]:
    """All formulas of the system, group by group; expressions may mention whatever their users may."""
    for expression in system.expressions:
        yield Stated(("expressions", expression.name), expression.formula, DRIVEN)
    for state in system.states:
        yield Stated(("states", state.name, "equation"), state.equation, DRIVEN)
        if isinstance(state.initial, str):
            yield Stated(("states", state.name, "initial"), state.initial, AT_START)
    for observed in system.observed:
        yield Stated(("observed", observed.name, "formula"), observed.formula, MEASURED)
    for derived in system.derived:
        yield Stated(("derived", derived.name), derived.formula, CONSTANT)
    for invariant in system.invariants:
        yield Stated(("invariants", invariant.name), invariant.formula, ALONG)
    yield from _events(system)


def _events(system: System) -> Iterator[Stated]:
    for event in system.events:
        for key, time in zip(event.time_keys, event.times, strict=False):
            if isinstance(time, str):
                yield Stated(key, time, AT_START)
        if event.trigger:
            yield Stated(("events", event.name, "trigger"), event.trigger, MEASURED)
        for state, formula in event.map.items():
            yield Stated(("events", event.name, "map", state), formula, MEASURED)
