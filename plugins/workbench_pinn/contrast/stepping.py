"""A trained curve as a solver, its equations known, beside one that takes steps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench as wb

from .cases import CASES, Data

PLAIN, CAUSAL, WINDOWS = "pinn", "pinn, causal", "pinn, 8 windows"
WAYS: dict[str, dict[str, Any]] = {PLAIN: {}, CAUSAL: {"solver.causal": 1.0}, WINDOWS: {"solver.windows": 8}}


@dataclass(frozen=True)
class Solved:
    """One way of solving one problem."""

    case: str
    solver: str
    error: float  # see Data.error; inf without a solution
    defect: float | None  # root mean square at the samples, in units of the slopes'
    evaluations: int
    status: str
    seconds: float


def problems(cases: tuple[str, ...]) -> list[str]:
    """The cases without those that have the equations and values of one before them."""
    first: dict[tuple[str | float, ...], str] = {}
    for name in cases:
        first.setdefault((CASES[name].problem, *CASES[name].true.values()), name)
    return list(first.values())


def solved(case: str, data: Data, iterations: int, quick: bool) -> list[Solved]:
    """The stepping method at its default tolerances, then trained curves; the quick form does without windows."""
    name = data.case.solver
    ways: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {})}
    for way, settings in WAYS.items():
        if not (quick and way == WINDOWS):
            ways[way] = ("pinn", {"solver.iterations": iterations} | settings)
    return [_solved(case, data, way, solver, settings) for way, (solver, settings) in ways.items()]


def _solved(case: str, data: Data, way: str, solver: str, settings: dict[str, Any]) -> Solved:
    began = time.process_time()
    found = wb.simulate(
        data.case.problem,
        solver=solver,
        settings=settings,
        span=(0.0, data.case.end),
        samples=len(data.t),
        values=data.case.values,
        strict=False,
    )
    seconds = time.process_time() - began
    off = found.trajectory.defect
    slopes = np.gradient(data.truth, data.t, axis=0)
    defect = None if off is None else float(np.sqrt(np.mean(off[0] ** 2 / np.mean(slopes**2, axis=0))))
    evaluations = int(found.trajectory.stats["rhs"][0])
    status = found.trajectory.status[0]
    return Solved(case, way, data.error(found.ys[0], data.truth), defect, evaluations, status, seconds)
