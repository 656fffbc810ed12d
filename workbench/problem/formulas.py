"""Every formula of a problem file: can it be read, is all of it declared, and does every unknown matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.errors.problems import NetworkIdle, ParameterIdle

if TYPE_CHECKING:
    from workbench.system import System

TELLING = ("states", "observed", "events")  # sections whose formulas data can say something about


def check_formulas(system: System, *, spoiled: bool) -> Iterator[WorkbenchError]:
    """What is wrong with the formulas; in a `spoiled` file, with keys taken out, idle parameters are not asked for."""
    from workbench.system.symbolic import Symbolic

    if mistake := _error(system.require_states_of_events):
        yield mistake
    reading = Symbolic(system)
    unreadable = [error for key in reading.formulas if (error := _error(partial(reading.read, key)))]
    yield from unreadable
    if unreadable:
        return
    if circle := _error(lambda: reading.expressions):
        yield circle
        return
    mentioned: set[str] = set()
    for key in reading.formulas:
        try:
            found = reading.mentions(key)
        except WorkbenchError as error:
            spoiled = True
            yield error
        else:
            mentioned |= found if key[0] in TELLING else set()
    if not spoiled:
        yield from _idle(system, mentioned)


def _error(attempt: Callable[[], object]) -> WorkbenchError | None:
    """What an attempt raises for the user to mend, if anything."""
    try:
        attempt()
    except WorkbenchError as error:
        return error
    return None


def _idle(system: System, mentioned: set[str]) -> Iterator[WorkbenchError]:
    for parameter in system.parameters:
        if parameter.name not in mentioned and not parameter.fixed:
            yield ParameterIdle(
                f"parameters.{parameter.name} is to be fitted, but no equation, start, event or observed formula "
                "mentions it",
                help=f"mention {parameter.name!r}, take it out, or write fixed = true",
                where=system.places.get(("parameters", parameter.name)),
            )
    for network in system.networks:
        if network.name not in mentioned:
            yield NetworkIdle(
                f"networks.{network.name} is to be learned, but no equation calls it",
                help=f"call {network.name}(…) in the equation of a state, or take it out",
                where=system.places.get(("networks", network.name)),
            )


def call_arity(name: str, texts: Iterable[str]) -> int:
    """How many arguments the first call of a learned term has; 1 where nothing calls it.

    >>> call_arity("friction", ["omega", "-k*friction(atan2(x, 1), omega)"])
    2
    """
    for text in texts:
        if call := re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}\s*\(", text):
            return _commas(text[call.end() :]) + 1
    return 1


def _commas(text: str) -> int:
    """The commas before the parenthesis that closes a call whose arguments begin the text, other calls' left out."""
    depth = found = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        found += letter == "," and depth == 0
        if depth < 0:
            break
    return found
