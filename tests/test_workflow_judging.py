"""What every fit is judged by: the solver swap, forecasts from observations, inputs, extrapolation, and the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.dataset import Inputs
from workbench.errors.usage import UsageError
from workbench.model import Selection
from workbench.problem import read_problem
from workbench.registry import installed
from workbench.workflow.reaching import reached
from workbench.workflow.swapping import swapped

H = 0.0501


def spiral(n: int = 100) -> wb.Dataset:
    return wb.simulate("damped_spiral", samples=n, span=(0, H * (n - 1))).dataset()


def checks(fitted: wb.Fitted) -> dict[str, Any]:
    json.dumps(fitted.document(), allow_nan=False)
    return fitted.document()["checks"]


# --- the Euler trap


@pytest.fixture(scope="module")
def trapped() -> dict[str, wb.Fitted]:
    """A network fitted to the spiral through either method, one step an observation."""
    common: dict[str, Any] = {"dynamics": "mlp", "settings": {"dynamics.hidden": (8,)}, "iterations": 120}
    return {
        solver: wb.fit(spiral(), solver=solver, split="none", truth="damped_spiral", **common)
        for solver in ("euler", "rk4")
    }


def test_a_network_that_absorbed_the_errors_of_euler_is_flagged_though_its_training_error_is_small(
    trapped: dict[str, wb.Fitted],
) -> None:
    euler = trapped["euler"]
    assert euler.metrics["train"]["nrmse"] < 0.01
    found = checks(euler)["solver_swap"]
    assert found["verdict"] == "a map tied to euler, h = 0.0501"
    assert found["max_relative_difference"] > 0.2
    assert euler.verdict["word"] == "bad"
    assert any("a map tied to euler" in reason for reason in euler.verdict["reasons"])


def test_the_same_network_through_rk4_is_an_ode(trapped: dict[str, wb.Fitted]) -> None:
    found = checks(trapped["rk4"])["solver_swap"]
    assert (found["verdict"], found["by"]) == ("an ODE", "dop853")
    # rk4 errs by (2h)⁵/120 a step, 8e-8, over 100 steps: the two solutions are not the same bits
    assert 0 < found["max_relative_difference"] < 1e-4


def test_the_truth_shows_what_the_training_error_hides(trapped: dict[str, wb.Fitted]) -> None:
    """Euler's map with eigenvalue λ steps as exp(μh) does: 1 + λh = exp(μh), so that λ = −.199 ± 1.987i here."""
    damping = {}
    for solver, fitted in trapped.items():
        truth = fitted.document()["truth"]
        (point,) = truth["fixed_points"]
        assert point["eigenvalues"][0] == pytest.approx([-0.1, -2.0])
        damping[solver] = point["found_eigenvalues"][0][0]
    assert damping["rk4"] == pytest.approx(-0.1, abs=0.02)
    assert damping["euler"] < -0.15
    errors = {solver: fitted.document()["truth"]["field"]["on"]["relative"] for solver, fitted in trapped.items()}
    assert errors["rk4"] < 0.01 < errors["euler"]


# --- the swap elsewhere


STIFF = """
title  = "A fast return to a slow curve"
source = "for tests"
[states.x]
equation = "-k*(x - cos(t))"
initial  = 1.5
[parameters]
k = { value = 1e5, transform = "log" }
"""


def test_a_stiff_model_is_swapped_with_a_stiff_method_and_so_is_what_an_explicit_one_gives_up() -> None:
    t = np.linspace(0, 5, 12)
    data = wb.Dataset(t, np.cos(t)[:, None] + np.array([[0.5]] + 11 * [[0.0]]), [12], ("x",))
    fitted = wb.fit(data, problem=read_problem(STIFF), solver="radau5", iterations=1, split="none")
    found = checks(fitted)["solver_swap"]
    assert (found["by"], found["verdict"]) == ("rodas5p", "an ODE")
    model, x = fitted.session.model, fitted.session.x
    model.solver = installed().make("solver", "scipy_lsoda")  # it does not call itself stiff
    assert fitted.run.prediction is not None
    again = swapped(model, x, fitted.run.prediction, "scipy_lsoda")
    assert again is not None
    assert (again["by"], again["verdict"]) == ("radau5", "an ODE")


