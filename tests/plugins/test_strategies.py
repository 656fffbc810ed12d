"""Strategies: the contract, and fits that go wrong from a poor start."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from workbench_strategies.rung import Watch

from workbench import Dataset
from workbench.errors.usage import UsageError
from workbench.fitting import FitTask
from workbench.problem import Problem, read_problem
from workbench.registry import installed
from workbench.testing.strategies import TRUE, StrategyContract, growth, run, task_of
from workbench.workflow.sources import open_source


class TestStrategies(StrategyContract):
    """Every strategy there is."""


def make(name: str, **settings: object):  # type: ignore[no-untyped-def]
    return installed().make("strategy", name, settings)


def lynx_hare(start: dict[str, float] | None = None) -> Problem:
    problem = open_source("lynx_hare", None, split="none", settings={}, meaning={})
    assert problem.system is not None
    values = start or {}
    parameters = tuple(replace(p, value=values.get(p.name, p.value)) for p in problem.system.parameters)
    return replace(problem, system=replace(problem.system, parameters=parameters))


TEXTBOOK = {"alpha": 1.5, "beta": 1.0, "gamma": 3.0, "delta": 1.0}
BEST = 122.927
"""The least negative log-likelihood is 122.9265, found by an independent multistart with tight tolerances."""


@pytest.mark.parametrize("optimizer", ["least-squares", "levenberg-marquardt"])
@pytest.mark.parametrize("start", [None, TEXTBOOK], ids=["file", "textbook"])
def test_the_ladder_finds_the_best_orbit_of_hare_and_lynx(start: dict[str, float] | None, optimizer: str) -> None:
    task = task_of(lynx_hare(start), optimizer, loss="likelihood")
    state, taken = run(make("ladder"), task)
    assert state["done"] == "converged"
    assert task.trajectory().value(state["strategy"]["x"]) <= BEST
    assert taken[1].rung.startswith("matching: ")
    assert taken[-1].rung.startswith("all: ")


def test_from_textbook_starts_the_whole_trajectory_alone_is_caught_in_a_wrong_period() -> None:
    task = task_of(lynx_hare(TEXTBOOK), loss="likelihood")
    state, _ = run(make("single"), task)
    # minima known for this start from plain Levenberg–Marquardt and from SciPy's trust region
    assert 160 < task.trajectory().value(state["strategy"]["x"]) < 175


def test_exact_data_give_the_exact_parameters() -> None:
    for name in ("ladder", "single"):
        task = task_of(growth())
        state, _ = run(make(name), task)
        found = dict(zip(task.unknowns.labels, task.unknowns.physical(state["strategy"]["x"])[0], strict=True))
        # tsit5 at its rtol of 1e-6
        assert found == pytest.approx(TRUE, rel=1e-5)


HIDDEN = """
title  = "A chain of which only the end is seen"
source = "for tests"
[states.a]
equation = "-k*a"
initial  = 5.0
[states.b]
equation = "k*a - m*b"
initial  = 0.0
[parameters]
k = { value = 2.0, transform = "log" }
m = { value = 0.1, transform = "log" }
[observed.b]
formula = "b"
"""


def hidden() -> FitTask:
    """Bateman's curve for k = 1, m = 0.3: b = 5k/(k − m)·(e^(−mt) − e^(−kt))."""
    t = np.linspace(0, 8, 20)
    b = 5 / 0.7 * (np.exp(-0.3 * t) - np.exp(-t))
    data = Dataset(t, b[:, None], np.array([len(t)]), ("b",))
    return task_of(read_problem(HIDDEN).with_data(data, "none"))


def test_hidden_states_have_no_slopes_to_match_so_the_ladder_begins_on_the_trajectory() -> None:
    task = hidden()
    assert task.defects() == ()
    state, taken = run(make("ladder"), task)
    assert {step.rung.split(":")[0] for step in taken[1:]} == {"all"}
    np.testing.assert_allclose(task.unknowns.physical(state["strategy"]["x"])[0], [1.0, 0.3], rtol=1e-5)


def test_gradient_matching_alone_refuses_hidden_states_and_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="every state observed") as caught:
        run(make("gradient-matching"), hidden())
    assert "--strategy ladder" in caught.value.help


EXPLOSIVE = """
title  = "Growth that is faster than exponential"
source = "for tests"
[states.x]
equation = "r*x^2 - d*x"
initial  = 1.0
[parameters]
r = { value = 2.0, transform = "log" }
d = { value = 0.1, transform = "log" }
"""


def explosive() -> FitTask:
    """x = 1/(r/d + (1 − r/d)e^(dt)) for r = 0.2, d = 0.5; from the start r = 2 it is infinite at t = 0.51 of 4."""
    t = np.linspace(0, 4, 33)
    x = 1 / (0.4 + 0.6 * np.exp(0.5 * t))
    data = Dataset(t, x[:, None], np.array([len(t)]), ("x",))
    return task_of(read_problem(EXPLOSIVE).with_data(data, "none"))


