"""Fits, predictions, pictures and certificates of problems with events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import Dataset
from workbench.errors.usage import UsageError
from workbench.problem import read_problem
from workbench.workflow import check_gradient
from workbench.workflow.pictures import pictures
from workbench.workflow.sources import read_problem as find_problem

SUBJECTS = """
title  = "Three doses, as large as a column of the data says, at the times of two other columns and at the start"
source = "for tests"
[states.gut]
equation = "-ka*gut"
initial  = 0.0
[states.body]
equation = "ka*gut - ke*body"
initial  = 0.0
[events.dose]
time = [0, "second", "third"]
map  = { gut = "gut + F*dose" }
[parameters]
ka = { value = 0.6, transform = "log" }
ke = { value = 0.3, transform = "log" }
F  = { value = 0.5, bounds = [0, 1], transform = "logit" }
[covariates.dose]
[covariates.second]
[covariates.third]
[observed]
body = "body"
"""
TRUTH = {"ka": 1.1, "ke": 0.2, "F": 0.75}
WHEN = {"dose": [100.0, 60.0, 150.0], "second": [6.0, 8.0, 5.0], "third": [12.0, 99.0, 11.0]}  # one has two doses only


def body(t: np.ndarray, i: int) -> np.ndarray:
    """The exact amount in the body of subject i; at a dose it is that before it, and after it the same."""
    ka, ke, amount = TRUTH["ka"], TRUTH["ke"], TRUTH["F"] * WHEN["dose"][i]
    since = [np.maximum(t - time, 0.0) for time in (0.0, WHEN["second"][i], WHEN["third"][i])]
    return sum(amount * ka / (ka - ke) * (np.exp(-ke * s) - np.exp(-ka * s)) for s in since)


def subjects(noise: float, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    t = np.array([0.0, 0.5, 1, 2, 4, 6, 7, 8, 10, 12, 13, 16, 20])
    values = np.concatenate([body(t, i) for i in range(3)]) + noise * rng.standard_normal(39)
    covariates = {name: np.array(column) for name, column in WHEN.items()}
    return Dataset(np.tile(t, 3), values[:, None], np.array([13, 13, 13]), ("body",), covariates=covariates)


@pytest.fixture(scope="module")
def dosed() -> Any:
    return wb.fit(subjects(1.0), problem=read_problem(SUBJECTS), split="none")


def test_doses_that_differ_between_subjects_are_fitted_through(dosed: Any) -> None:
    exact = wb.fit(subjects(0.0), problem=read_problem(SUBJECTS), split="none")
    for name, value in TRUTH.items():
        # the default solver's rtol of 1e-6, over some tens of steps
        assert exact.parameters[name]["value"] == pytest.approx(value, rel=1e-4)
        found = dosed.parameters[name]
        assert abs(found["value"] - value) < 4 * found["stderr"]
    assert dosed.document()["checks"]["gradient"]["verdict"] == "exact"
    assert dosed.document()["checks"]["solver_swap"]["verdict"] == "an ODE"


def test_a_prediction_goes_through_the_doses_and_shows_what_was_before_one(dosed: Any) -> None:
    found = wb.predict(dosed, times=[1.0, 6.0, 6.5, 30.0], interval=95)
    np.testing.assert_allclose(found.observed[0, :, 0], body(np.array([1.0, 6.0, 6.5, 30.0]), 0), rtol=0.05, atol=0.2)
    assert found.states[0, 1, 0] < 1.0 < found.states[0, 2, 0], "the gut is empty before its dose"
    assert found.lower is not None
    assert found.upper is not None
    assert (found.lower <= found.observed).all()
    assert (found.observed <= found.upper).all()


def test_new_subjects_bring_their_own_doses(dosed: Any) -> None:
    t = np.array([0.0, 2.0, 4.0])
    columns = {"dose": np.array([200.0]), "second": np.array([2.0]), "third": np.array([99.0])}
    found = wb.predict(dosed, data=Dataset(t, np.zeros((3, 1)), np.array([3]), ("body",), covariates=columns))
    alone, _ = found.observed[0, 1:, 0]
    assert alone == pytest.approx(2 * body(np.array([2.0]), 0)[0], rel=0.05)


def test_a_curve_shows_both_sides_of_a_jump(dosed: Any) -> None:
    curve = pictures(dosed.session.model, dosed.session.x)["curve"]
    first = curve["row_size"][0]
    t, gut = np.array(curve["t"][:first]), np.array(curve["states"]["gut"][:first])
    for time, column in ((0.0, 0), (6.0, 0), (12.0, 0)):
        at = np.flatnonzero(t == time)
        before, after = gut[at[-2]], gut[at[-1]]
        assert after - before == pytest.approx(dosed.parameters["F"]["value"] * WHEN["dose"][column])


@pytest.mark.parametrize("problem", ["bouncing_ball", "repeated_doses"])
def test_every_gradient_mode_holds_through_the_library_s_events(problem: str) -> None:
    found = check_gradient(problem)
    assert found.holds
    exact = {one.verdict for one in found.modes if one.mode in ("discrete", "backprop")}
    assert exact == {"agrees" if problem == "bouncing_ball" else "exact"}, (
        "times that are given leave the steps as they are"
    )


def test_a_gradient_is_not_asked_for_where_an_event_passes_over_an_observation() -> None:
    """The velocity observed where the ball bounces jumps when the parameters move, so that no derivative is there."""
    problem = find_problem("bouncing_ball")
    bounce = np.sqrt(2 * 2.0 / 9.81)
    t = np.array([0.0, 0.3, bounce, 0.9])
    data = Dataset(t, np.array([[2.0], [1.5], [0.0], [0.8]]), np.array([4]), ("height",))
    assert check_gradient(problem.with_data(data, "none")).holds


JUMPING = """
title  = "A state that is seen, and jumps"
source = "for tests"
time   = { span = [0, 2], samples = 21 }
[states.x]
equation = "-k*x"
initial  = 1.0
[parameters]
k = 0.5
[events.add]
time = 0.95
map  = { x = "x + 1" }
"""


def test_gradient_matching_takes_curves_that_end_and_begin_where_a_state_jumps() -> None:
    found = wb.fit(read_problem(JUMPING), start_values={"k": 0.2}, strategy="gradient-matching", split="none")
    # splines of step 0.1 through an exponential
    assert found.parameters["k"]["value"] == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    "moving",
    [("time = 0.95", 'time = "1 - 0.1*k"'), ("time = 0.95", 'trigger = "x - 0.63"\ndirection = "falling"')],
)
def test_gradient_matching_is_refused_where_what_is_fitted_moves_a_jump(moving: tuple[str, str]) -> None:
    problem = read_problem(JUMPING.replace(*moving))
    with pytest.raises(UsageError, match="events only at known times"):
        wb.fit(problem, strategy="gradient-matching", split="none")
    assert wb.fit(problem, start_values={"k": 0.45}, split="none").status == "converged"


def test_windows_are_refused_where_the_state_says_when_it_jumps() -> None:
    problem = read_problem(JUMPING.replace("time = 0.95", 'trigger = "x - 0.63"\ndirection = "falling"'))
    with pytest.raises(UsageError, match="not through triggered ones"):
        wb.fit(problem, strategy="multiple-shooting", split="none")


KICKED = (
    JUMPING.replace("time = 0.95", 'time = [0.95, "late"]')
    .replace("k = 0.5", "k = 0.5\nlate = { value = 1.45, fixed = true }")
    .replace('"-k*x"', '"-k*x + 0*late"')
    .replace('"x + 1"', '"x + late - 0.45"')
)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_other_dynamics_follow_the_events_of_a_problem_whose_states_they_see(engine: str) -> None:
    said: list[str] = []
    found = wb.fit(read_problem(KICKED), dynamics="linear", engine=engine, on_notes=said.extend, split="none")
    assert said == []
    assert found.parameters["A[x,x]"]["value"] == pytest.approx(-0.5, abs=1e-5)
    assert found.metrics["train"]["fit_percent"] > 99.99
    network = wb.fit(read_problem(KICKED), dynamics="mlp", settings={"dynamics.hidden": (4,)}, split="none")
    assert network.metrics["train"]["fit_percent"] > 99.9
    assert network.document()["checks"]["gradient"]["verdict"] == "exact"


def test_events_that_other_dynamics_cannot_follow_are_named() -> None:
    said: list[str] = []
    hidden = SUBJECTS.replace('body = "body"', 'blood = "2*body"')
    data = subjects(0.0)
    renamed = Dataset(data.t, 2 * data.values, data.row_size, ("blood",), covariates=data.covariates)
    options: dict[str, Any] = {"dynamics": "linear", "iterations": 2, "on_notes": said.extend, "split": "none"}
    found = wb.fit(renamed, problem=read_problem(hidden), **options)
    assert said == ["the event 'dose' is not followed: these dynamics do not have the state gut"]
    assert found.document()["data"]["notes"] == said
    said.clear()
    wb.fit(read_problem(KICKED.replace("value = 1.45, fixed = true", "value = 1.45")), **options)
    assert said == ["the event 'add' is not followed: these dynamics do not have late as a known number (--fix late)"]


def test_doses_are_fitted_in_windows(dosed: Any) -> None:
    found = wb.fit(subjects(1.0), problem=read_problem(SUBJECTS), strategy="multiple-shooting", split="none")
    assert "windows" in found.session.history["rung"][0]
    for name in TRUTH:
        assert found.parameters[name]["value"] == pytest.approx(dosed.parameters[name]["value"], rel=1e-3)
