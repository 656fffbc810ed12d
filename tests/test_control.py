"""Step control: controllers as data, and limits of the step."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from workbench_runge_kutta.classical import BOSH3
from workbench_runge_kutta.dormand_prince import DOPRI5
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.engine import TableauSolver
from workbench.engine.controllers import CONTROLLERS, Controller, ControllerName
from workbench.errors.usage import SettingOfWrongType
from workbench.measure.candidate import solved
from workbench.measure.exact import COUPLED, TURNING
from workbench.registry import installed

NAMES = pytest.mark.parametrize("name", get_args(ControllerName))


@pytest.mark.parametrize(
    ("name", "beta"),
    [
        ("i", ["1", "0", "0"]),
        ("pi", ["17/20", "-1/5", "0"]),  # α = 1/5 − 0.75 β with β = 0.04, times k = 5
        ("pi42", ["3/5", "-1/5", "0"]),
        ("h211pi", ["1/6", "1/6", "0"]),
        ("h312pid", ["1/18", "1/9", "1/18"]),
    ],
)
def test_exponents_are_the_published_ones(name: str, beta: list[str]) -> None:
    assert CONTROLLERS[name].beta == tuple(Fraction(x) for x in beta)
    assert CONTROLLERS[name].source


@NAMES
@pytest.mark.parametrize("tableau", [BOSH3, TSIT5], ids=lambda tableau: tableau.name)
def test_the_tolerance_is_met_whatever_the_controller(name: ControllerName, tableau) -> None:  # type: ignore[no-untyped-def]
    ts = np.linspace(0, TURNING.t1, 11)
    errors, steps = [], []
    for controller in ("pi", name):
        found = solved(TableauSolver(tableau, rtol=1e-7, atol=1e-7, controller=controller), TURNING, ts)
        assert found.status == ("ok",)
        errors.append(np.abs(found.ys[0] - TURNING.y(ts)).max())
        steps.append(found.stats["accepted"][0] + found.stats["rejected"][0])
    # all aim at the same error per step: 0.9^k of the tolerance where steps vary slowly
    assert errors[1] < 3 * errors[0]
    assert steps[1] < 1.6 * steps[0]


def test_a_digital_filter_gives_a_smoother_sequence_of_steps() -> None:
    """The low-pass filters are made for it: their steps change less from one to the next, in log h."""
    roughness = {}
    for name in ("i", "h211pi", "h312pid"):
        found = solved(TableauSolver(DOPRI5, rtol=1e-8, atol=1e-8, controller=name), COUPLED, np.array([0.0, 6.0]))
        assert found.mesh is not None
        steps = np.log(np.diff(found.mesh.t[0][5:-2]))
        roughness[name] = float(np.mean(np.diff(steps) ** 2))
    assert roughness["h211pi"] < roughness["i"]
    assert roughness["h312pid"] < roughness["i"]


def test_a_controller_of_ones_own_is_taken() -> None:
    mine = Controller("mine", kI="1/2", kP="1/10", kD="1/20")
    assert mine.beta == (Fraction(13, 20), Fraction(-1, 5), Fraction(1, 20))
    found = solved(TableauSolver(TSIT5, controller=mine), COUPLED, np.array([0.0, 1.0]))
    assert found.status == ("ok",)


def test_a_controller_is_an_option_of_every_adaptive_solver_of_the_loop() -> None:
    made = installed().make("solver", "tsit5", {"controller": "h211pi", "max_step": 0.1})
    assert made.controller == "h211pi"
    assert made.max_step == 0.1
    with pytest.raises(SettingOfWrongType, match="controller"):
        installed().make("solver", "tsit5", {"controller": "h999"})


@NAMES
def test_no_step_is_longer_than_the_longest(name: ControllerName) -> None:
    for first_step in (0.0, 0.5):
        solver = TableauSolver(TSIT5, rtol=1e-3, max_step=0.05, controller=name, first_step=first_step)
        found = solved(solver, COUPLED, np.array([0.0, 1.503]))
        assert found.mesh is not None
        steps = np.diff(found.mesh.t[0])
        assert steps.max() <= 0.05
        assert len(steps) >= 31


def test_a_pulse_that_steps_go_over_is_seen_with_a_longest_step() -> None:
    """A pulse of width 0.01 in a solution that is 0 around it: unseen, unless steps are held shorter than it."""

    def pulse(t, y, row, middle):  # type: ignore[no-untyped-def]
        return np.exp(-(((t[:, None] - 5.0) / 0.01) ** 2)) + 0 * y

    from workbench.contracts import SolveOptions

    y0, ts, exact = np.zeros((1, 1)), np.array([[0.0, 10.0]]), 0.01 * np.sqrt(np.pi)
    blind = TableauSolver(TSIT5).solve(pulse, y0, ts[:, 0], ts, SolveOptions())
    seen = TableauSolver(TSIT5, max_step=0.02).solve(pulse, y0, ts[:, 0], ts, SolveOptions())
    assert blind.ys[0, -1, 0] == pytest.approx(0.0, abs=1e-12)
    assert seen.ys[0, -1, 0] == pytest.approx(exact, rel=1e-4)
