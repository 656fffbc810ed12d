"""What every strategy must do, on the fit of a growth curve whose parameters are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from ..contracts import Step, Strategy, Tree
from ..dataset import TEST, Dataset
from ..fitting import FitBudget, FitTask, steps
from ..model import Model
from ..problem import Problem, read_problem
from ..registry import installed
from .contract import Contract
from .storing import bits, stored

LOGISTIC = """
title  = "Logistic growth"
source = "Verhulst (1838), Correspondance mathématique et physique 10, 113-121"
[states.x]
equation = "r*x*(1 - x/K)"
initial  = { value = 0.7, fit = true, bounds = [0.01, 5] }
[parameters]
r = { value = 0.3, transform = "log" }
K = { value = 5.0, bounds = [1, 100] }
"""
TRUE = {"r": 0.8, "K": 10.0, "x(0)": 0.5}


def growth(split: str = "last:20%", noise: float = 0.0) -> Problem:
    """The exact solution x = K/(1 + (K/x0 − 1)e^(−rt)) at 25 times, the last ones for validation and test."""
    t = np.linspace(0, 10, 25)
    x = TRUE["K"] / (1 + (TRUE["K"] / TRUE["x(0)"] - 1) * np.exp(-TRUE["r"] * t))
    values = x + noise * np.random.default_rng(1).normal(size=len(t))
    return read_problem(LOGISTIC).with_data(Dataset(t, values[:, None], np.array([len(t)]), ("x",)), split)


def task_of(
    problem: Problem,
    optimizer: str = "levenberg-marquardt",
    dynamics: str = "equations",
    loss: str = "mse",
    iterations: int | None = 300,
    **settings: Any,
) -> FitTask:
    """The fit of a problem by tsit5, on a clock that stands still."""
    field = installed().make("dynamics", dynamics, settings).build(problem, np.random.default_rng(0))
    model = Model(problem, field, installed().make("solver", "tsit5"), installed().make("loss", loss))
    return FitTask(model, installed().make("optimizer", optimizer), FitBudget(lambda: 0.0, iterations))


def run(strategy: Strategy, task: FitTask) -> tuple[Tree, list[Step]]:
    """The fit to its end: its last state, and its steps."""
    state, taken = None, []
    for now, step in steps(task, strategy, np.random.default_rng(2)):
        state = now
        taken.append(step)
    assert state is not None
    return state, taken


OPTIMIZERS = pytest.mark.parametrize("optimizer", ["levenberg-marquardt", "least-squares", "lbfgs"])


class StrategyContract(Contract):
    """Inherit, set `offer` or none for all, and every strategy is held to this."""

    kind: ClassVar[str] = "strategy"

    @OPTIMIZERS
    def test_a_fit_ends_with_a_status_at_a_point_that_is_better_than_the_start(
        self, made: Strategy, optimizer: str
    ) -> None:
        task = task_of(growth(), optimizer)
        state, taken = run(made, task)
        x, objective = state["strategy"]["x"], task.trajectory()
        assert state["done"] in ("converged", "early_stop")
        assert [step.done for step in taken] == [False] * (len(taken) - 1) + [True]
        # a tenth of the start's loss: even slopes of a spline through exact values tell r and K to some percent
        assert objective.value(x) < 0.1 * objective.value(task.unknowns.start)
        assert ((x >= task.unknowns.lower) & (x <= task.unknowns.upper)).all()

    @OPTIMIZERS
    def test_a_stored_state_goes_on_bit_for_bit_alike(self, made: Strategy, optimizer: str) -> None:
        one, other = task_of(growth(), optimizer), task_of(growth(), optimizer)
        whole = again = made.start(one, np.random.default_rng(2))
        for _ in range(60):
            whole, step = made.advance(one, whole)
            again, step_again = made.advance(other, stored(again))
            assert bits(again) == bits(whole)
            assert step_again == step
            if step.done:
                return

    def test_a_state_goes_on_in_a_task_that_has_never_been_used(self, made: Strategy) -> None:
        """What a task remembers must not matter: after a crash it remembers nothing."""
        whole = made.start(task_of(growth()), np.random.default_rng(2))
        task = task_of(growth())
        for _ in range(25):
            fresh, _ = made.advance(task_of(growth()), stored(whole))
            whole, step = made.advance(task, whole)
            assert bits(fresh) == bits(whole)
            if step.done:
                return

    def test_values_and_times_of_the_test_part_change_no_bit(self, made: Strategy) -> None:
        problem = growth()
        assert problem.data is not None
        test = np.asarray(problem.part) == TEST
        values = np.where(test[:, None], 1e6, problem.data.values)
        t = np.where(test, problem.data.t + 0.01, problem.data.t)
        other = replace(problem, data=replace(problem.data, t=t, values=values))
        assert bits(run(made, task_of(problem))[0]) == bits(run(made, task_of(other))[0])

    def test_the_budget_ends_it_with_its_own_status(self, made: Strategy) -> None:
        state, taken = run(made, task_of(growth(), iterations=2))
        assert (state["done"], state["number"]) == ("iterations", 2)
        assert taken[-1].status == "iterations"

    def test_every_step_says_which_rung_took_it(self, made: Strategy) -> None:
        _, taken = run(made, task_of(growth()))
        assert all(step.rung for step in taken)

    def test_two_fits_alike_are_the_same_bits(self, made: Strategy) -> None:
        assert bits(run(made, task_of(growth()))[0]) == bits(run(made, task_of(growth()))[0])
