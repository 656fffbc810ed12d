"""A System's formulas as SymPy expressions: read by the formula reader and checked for what they mention.

Imports SymPy; only functions that need it import this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import sympy

from workbench.errors import Where
from workbench.errors.problems import ExpressionsCircular, FormulaWrong, NameMisplaced
from workbench.formula import names_in, parse

from .stated import Stated, stated_formulas

if TYPE_CHECKING:
    from .system import System

GROUPS = ("observed", "derived", "invariants")


class Symbolic:
    """The formulas of one System in plain real symbols, just as they were written; expressions stay names."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.kinds = _kinds(system)
        self.formulas = {stated.key: stated for stated in stated_formulas(system)}
        self._functions = {network.name: network.arity for network in system.networks}
        self._names = tuple(name for name, kind in self.kinds.items() if kind != "network")
        self._read: dict[tuple[str, ...], sympy.Expr] = {}

    def read(self, key: tuple[str, ...]) -> sympy.Expr:
        """The formula at a key; raises FormulaRefused and its kin with the place where it stands."""
        if key not in self._read:
            stated = self.formulas[key]
            try:
                self._read[key] = parse(stated.text, self._names, functions=self._functions)
            except FormulaWrong as error:
                error.where = self._place(stated, error.column) or error.where
                raise
        return self._read[key]

    def groups(self) -> dict[str, list[sympy.Expr]]:
        """The expressions of the graph's groups, in the order of states, observed and derived quantities."""
        rhs = [self.read(("states", state.name, "equation")) for state in self.system.states]
        initial = [
            self.read(("states", each.name, "initial")) if isinstance(each.initial, str) else sympy.Float(each.initial)
            for each in self.system.states
        ]
        others = {group: [self.read(key) for key in self.formulas if key[0] == group] for group in GROUPS}
        return {"rhs": rhs, "initial": initial} | others | self._events()

    def _events(self) -> dict[str, list[sympy.Expr]]:
        """For each event `times NAME` or `trigger NAME`, and `map NAME`, every state's value afterwards."""
        groups: dict[str, list[sympy.Expr]] = {}
        for event in self.system.events:
            if event.trigger:
                groups[f"trigger {event.name}"] = [self.read(("events", event.name, "trigger"))]
            else:
                groups[f"times {event.name}"] = [
                    self.read(key) if isinstance(time, str) else sympy.Float(time)
                    for key, time in zip(event.time_keys, event.times, strict=True)
                ]
            groups[f"map {event.name}"] = [
                self.read(("events", event.name, "map", name)) if name in event.map else sympy.Symbol(name, real=True)
                for name in self.system.state_names
            ]
        return groups

    @cached_property
    def expressions(self) -> dict[str, sympy.Expr]:
        """Name → named expression, each after those that it mentions; raises ExpressionsCircular."""
        waiting = {key[1]: names_in(stated.text) for key, stated in self.formulas.items() if key[0] == "expressions"}
        waiting = {name: mentions & waiting.keys() for name, mentions in waiting.items()}
        done: dict[str, sympy.Expr] = {}
        while waiting:
            ready = [name for name, mentions in waiting.items() if mentions <= done.keys()]
            if not ready:
                raise ExpressionsCircular(
                    f"the expressions {', '.join(waiting)} refer to each other in a circle",
                    help="write one of them out, or make it a state",
                    where=self.system.places.get(("expressions", next(iter(waiting)))),
                )
            for name in ready:
                done[name] = self.read(("expressions", name))
                del waiting[name]
        return done

    @cached_property
    def calls(self) -> list[sympy.Expr]:
        """The calls of learned terms that the equations depend on, in the order in which they are met, each once."""
        found: dict[str, sympy.Expr] = {}  # by their text: SymPy holds functions of one name for different ones
        waiting, seen = [self.read(("states", name, "equation")) for name in self.system.state_names], set[str]()
        while waiting:
            for part in sympy.preorder_traversal(waiting.pop(0)):
                if isinstance(part, sympy.core.function.AppliedUndef):
                    found.setdefault(str(part), part)
                elif part.is_Symbol and part.name in self.expressions and part.name not in seen:
                    seen.add(part.name)
                    waiting.append(self.expressions[part.name])
        return list(found.values())

    def jacobian(self) -> sympy.Matrix:
        """∂f/∂y (state, state); named expressions stay names, their derivatives are written out."""
        states = [sympy.Symbol(name, real=True) for name in self.system.state_names]
        rows: dict[str, list[sympy.Expr]] = {}
        for name, expr in self.expressions.items():
            rows[name] = _gradient(expr, states, rows)
        return sympy.Matrix([_gradient(expr, states, rows) for expr in self.groups()["rhs"]])

    def mentions(self, key: tuple[str, ...]) -> set[str]:
        """The names that a formula depends on, through expressions too; raises NameMisplaced."""
        stated, found, waiting = self.formulas[key], set[str](), [self.read(key)]
        while waiting:
            expr = waiting.pop()
            names = {str(symbol) for symbol in expr.free_symbols} - found
            found |= names | {str(call.func) for call in expr.atoms(sympy.core.function.AppliedUndef)}
            waiting.extend(self.expressions[name] for name in names if self.kinds[name] == "expression")
        found = {name for name in found if self.kinds[name] != "expression"}
        for name in sorted(found):
            if self.kinds[name] not in stated.may:
                raise self._misplaced(stated, name)
        return found

    def _misplaced(self, stated: Stated, name: str) -> NameMisplaced:
        found = re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", stated.text)
        through = "" if found else " (through an expression)"
        return NameMisplaced(
            f"{'.'.join(stated.key)}: the {self.kinds[name]} {name!r}{through} has no value here; "
            f"this formula may depend on {_listing(stated.may)} only",
            help=f"take {name!r} out of {stated.text!r}",
            where=self._place(stated, found.start() + 1 if found else 1),
        )

    def _place(self, stated: Stated, column: int) -> Where | None:
        """Where a column of a formula stands in the file, if the file is known."""
        place = self.system.places.get(stated.key)
        if place is None or place.line is None or place.column is None:
            return place
        before = stated.text[: column - 1]
        if "\n" in before:
            return Where(place.file, place.line + before.count("\n"), len(before) - before.rindex("\n"))
        return Where(place.file, place.line, place.column + column - 1)


def _gradient(expr: sympy.Expr, states: list[sympy.Symbol], rows: Mapping[str, list[sympy.Expr]]) -> list[sympy.Expr]:
    """The derivatives of a formula by the states, given those of the expressions that it mentions."""
    inner = {symbol: rows[symbol.name] for symbol in expr.free_symbols if symbol.name in rows}
    return [
        sympy.diff(expr, state) + sum(sympy.diff(expr, symbol) * row[j] for symbol, row in inner.items())
        for j, state in enumerate(states)
    ]


def _kinds(system: System) -> dict[str, str]:
    """Declared name → what kind of thing it is."""
    kinds = {"t": "time"}
    kinds |= dict.fromkeys(system.state_names, "state") | dict.fromkeys(system.parameter_names, "parameter")
    kinds |= dict.fromkeys(system.input_names, "input") | dict.fromkeys(system.covariate_names, "covariate")
    kinds |= {expression.name: "expression" for expression in system.expressions}
    return kinds | {network.name: "network" for network in system.networks}


def _listing(kinds: frozenset[str]) -> str:
    words = {"time": "t", "state": "states", "parameter": "parameters", "input": "inputs", "covariate": "covariates"}
    *first, last = [word for kind, word in words.items() if kind in kinds]
    return f"{', '.join(first)} and {last}" if first else last
