"""A checked problem file as a System and a Problem.

Imports pydantic; only `reading` imports this module, when it reads.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from workbench.errors import Where, WorkbenchError
from workbench.errors.problems import BoundsExclude
from workbench.system import (
    Clock,
    Covariate,
    EndValue,
    Event,
    Expression,
    Input,
    Network,
    Observed,
    Parameter,
    State,
    System,
)
from workbench.system.stated import stated_formulas

from .checking import check_keys
from .formulas import call_arity, check_formulas
from .places import Key, Places
from .problem import DataFile, Problem
from .schema import DataKeys, ExpressionKeys, ObservedKeys, ParameterKeys, ProblemKeys, StateKeys
from .shape import read_shape

Build = tuple[Problem | None, list[WorkbenchError]]


def build_problem(table: dict[str, Any], text: str, places: Places, name: str, folder: Path) -> Build:
    """The problem that a parsed TOML table describes, and every mistake in it."""
    keys, mistakes, stand_ins = read_shape(table, places)
    if keys is None:
        return None, mistakes
    system = _system(keys, text, places, name)
    # What a stand-in's value says about the bounds around it is nobody's mistake.
    beside = {places.key(path).line for path in places.known() if path[:-1] in {each[:-1] for each in stand_ins}}
    found = [
        mistake
        for mistake in (*check_keys(keys, places), *check_formulas(system, spoiled=bool(mistakes)))
        if not (isinstance(mistake, BoundsExclude) and mistake.where and mistake.where.line in beside)
    ]
    return _problem(keys, system, name, folder), [*mistakes, *found]


def _system(keys: ProblemKeys, text: str, places: Places, name: str) -> System:
    system = System(
        name=name,
        title=keys.title,
        source=keys.source,
        notes=keys.notes,
        tags=tuple(keys.tags),
        text=text,
        states=tuple(_state(each, state) for each, state in keys.states.items()),
        parameters=tuple(_parameter(each, parameter) for each, parameter in keys.parameters.items()),
        inputs=tuple(Input(each, i.interpolation, i.unit) for each, i in keys.inputs.items()),
        covariates=tuple(Covariate(each, c.column or each) for each, c in keys.covariates.items()),
        expressions=_expressions(keys.expressions),
        observed=tuple(_observed(each, o) for each, o in keys.observed.items()),
        derived=_expressions(keys.derived),
        invariants=_expressions(keys.invariants),
        events=tuple(
            Event(each, e.time, e.trigger or "", e.direction, dict(e.map), e.terminate)
            for each, e in keys.events.items()
        ),
        networks=_networks(keys),
        time=Clock(keys.time.unit, keys.time.span, keys.time.samples, keys.time.start),
        reference=_reference(keys),
    )
    return replace(system, places=_places(system, places))


def _state(name: str, keys: StateKeys) -> State:
    initial = keys.initial
    lower, upper = initial.bounds or (0.0 if initial.transform == "log" else -inf, inf)
    return State(
        name,
        keys.equation,
        initial.value,
        fit=initial.fit,
        lower=lower,
        upper=upper,
        transform=initial.transform,
        unit=keys.unit,
        prior=initial.prior or "",
        atol=keys.atol,
    )


def _parameter(name: str, keys: ParameterKeys) -> Parameter:
    lower, upper = keys.bounds or (0.0 if keys.transform == "log" else -inf, inf)
    return Parameter(
        name,
        keys.value,
        lower=lower,
        upper=upper,
        transform=keys.transform,
        fixed=keys.fixed,
        unit=keys.unit,
        per=keys.per or "",
        prior=keys.prior or "",
    )


def _observed(name: str, keys: ObservedKeys) -> Observed:
    return Observed(name, keys.formula, keys.noise or "", keys.scale, keys.unit, keys.limits, keys.sigma or "")


def _expressions(keys: dict[str, ExpressionKeys]) -> tuple[Expression, ...]:
    return tuple(Expression(name, each.formula, each.unit) for name, each in keys.items())


def _networks(keys: ProblemKeys) -> tuple[Network, ...]:
    """The learned terms, with as many arguments as the first formula that calls them gives."""
    texts = [state.equation for state in keys.states.values()] + [e.formula for e in keys.expressions.values()]
    return tuple(
        Network(name, call_arity(name, texts), tuple(network.hidden), network.activation)
        for name, network in keys.networks.items()
    )


def _reference(keys: ProblemKeys) -> EndValue | None:
    known = keys.reference
    return EndValue(known.time, dict(known.values), known.rtol, known.source) if known else None


def _places(system: System, places: Places) -> dict[tuple[str, ...], Where]:
    """Key → its line; of a formula, line and column where its text begins."""
    keys = {tuple(str(part) for part in path): places.key(path) for path in places.known()}
    return keys | {stated.key: places.formula(_path(stated.key)) for stated in stated_formulas(system)}


def _path(key: tuple[str, ...]) -> Key:
    """A formula's key as places know it: elements of lists by number."""
    return tuple(int(part) if part.isdigit() else part for part in key)


def _problem(keys: ProblemKeys, system: System, name: str, folder: Path) -> Problem:
    return Problem(
        name=name,
        system=system,
        noise={observed.name: observed.noise for observed in system.observed if observed.noise},
        start=keys.time.start,
        data_file=_data_file(keys.data, folder) if keys.data else None,
    )


def _data_file(keys: DataKeys, folder: Path) -> DataFile:
    return DataFile(
        path=folder / keys.file,
        time=keys.time,
        sample_time=keys.sample_time,
        trajectory=keys.trajectory,
        inputs=tuple(keys.inputs or ()),
        map=dict(keys.map),
        start=keys.start,
        missing=keys.missing,
        replicates=keys.replicates,
    )
