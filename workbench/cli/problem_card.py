"""A problem as text and as JSON: its equations, what is unknown in them, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .output import bold, table

if TYPE_CHECKING:
    from ..problem import Problem
    from ..system import System


def describe(problem: Problem) -> dict[str, Any]:
    """The document `workbench/problem/1`."""
    system = _system(problem)
    return {
        "schema": "workbench/problem/1",
        "name": problem.name,
        "title": system.title,
        "source": system.source,
        "tags": list(system.tags),
        "equations": list(system.equations()),
        "latex": list(system.latex()),
        "states": [{"name": s.name, "initial": s.initial, "fit": s.fit, "unit": s.unit} for s in system.states],
        "parameters": [
            {"name": p.name, "value": p.value, "bounds": [p.lower, p.upper], "fixed": p.fixed, "unit": p.unit}
            for p in system.parameters
        ],
        "learned": list(system.learned),
        "inputs": list(system.input_names),
        "covariates": list(system.covariate_names),
        "observed": [{"name": o.name, "formula": o.formula, "noise": o.noise, "unit": o.unit} for o in system.observed],
        "events": [
            {
                "name": e.name,
                "time": list(e.times),
                "trigger": e.trigger,
                "direction": e.direction,
                "map": dict(e.map),
                "terminate": e.terminate,
            }
            for e in system.events
        ],
        "time": {"unit": system.time.unit, "span": system.time.span, "samples": system.time.samples},
        "data": str(problem.data_file.path) if problem.data_file is not None else None,
        "notes": system.notes,
    }


def card(problem: Problem) -> str:
    """The problem for people."""
    system = _system(problem)
    head = [bold(f"{problem.name}: {system.title}"), *([f"source: {system.source}"] if system.source else [])]
    equations = [f"  {equation}" for equation in system.equations()]
    states = [[s.name, _plain(s.initial), s.unit, "fitted" if s.fit else ""] for s in system.states]
    parameters = [
        [p.name, _plain(p.value), p.unit, "fixed" if p.fixed else f"{_plain(p.lower)} … {_plain(p.upper)}"]
        for p in system.parameters
    ]
    observed = [[o.name, o.formula, o.noise] for o in system.observed]
    tables = [
        table(["state", "starts at", "unit", ""], states),
        table(["parameter", "value", "unit", "bounds"], parameters) if parameters else "",
        table(["observed", "formula", "noise"], observed),
        table(["event", "happens", "then"], [[e.name, e.when, e.then] for e in system.events]) if system.events else "",
    ]
    driven = [*system.input_names, *system.covariate_names]
    tail = [
        *(f"learned: {term}" for term in system.learned),
        f"driven by {', '.join(driven)}" if driven else "",
        _clock(system),
        f"data: {problem.data_file.path.name}" if problem.data_file is not None else "",
        system.notes.strip(),
    ]
    return "\n\n".join(filter(None, ["\n".join(head), "\n".join(equations), *tables, "\n".join(filter(None, tail))]))


def check_file(file: Path) -> tuple[dict[str, Any], str]:
    """The document and the text for a file in order; raises errors of the S family with file and line."""
    from ..workflow import read_problem

    problem = read_problem(file)
    system = _system(problem)
    system.graph()  # formulas that read well can still have no real value
    document = {
        "schema": "workbench/problem-check/1",
        "file": str(file),
        "states": list(system.state_names),
        "parameters": list(system.parameter_names),
    }
    learned = f", {len(system.networks)} learned terms" if system.networks else ""
    return document, f"{file}: in order; {len(system.states)} states, {len(system.parameters)} parameters{learned}"


def _plain(value: float | str) -> str:
    """A number as it would be typed, a formula as it stands."""
    return value if isinstance(value, str) else f"{value:.10g}".replace("inf", "∞")


def _clock(system: System) -> str:
    if system.time.span is None:
        return ""
    first, last = system.time.span
    return f"time from {_plain(first)} to {_plain(last)} {system.time.unit}".rstrip()


def _system(problem: Problem) -> System:
    assert problem.system is not None, "a problem file always has equations"
    return problem.system
