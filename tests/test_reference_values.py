"""Known end values are reached, and at equal tolerances no worse than by the trusted solver of the same order."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scripts import loaded

from workbench.contracts import Solver
from workbench.measure import Candidate
from workbench.measure.references import (
    NON_STIFF,
    SEPARABLE,
    STIFF,
    TRUSTED,
    Referenced,
    at_tolerance,
    by_scipy,
    path,
    path_error,
    reach,
    referenced,
)
from workbench.registry import installed

TOLERANCES = tuple(10.0**-k for k in range(4, 11))
CANDIDATES = [Candidate.of(installed(), entry.name) for entry in installed().offers("solver")]
LOOPS = [c for c in CANDIDATES if c.solver.adaptive and not c.separable and not c.name.startswith("scipy_")]
COMPARED = [c for c in LOOPS if (c.solver.order, c.stiff) in TRUSTED]
FOR_STIFF = [c for c in CANDIDATES if c.stiff and c.solver.adaptive and (c.solver.order or 0) >= 5]
"""Below order 5, rtol = 1e-10 takes minutes: rodas4 needs 80,000 evaluations on HIRES, rodas5p 25,000."""
SHARP = [name if name == "hires" else pytest.param(name, marks=pytest.mark.long) for name in STIFF]


def named(value: object) -> str:
    return value.name if isinstance(value, Candidate) else str(value)


@cache
def problem(name: str) -> Referenced:
    return referenced(installed(), name)


@cache
def wanted(name: str) -> np.ndarray:
    return path(problem(name), problem(name).times())


@cache
def trusted_error(method: str, name: str, rtol: float) -> float:
    ts = problem(name).times()
    found = by_scipy(method, problem(name), rtol, ts)
    return error_of(found.y.T, name)


def error_of(ys: np.ndarray, name: str) -> float:
    known = problem(name)
    return known.error(ys[-1]) if known.stiff else path_error(ys, wanted(name))


def error_at(solver: Solver, name: str, rtol: float) -> float:
    found = reach(at_tolerance(solver, problem(name), rtol), problem(name), problem(name).times())
    assert found.status == ("ok",), found.message[0]
    return error_of(found.ys[0], name)


@pytest.mark.parametrize("name", [*NON_STIFF, *SEPARABLE])
def test_the_path_that_errors_are_measured_against_ends_at_the_known_value(name: str) -> None:
    """Two independent computations: DOP853 at 3e-14, and the published or 20-digit value."""
    assert problem(name).error(wanted(name)[-1]) < 1e-10


@pytest.mark.parametrize("name", NON_STIFF)
@pytest.mark.parametrize("candidate", [c for c in COMPARED if not c.stiff], ids=named)
def test_errors_are_those_of_the_trusted_solver_of_the_same_order(candidate: Candidate, name: str) -> None:
    """At most 3 times as large, at every tolerance."""
    method = TRUSTED[candidate.solver.order or 0, False]
    ratios = [error_at(candidate.solver, name, rtol) / trusted_error(method, name, rtol) for rtol in TOLERANCES]
    assert max(ratios) <= 3, ratios


BEYOND = pytest.mark.xfail(
    reason="esdirk54 errs by 12 rtol on the Oregonator at 1e-4, by 3 to 4 rtol on van der Pol at 1e-7",
    strict=True,
)


UNMET = ("oregonator", "van_der_pol_stiff")
STIFF_CASES = [
    pytest.param(c, name, marks=[BEYOND] if c.name == "esdirk54" and name in UNMET else [], id=f"{c.name}-{name}")
    for c in COMPARED
    if c.stiff and c.name != "radau5"
    for name in STIFF
]


@pytest.mark.parametrize(("candidate", "name"), STIFF_CASES)
def test_errors_on_stiff_problems_are_those_of_radau_or_of_the_tolerance(candidate: Candidate, name: str) -> None:
    """At most 3 times the larger of the two.

    Radau estimates its error with order 3 and is far more accurate than it was asked to be, for more evaluations: on
    HIRES at rtol = 1e-4 it errs by 1.5e-5, rodas5p by 1.1e-4 and esdirk54 by 1.9e-4.
    """
    for rtol in (1e-4, 1e-7):
        allowed = 3 * max(trusted_error("Radau", name, rtol), rtol)
        assert error_at(candidate.solver, name, rtol) <= allowed, rtol


RADAU5 = next(c for c in COMPARED if c.name == "radau5")
ROUNDING = 1e-13
"""Decided by chance: on van der Pol's problem SciPy's Radau errs by 1.6e-15 at 1e-10, by 1.7e-13 at 0.995e-10."""


@pytest.mark.parametrize(
    "rtol", [pytest.param(x, marks=pytest.mark.long) if x in (1e-8, 1e-9) else x for x in TOLERANCES]
)
@pytest.mark.parametrize("name", STIFF)
def test_radau5_errs_at_most_three_times_as_much_as_scipys_radau_at_every_tolerance(name: str, rtol: float) -> None:
    """The same method with the same estimate of its error: one tolerance at a time, and nothing averaged."""
    error = error_at(RADAU5.solver, name, rtol)
    assert error <= 3 * max(trusted_error("Radau", name, rtol), ROUNDING)
    if rtol == TOLERANCES[-1]:
        assert error <= 1e-7


@pytest.mark.parametrize("name", SHARP)
@pytest.mark.parametrize("candidate", FOR_STIFF, ids=named)
def test_a_stiff_problem_is_solved_to_seven_digits_at_a_tolerance_of_1e_10(candidate: Candidate, name: str) -> None:
    """atol lies below what every component ends at (`references.SIZES`), and errors are relative, by component."""
    assert error_at(candidate.solver, name, 1e-10) <= 1e-7


def test_the_benchmark_leaves_out_what_lies_beyond_its_cap_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = loaded("benchmarks/work_precision.py")
    monkeypatch.setattr(bench, "SCIPY", {True: ()})  # which has no cap
    every = bench.measured(problem("robertson"), ["trbdf2"], repeats=1, longest=0.0)
    rows = [row for row in every if row["solver"] == "trbdf2"]
    assert [row["status"] for row in rows] == ["time_out"] + ["left_out"] * (len(bench.TOLERANCES) - 1)
    assert bench.table(rows).count("left_out") == len(rows) - 1


def test_the_benchmark_measures_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = loaded("benchmarks/work_precision.py")
    # three points make a curve; the other ones are measured and drawn as these are
    monkeypatch.setattr(bench, "TOLERANCES", bench.TOLERANCES[:3])
    monkeypatch.setattr(bench, "STEPS", bench.STEPS[:3])
    rows = list(bench.measured(problem("lotka_volterra"), ["tsit5", "bosh3", "rk4"], repeats=1, longest=60.0))
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["solver"] for row in rows} == {"SciPy RK45", "SciPy DOP853", "tsit5", "bosh3", "rk4"}
    by_solver = {name: [row["error"] for row in rows if row["solver"] == name] for name in ("tsit5", "rk4")}
    for errors in by_solver.values():
        assert errors[0] > 100 * errors[-1]
    assert bench.table(rows).count("\n") == len(rows)
    (figure,) = bench.draw(rows, tmp_path)
    assert figure.read_bytes().startswith(b"<?xml")
