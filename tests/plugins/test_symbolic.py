"""Dynamics from equations: which unknowns a problem file makes, and where they start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench import Block, Dataset
from workbench.errors.usage import UsageError
from workbench.problem import Problem, read_problem
from workbench.registry import installed
from workbench.testing.dynamics import DynamicsContract

TEXT = """
title  = "A chain with everything that can be unknown"
source = "for tests"
[states.a]
equation = "-k*a"
initial  = { value = 3.0, fit = true, transform = "log", bounds = [0.5, 50] }
[states.b]
equation = "k*a - m*b"
initial  = "ratio*dose"
[states.c]
equation = "m*b"
initial  = 0.25
[parameters]
k     = { value = 2.0, transform = "log", per = "trajectory" }
m     = { value = 0.1, bounds = [0, 1] }
ratio = { value = 0.5, fixed = true }
[covariates]
dose = { column = "dose" }
"""


class TestEquations(DynamicsContract):
    """The equations of a problem file."""

    offer = "equations"


def build(problem: Problem, **settings: Any):  # type: ignore[no-untyped-def]
    return installed().make("dynamics", "equations", settings).build(problem, np.random.default_rng(0))


@pytest.fixture
def problem() -> Problem:
    """Three trajectories: a is seen first at 7, not at all, and below its bound; c is not observed."""
    values = np.array([[7.0, 1.0], [5.0, 1.0], [np.nan, 1.0], [4.0, 1.0], [0.2, 1.0], [0.1, 1.0]])
    dose = {"dose": np.array([1.0, 2.0, 4.0])}
    data = Dataset(np.tile([0.0, 1.0], 3), values, np.array([2, 2, 2]), ("a", "b"), covariates=dose)
    return read_problem(TEXT).with_data(data, "none")


@pytest.fixture
def block(problem: Problem) -> Callable[..., Block]:
    """`block("initial", fit_initial="all")`: one block of the field's."""

    def find(name: str, **settings: Any) -> Block:
        return next(block for block in build(problem, **settings).blocks() if block.name == name)

    return find


def test_shared_parameters_and_those_of_each_trajectory_are_blocks_of_their_own(block: Callable[..., Block]) -> None:
    shared, own = block("parameters"), block("own")
    assert (shared.labels, shared.value.tolist(), shared.spread("free").tolist()) == (
        ("m", "ratio"),
        [0.1, 0.5],
        [True, False],
    )
    assert (own.labels, own.value.tolist(), own.transform, own.per) == (("k",), [[2.0]] * 3, ("log",), "trajectory")
    assert shared.spread("upper")[0] == 1.0


def test_a_free_initial_value_starts_at_its_first_observation_within_its_bounds(block: Callable[..., Block]) -> None:
    initial = block("initial")
    assert initial.labels == ("a", "c")
    # trajectory 2 has no first value of a, that of trajectory 3 lies below the bound: the file's number stands in
    assert initial.value.tolist() == [[7.0, 0.25], [3.0, 0.25], [3.0, 0.25]]
    assert initial.spread("free").tolist() == [[True, False]] * 3


@pytest.mark.parametrize(("which", "free"), [("all", [True, True]), ("none", [False, False])])
def test_initial_values_may_be_freed_or_held_altogether(
    block: Callable[..., Block], which: str, free: list[bool]
) -> None:
    initial = block("initial", fit_initial=which)
    assert initial.spread("free").tolist() == [free] * 3
    if which == "none":
        assert initial.value.tolist() == [[3.0, 0.25]] * 3


def test_an_observation_after_the_declared_start_is_no_start(problem: Problem) -> None:
    from dataclasses import replace

    field = build(replace(problem, start=-1.0))
    initial = next(block for block in field.blocks() if block.name == "initial")
    assert initial.value[:, 0].tolist() == [3.0, 3.0, 3.0]


def test_equations_need_a_problem_with_equations() -> None:
    with pytest.raises(UsageError, match="need a problem with equations") as caught:
        build(Problem("data"))
    assert "--problem" in caught.value.help
    assert "-d mlp" in caught.value.help


def test_equations_are_printed_with_the_fitted_numbers(problem: Problem) -> None:
    printed = build(problem).equations({"k": 2.0, "m": 0.1, "ratio": 0.5})
    assert len(printed) == 3
    assert printed[0].startswith("d a/dt = ")
    assert "2" in printed[0]