def test_a_start_that_blows_up_is_fitted_on_a_shorter_stretch_that_doubles_and_the_steps_say_so() -> None:
    task = explosive()
    assert task.trajectory().value(task.unknowns.start) == np.inf
    state, taken = run(make("ladder", match=False), task)
    assert state["done"] == "converged"
    np.testing.assert_allclose(task.unknowns.physical(state["strategy"]["x"])[0], [0.2, 0.5], rtol=1e-4)
    rungs = list(dict.fromkeys(step.rung.split(":")[0] for step in taken[1:]))
    assert rungs == ["all 0.125", "all 0.25", "all 0.5", "all"]
    assert [step.event for step in taken if "doubled" in step.event] == ["doubled the horizon"] * 3
    assert any("no finite solution over the whole span" in step.event for step in taken)


def test_gradient_matching_saves_a_start_that_blows_up_without_any_shorter_stretch() -> None:
    task = explosive()
    state, taken = run(make("ladder"), task)
    np.testing.assert_allclose(task.unknowns.physical(state["strategy"]["x"])[0], [0.2, 0.5], rtol=1e-4)
    assert all("0." not in step.rung for step in taken)


def test_a_fit_without_any_finite_solution_ends_as_a_failure() -> None:
    text = EXPLOSIVE.replace("r*x^2 - d*x", "r*x^2 - d*x + log(-x - 5)")
    data = Dataset(np.arange(6.0), np.ones((6, 1)), np.array([6]), ("x",))
    for name in ("ladder", "single"):
        state, taken = run(make(name), task_of(read_problem(text).with_data(data, "none")))
        assert state["done"].startswith("failed.N")
        assert taken[-1].event


def test_a_network_frees_its_initial_values_last_and_keeps_the_point_that_validates_best() -> None:
    t = np.linspace(0, 6, 40)
    values = np.column_stack([np.cos(t), -np.sin(t)]) * np.exp(-0.1 * t)[:, None]
    problem = Problem("data").with_data(Dataset(t, values, np.array([40]), ("x", "y")), "last:20%")
    task = task_of(problem, dynamics="mlp", hidden=(3,), iterations=200)
    _, taken = run(make("ladder", patience=2), task)
    rungs = list(dict.fromkeys(step.rung.split(":")[0] for step in taken))
    assert rungs[:4] == ["start", "matching", "trajectory", "all"]
    assert any(step.event.endswith("freed the initial values") for step in taken)
    solved = [step for step in taken if step.rung.startswith(("trajectory", "all"))]
    looked = [step for step in solved if step.validation is not None]
    assert len(looked) >= len(solved) // 5  # every fifth step is looked at, and the last of a rung


def test_slopes_without_noise_are_matched_to_a_thousandth_in_a_few_steps() -> None:
    """Some ten steps of variable projection; without it the last digits take more than a hundred."""
    import workbench as wb

    data = wb.simulate("damped_spiral", seed=0, samples=200).dataset()
    task, ladder = task_of(Problem("data").with_data(data, "none"), dynamics="mlp", hidden=(32,)), make("ladder")
    state = ladder.start(task, np.random.default_rng(0))
    losses = []
    while state["rung"] == "matching" and len(losses) < 30:
        state, step = ladder.advance(task, state)
        losses.append(step.loss)
    assert losses[-1] < 1e-6


def test_without_a_validation_part_every_point_counts_and_not_only_those_looked_at() -> None:
    t = np.linspace(0, 6, 40)
    values = np.column_stack([np.cos(t), -np.sin(t)]) * np.exp(-0.1 * t)[:, None]
    problem = Problem("data").with_data(Dataset(t, values, np.array([40]), ("x", "y")), "none")
    task, ladder = task_of(problem, dynamics="mlp", hidden=(3,)), make("ladder")
    state = ladder.start(task, np.random.default_rng(0))
    solved = 0
    while solved < 3:
        state, step = ladder.advance(task, state)
        if step.rung.startswith("trajectory"):
            solved += 1
            assert state["x"].tolist() == state["at"]["x"].tolist()


@pytest.mark.parametrize("offset", [-500.0, 0.0, 500.0])
def test_when_a_likelihood_creeps_does_not_depend_on_its_units(offset: float) -> None:
    """Other units of the data add a constant to −log L of 40 values; squares that fall by 5 % lower it by 1.026."""
    watch = Watch(5, enough=0.05, values=40)
    assert watch.creeps(offset, offset - 1.02)
    assert not watch.creeps(offset, offset - 1.03)
    assert not watch.creeps(np.inf, offset)


def test_an_early_stop_reports_the_best_point_and_not_the_last() -> None:
    """Noise 0.5 on 25 points and three unknowns: the validation loss does not fall with the training loss."""
    task = task_of(growth(noise=0.5))
    task.optimizer = installed().make("optimizer", "adam", {"rate": 0.1})
    state, taken = run(make("single", patience=10), task)
    assert state["done"] == "early_stop"
    best = min(step.validation for step in taken if step.validation is not None)
    start = task.validation(task.unknowns.start)
    assert start is not None
    assert task.validation(state["strategy"]["x"]) == min(best, start)
