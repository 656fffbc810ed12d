"""Models through events: closed forms, and derivatives against central differences in every gradient mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from building import needs_compiler
from workbench_runge_kutta.classical import RK4
from workbench_runge_kutta.verner import VERN7

from workbench import Dataset, Inputs
from workbench.contracts import GradientMode
from workbench.engine import TableauSolver
from workbench.errors.numerics import NoFiniteSolution
from workbench.measure.differences import along
from workbench.model import Model, Selection
from workbench.problem import read_problem
from workbench.registry import installed

DOSES = """
title  = "Doses that differ between trajectories, with a share F that is fitted"
source = "for tests"

[states.gut]
equation = "-ka*gut"
initial  = 0.0
[states.body]
equation = "ka*gut - ke*body + 0.1*u"
initial  = { value = 0.2, fit = true }

[events.dose]
time = [0, 1.5, 3]
map  = { gut = "gut + F*dose" }
[events.bolus]
time = "late"
map  = { body = "body + 0.5*dose*F^2 + 0.1*u" }

[parameters]
ka = { value = 1.2, transform = "log" }
ke = { value = 0.4, transform = "log", per = "trajectory" }
F  = { value = 0.8, bounds = [0, 1], transform = "logit" }

[inputs.u]
[covariates.dose]
[covariates.late]