def test_chaos_is_no_map_tied_to_a_solver() -> None:
    """Errors of 1e-6 a step grow by e^(.9·30): over 30 units of time no two solvers agree on the true equations."""
    data = wb.simulate("lorenz", samples=120, span=(0, 30)).dataset()
    model = wb.fit(data, problem="lorenz", iterations=1, split="none").session.model
    x = model.unknowns.start
    _, prediction = reached(model.trial(x, Selection.of(data, np.ones(len(data.t), dtype=bool))))
    found = swapped(model, x, prediction, "tsit5")
    assert found is not None
    assert found["max_relative_difference"] > 0.5
    assert (found["verdict"], found["sensitive"]) == ("an ODE", True)


# --- forecasts from observations, criteria


def test_the_true_equations_forecast_from_exact_observations_to_the_solvers_tolerance() -> None:
    fitted = wb.fit(spiral(40), problem="damped_spiral", iterations=20)
    ahead = fitted.document()["metrics"]["ahead"]
    assert ahead["reason"] is None
    for k in ("1", "5"):
        assert ahead["steps"][k]["holdout"]["n"] == 16
        assert ahead["steps"][k]["holdout"]["nrmse"] < 1e-4
        assert ahead["steps"][k]["holdout"]["persistence"] > 0.05


def test_where_a_state_is_hidden_there_are_no_forecasts_from_observations_and_the_reason_is_told() -> None:
    whole = wb.simulate("lotka_volterra", samples=40).dataset()
    found = wb.fit(whole.with_channels(["prey"]), problem="lotka_volterra", iterations=2)
    ahead = found.metrics["ahead"]
    assert ahead["steps"] is None
    assert "predator is not observed" in ahead["reason"]


def test_least_squares_has_the_criteria_of_gaussian_noise_with_one_scale() -> None:
    data = wb.simulate("damped_spiral", samples=40, noise="5%").dataset()
    plain = wb.fit(data, problem="damped_spiral", split="none", loss="mse")
    n = data.values.size
    nll = n / 2 * (np.log(2 * np.pi * plain.metrics["train"]["sse"] / n) + 1)
    assert plain.document()["criteria"]["aic"] == pytest.approx(2 * nll + 2 * 3)  # a, b and the scale


# --- inputs

DRIVEN = """
title  = "A leak that is filled"
source = "for tests"
[states.x]
equation = "-k*x + b*u"
initial  = { value = 0.0, fit = true }
[parameters]
k = { value = 1.0 }
b = { value = 1.0 }
[inputs.u]
"""


@pytest.fixture(scope="module")
def leak() -> tuple[wb.Dataset, str]:
    """x' = −x + u with u held, and noise; the exact map of each interval."""
    rng = np.random.default_rng(0)
    t, u = np.arange(120) * 0.2, rng.choice([-1.0, 1.0], 120)
    x = np.zeros(120)
    for i in range(1, 120):
        x[i] = np.exp(-0.2) * x[i - 1] + (1 - np.exp(-0.2)) * u[i - 1]
    inputs = Inputs(("u",), t, u[:, None], np.array([120]))
    return wb.Dataset(t, (x + 0.02 * rng.normal(size=120))[:, None], np.array([120]), ("x",), inputs=inputs), DRIVEN


def test_a_model_that_uses_its_input_rightly_leaves_nothing_of_it_in_the_residuals(
    leak: tuple[wb.Dataset, str],
) -> None:
    right = wb.fit(leak[0], problem=read_problem(leak[1]), split="none")
    assert checks(right)["inputs"]["independent"] is True
    deaf = wb.fit(leak[0], problem=read_problem(leak[1]), split="none", start_values={"b": 0.5}, fix=["b"])
    found = checks(deaf)["inputs"]
    assert found["independent"] is False
    assert any("residuals depend on the inputs: x on u" in reason for reason in deaf.verdict["reasons"])


