"""The kit itself: it passes what keeps its claims, on systems of its kind, and finds what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.measure import Candidate, gradient, solver_findings
from workbench.measure.candidate import solved
from workbench.measure.convergence import SLACK, measured_order
from workbench.measure.differences import central_differences
from workbench.measure.exact import LONG, SHORT, Exact
from workbench.measure.gradient import gradient_error
from workbench.measure.separable import SEPARABLE
from workbench.measure.stability import stability
from workbench.measure.stiff import kaps, prothero_robinson
from workbench.registry import Registry, installed
from workbench.testing import SolverContract

FILE = Path(__file__).with_name("claims.py")
PROBLEMS = [*SHORT, *LONG, *SEPARABLE, prothero_robinson(1e3), kaps(1e3)]


class TestSeparable(SolverContract):
    """A solver of separable systems passes all that can be asked of it."""

    offer = "verlet"
    plugin_files = (str(FILE),)


@pytest.fixture
def claims() -> Registry:
    return installed([FILE])


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_a_problem_of_the_kit_is_solved_by_its_solution_and_knows_its_derivatives(problem: Exact) -> None:
    rng, row = np.random.default_rng(0), np.zeros(1, int)
    t, y = np.array([0.37]), problem.y0 + rng.normal(0, 0.2, problem.y0.shape)
    f = problem.rhs
    by_state = central_differences(lambda x: f(t, x[None], row, t)[0], y[0])
    by_time = central_differences(lambda s: f(s, y, row, s)[0], t)[:, 0]
    size = np.abs(by_state).max()
    # central differences are good to 2e-12 of the function's size
    np.testing.assert_allclose(f.state_jacobian(t, y, row, t)[0], by_state, atol=1e-11 * size)
    np.testing.assert_allclose(f.slope_in_time(t, y, row, t)[0], by_time, atol=1e-11 * size)
    ts = np.linspace(0.1, problem.t1, 7)
    slopes = [central_differences(lambda s: problem.y(s)[0], ts[i : i + 1])[:, 0] for i in range(len(ts))]
    np.testing.assert_allclose(slopes, f(ts, problem.y(ts), row, ts), atol=1e-10 * max(1.0, size))


@pytest.mark.parametrize("problem", SEPARABLE, ids=lambda problem: problem.name)
def test_the_energy_of_a_separable_problem_is_constant_on_its_solution(problem: Exact) -> None:
    energy = problem.energy(problem.y(np.linspace(0, 3 * problem.period, 50)))  # type: ignore[attr-defined]  # SEPARABLE ones have it
    np.testing.assert_allclose(energy, energy[0], rtol=1e-13)


@pytest.mark.parametrize("entry", range(5))
def test_a_gradient_with_one_wrong_entry_is_found(monkeypatch: pytest.MonkeyPatch, entry: int) -> None:
    tsit5 = Candidate.of(installed(), "tsit5")
    assert gradient_error(tsit5, "discrete").ok
    sound = gradient._gradient

    def wrong(*arguments: Any) -> Any:
        found, mesh = sound(*arguments)
        found[entry] += 3e-7 * np.abs(found).max()  # less than the error of a solve may be, more than of its steps
        return found, mesh

    monkeypatch.setattr(gradient, "_gradient", wrong)
    error = gradient_error(tsit5, "discrete")
    assert error.exact <= error.allowed
    assert not error.ok


def test_an_order_that_is_not_kept_is_found(claims: Registry) -> None:
    boastful = Candidate.of(claims, "boastful")
    assert measured_order(boastful, LONG[0]) == pytest.approx(2, abs=SLACK)
    failed = {
        finding.name for finding in solver_findings(claims, "boastful", ["orders"]) if finding.verdict == "failed"
    }
    assert failed >= {f"order, {problem.name}" for problem in LONG}


def test_clipping_is_found(claims: Registry) -> None:
    clipping = Candidate.of(claims, "clipping")
    problem = clipping.simple
    found = solved(clipping.solver, problem, np.array([0.0, 1.0]), 1e12 * problem.y0)
    assert found.ys[0, -1, 0] <= 10  # what test_a_state_of_any_size_is_returned_as_it_is asks about


def test_a_false_claim_to_stiff_problems_is_found(claims: Registry) -> None:
    findings = {finding.name: finding for finding in solver_findings(claims, "falsely_stiff", ["stiffness"])}
    assert [f.verdict for name, f in findings.items() if name.startswith("Prothero")] == ["failed"]


@pytest.mark.parametrize(
    ("name", "real", "imaginary"),
    [
        ("euler", 2.0, 0.0),
        ("rk4", 2.785293563405282, 2 * np.sqrt(2)),  # Hairer & Wanner, Solving ODEs II, IV.2, table 2.1 and fig. 2.1
        (
            "bosh3",
            2.512745326618237,
            np.sqrt(3),
        ),  # R = 1 + z + z²/2 + z³/6, as for every method of 3 stages and order 3
    ],
)
def test_stability_on_the_axes_is_that_of_the_stability_polynomial(name: str, real: float, imaginary: float) -> None:
    found = stability(Candidate.of(installed(), name))
    assert found is not None
    assert found.real == pytest.approx(real, abs=1e-9)
    assert found.imaginary == pytest.approx(imaginary, abs=1e-6)
    assert not found.a_stable


def test_velocity_verlet_is_stable_up_to_a_frequency_of_two(claims: Registry) -> None:
    found = stability(Candidate.of(claims, "verlet"))
    assert found is not None
    # Hairer, Lubich & Wanner (2006), I.1: hω < 2; two eigenvalues that meet are known to the root of rounding
    assert found.imaginary == pytest.approx(2.0, abs=1e-6)