[observed]
conc   = "body/2"
amount = "gut"
"""

LAG = DOSES.replace("time = [0, 1.5, 3]", 'time = ["lag", "lag + 1.4"]').replace(
    "[parameters]", "[parameters]\nlag = 0.13"
)

BOUNCE = """
title  = "A ball on a spring, dropped with drag; it is kicked at 1.1 and bounces"
source = "for tests"
[states.x]
equation = "v"
initial  = "h"
[states.v]
equation = "-g - d*v + 0.2*sin(t)"
initial  = 0.0
[events.bounce]
trigger   = "x - floor*t"
direction = "falling"
map       = { x = "floor*t", v = "-e*v + 0.1*t" }
[events.kick]
time = 1.1
map  = { v = "v + kick*size" }
[parameters]
h     = 1.0
g     = 3.0
d     = 0.1
e     = 0.8
floor = 0.05
kick  = 0.3
[covariates.size]
[observed]
x = "x"
"""

MODES: tuple[GradientMode, ...] = ("discrete", "backprop", "adjoint", "forward")
FIXED = TableauSolver(tableau=RK4, step=0.1)
FINE = TableauSolver(tableau=VERN7, rtol=1e-11, atol=1e-12)


def data(channels: tuple[str, ...], covariates: dict[str, list[float]], driven: bool = False) -> Dataset:
    """Three trajectories that begin and end at different times; the second is observed at a dose."""
    rng = np.random.default_rng(8)
    t = [np.linspace(0, 3.7, 9), np.array([-0.2, 0.0, 1.5, 2.2, 4.0]), np.linspace(0.1, 2.9, 6)]
    values = rng.uniform(0.5, 1.5, (20, len(channels)))
    values[3, 0] = np.nan
    inputs = None
    if driven:
        inputs = Inputs(("u",), np.tile([-0.5, 1.3, 5.0], 3), rng.normal(size=(9, 1)), np.array([3, 3, 3]))
    made = {name: np.array(column) for name, column in covariates.items()}
    return Dataset(np.concatenate(t), values, np.array([9, 5, 6]), channels, inputs=inputs, covariates=made)


def model_of(
    text: str, observations: Dataset, solver: TableauSolver = FINE, gradient: GradientMode = "discrete"
) -> Model:
    problem = read_problem(text).with_data(observations, "none")
    field = installed().make("dynamics", "equations").build(problem, np.random.default_rng(0))
    return Model(problem, field, solver, installed().make("loss", "mse"), gradient)


def doses(text: str = DOSES, **options: Any) -> Model:
    covariates = {"dose": [1.0, 2.0, 0.5], "late": [1.3, 2.2, 9.0]}  # at a jump of u, at an observation, never
    return model_of(text, data(("conc", "amount"), covariates, driven=True), **options)


def lagged(**options: Any) -> Model:
    return doses(LAG, **options)


def bounces(**options: Any) -> Model:
    return model_of(BOUNCE, data(("x",), {"size": [1.0, -1.0, 2.0]}), **options)


def everything(model: Model) -> Selection:
    return Selection.of(model.data, np.ones(len(model.data.t), dtype=bool))


def somewhere(model: Model) -> np.ndarray:
    return model.unknowns.start + 0.02 * np.sin(np.arange(len(model.unknowns.start)) + 1.0)


def directions(x: np.ndarray) -> np.ndarray:
    return np.random.default_rng(11).normal(size=(4, len(x))) / np.sqrt(len(x))


def test_doses_add_up_to_one_curve_each() -> None:
    plain = DOSES.replace(" + 0.1*u", "").replace("[inputs.u]", "")
    model = model_of(plain, data(("conc", "amount"), {"dose": [1.0, 2.0, 0.5], "late": [9.0] * 3}))
    x = model.unknowns.start
    found = model.trial(x, everything(model))
    ka, ke, share = 1.2, 0.4, 0.8
    t, dose = model.data.t, np.array([1.0, 2.0, 0.5])[model.data.trajectory_of]
    begin = model.t0[model.data.trajectory_of]
    start = model.initial(x)[0][model.data.trajectory_of, 1]
    gut, body = np.zeros(len(t)), start * np.exp(-ke * (t - begin))
    for time in (0.0, 1.5, 3.0):
        since = np.where((t > time) & (begin <= time), t - time, np.nan)
        gut += np.nan_to_num(share * dose * np.exp(-ka * since))
        body += np.nan_to_num(share * dose * ka / (ka - ke) * (np.exp(-ke * since) - np.exp(-ka * since)))
    # a dose at the time of an observation comes after it; one before the start never; a few hundred steps at 1e-11
    np.testing.assert_allclose(found.states, np.column_stack([gut, body]), rtol=1e-9, atol=1e-10)


@cache
def differences(make: Callable[..., Model]) -> tuple[np.ndarray, np.ndarray]:
    """The derivatives of predictions and of the loss along `directions`."""
    model = make()
    x, selection = somewhere(model), everything(model)

    def both(x: np.ndarray) -> np.ndarray:
        trial = model.trial(x, selection)
        return np.append(trial.predicted.ravel(), trial.value())

    found = along(both, x, directions(x))
    return found[:-1].reshape(len(selection), -1, len(directions(x))), found[-1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [doses, lagged, bounces])
def test_derivatives_through_events_are_central_differences(make: Callable[..., Model], mode: GradientMode) -> None:
    model = make(gradient=mode)
    x, selection = somewhere(model), everything(model)
    by_prediction, by_loss = differences(make)
    value, g = model.trial(x, selection).gradient()
    assert value == model.trial(x, selection).value()
    # five points 2e-4 apart of what steps of 1e-11 give: 1e-8 or so
    np.testing.assert_allclose(directions(x) @ g, by_loss, rtol=1e-7, atol=1e-7)
    if mode == "adjoint":
        return  # it has no Jacobian of its own
    found = model.trial(x, selection).predicted_by_x()
    np.testing.assert_allclose(found @ directions(x).T, by_prediction, rtol=1e-7, atol=1e-7)
    assert np.abs(found).max(axis=(0, 1)).min() > 0, "every unknown moves some prediction"


def test_given_times_leave_the_discrete_gradient_exact_on_coarse_steps() -> None:
    model = doses(solver=FIXED)
    x, selection = somewhere(model), everything(model)
    found = model.trial(x, selection).predicted_by_x()
    expected = along(lambda x: model.trial(x, selection).predicted, x, directions(x))
    np.testing.assert_allclose(found @ directions(x).T, expected, rtol=1e-10, atol=1e-10)


@needs_compiler
def test_the_compiled_engine_takes_the_same_pieces() -> None:
    plain, compiled = doses(solver=FIXED), doses(solver=FIXED)
    compiled.compile()
    x, selection = somewhere(plain), everything(plain)
    # the same steps, some forty: rounding of states of size 1, and of derivatives that are sums over them
    one, other = plain.trial(x, selection), compiled.trial(x, selection)
    np.testing.assert_allclose(other.predicted, one.predicted, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(other.gradient()[1], one.gradient()[1], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(other.predicted_by_x(), one.predicted_by_x(), rtol=1e-11, atol=1e-13)


def test_triggered_events_are_not_compiled() -> None:
    from workbench.model.compiled import Compiled

    assert Compiled.serves(doses())
    assert not Compiled.serves(bounces())


def test_what_an_event_ends_cannot_be_compared_with_later_observations() -> None:
    text = BOUNCE.replace('map       = { x = "floor*t", v = "-e*v + 0.1*t" }', "terminate = true")
    model = model_of(text.replace("e     = 0.8\n", ""), data(("x",), {"size": [1.0, 1.0, 1.0]}))
    with pytest.raises(NoFiniteSolution, match="ends before its last observation: event 'bounce' at t ="):
        _ = model.trial(model.unknowns.start, everything(model)).states
    assert model.trial(model.unknowns.start, everything(model)).value() == float("inf")


def test_a_time_that_is_no_number_ends_the_solve() -> None:
    model = doses(DOSES.replace('time = "late"', 'time = "late + log(F - 2)"'))
    with pytest.raises(NoFiniteSolution, match="the time of event 'bolus' is not a number"):
        _ = model.trial(model.unknowns.start, everything(model)).states


def test_events_are_followed_on_the_graph_where_there_is_a_module_too() -> None:
    model = doses()
    model.formulas = False
    vars(model)["module"] = object()
    assert model.graph is model.lowered