# --- extrapolation


def test_a_prediction_beyond_the_training_part_says_so_and_one_within_does_not() -> None:
    fitted = wb.fit(spiral(60), problem="damped_spiral", iterations=10, split="none")
    within = fitted.predict(until=2.5)
    assert within.notes == ()
    assert within.document()["extrapolation"]["outside"] is False
    beyond = fitted.predict(x0={"x": 5.0, "y": 0.0})
    assert beyond.document()["extrapolation"]["at"] == 0.0
    assert "leaves what training visited from t = 0 on: x goes" in beyond.notes[-1]


def test_a_held_out_part_beyond_the_training_part_is_told_in_the_verdict(tmp_path: Path) -> None:
    growth = read_problem('title="g"\nsource="s"\n[states.x]\nequation="k*x"\ninitial=1.0\n[parameters]\nk=0.5\n')
    fitted = wb.fit(growth)
    assert checks(fitted)["extrapolation"]["outside"] is True
    assert any("The held-out part leaves what training visited" in reason for reason in fitted.verdict["reasons"])


# --- the truth


def test_data_that_a_problem_simulated_for_itself_are_compared_with_it() -> None:
    truth = wb.fit("lotka_volterra", iterations=30, start_values={"alpha": 1.4}).document()["truth"]
    assert truth["problem"] == "lotka_volterra"
    assert truth["field"]["on"]["relative"] < 1e-4
    assert truth["field"]["off"]["relative"] < 1e-4
    centre = truth["fixed_points"][0]
    assert centre["truth"] == pytest.approx({"prey": 3.0, "predator": 1.5})
    assert centre["eigenvalues"][0] == pytest.approx([0.0, -np.sqrt(4.5)], abs=1e-9)
    assert truth["parameters"]["alpha"]["truth"] == 1.5
    assert truth["parameters"]["alpha"]["relative_error"] < 1e-4
    assert truth["lyapunov"] is None
    assert "three states" in truth["reasons"]["lyapunov"]


def test_real_data_and_data_with_other_values_have_no_truth_of_their_own() -> None:
    other = wb.simulate("damped_spiral", samples=30, values={"a": 0.3}).dataset()
    assert other.source == "simulated: damped_spiral with a=0.3"
    fitted = wb.fit(other, problem="damped_spiral", iterations=5, split="none")
    assert fitted.document()["truth"] is None
    assert wb.fit("lynx_hare", iterations=1).document()["truth"] is None


def test_a_truth_is_kept_through_an_interruption(tmp_path: Path) -> None:
    part = wb.fit(spiral(40), dynamics="mlp", truth="damped_spiral", iterations=2, store=tmp_path, name="one")
    again = wb.resume("one", store=tmp_path, iterations=4)
    assert part.document()["truth"]["problem"] == again.document()["truth"]["problem"] == "damped_spiral"


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ("lorenz", "the truth 'lorenz' has the states x, y, z, the model x, y"),
        ("cooling", 'no problem is named "cooling"'),
    ],
)
def test_a_truth_that_is_none_of_the_models_is_refused_before_the_fit(truth: str, said: str) -> None:
    with pytest.raises(wb.errors.WorkbenchError, match=said):
        wb.fit(spiral(40), dynamics="mlp", truth=truth, iterations=1)


def test_a_run_is_compared_with_a_truth_afterwards() -> None:
    fitted = wb.fit(spiral(40), problem="damped_spiral", iterations=10, fix=["b"], split="none")
    found = wb.truth_of(fitted, "damped_spiral")
    assert found["parameters"].keys() == {"a"}
    assert found["field"]["on"]["relative"] < 1e-3
    with pytest.raises(UsageError, match="has the states prey, predator, the model x, y"):
        wb.truth_of(fitted, "lotka_volterra")
