"""Fits of equations with learned terms: what they find, what they say of it, and that they can be used afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import workbench as wb
from workbench import Dataset
from workbench.errors.usage import UsageError

PENDULUM = """
[states.theta]
equation = "omega"
initial  = {{ value = 2.0, fit = true }}
[states.omega]
equation = "-g/L*sin(theta) {known} + friction(omega)"
initial  = {{ value = 0.0, fit = true }}
[parameters]
g = {{ value = 9.81, fixed = true }}
L = {{ value = 0.6, bounds = [0.1, 2.0], transform = "log" }}
{parameter}
[networks.friction]
hidden = [8]
[derived]
frequency = "sqrt(g/L)"
"""


def friction(omega: np.ndarray) -> np.ndarray:
    """Viscous and Coulomb's, the latter turning over within a third of a radian a second."""
    return -0.3 * omega - 0.8 * np.tanh(omega / 0.3)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Five seconds of a pendulum with L = 0.5, angle and rate with 1 % noise."""
    t = np.linspace(0, 5, 240)
    swing = solve_ivp(
        lambda t, y: [y[1], -9.81 / 0.5 * np.sin(y[0]) + friction(y[1])], (0, 5), [2.5, 0.0], t_eval=t, rtol=1e-9
    )
    noise = 0.01 * swing.y.std(axis=1) * np.random.default_rng(0).standard_normal((len(t), 2))
    return Dataset(t, swing.y.T + noise, [len(t)], ("theta", "omega"))


def fit(data: Dataset, folder: Path, known: str = "", parameter: str = "", **options: Any) -> wb.Fitted:
    file = folder / "pendulum.toml"
    file.write_text(PENDULUM.format(known=known, parameter=parameter), encoding="utf-8")
    return wb.fit(data, problem=file, **options)


@pytest.fixture(scope="module")
def fitted(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> wb.Fitted:
    folder = tmp_path_factory.mktemp("hybrid")
    return fit(data, folder, name="swing", store=folder)


def test_friction_is_found_and_forecasts_what_was_held_out(fitted: wb.Fitted) -> None:
    """Coulomb's step at 0 is sharper than the sampling, so the curve is compared in the mean over visited rates."""
    assert fitted.metrics["holdout"]["fit_percent"] >= 95
    assert fitted.parameters["L"]["value"] == pytest.approx(0.5, rel=0.01)
    omega = np.linspace(-6, 6, 121)
    error = np.sqrt(np.mean((fitted.term("friction", omega) - friction(omega)) ** 2))
    assert error < 0.1 * np.sqrt(np.mean(friction(omega) ** 2))
    assert fitted.session.choices.optimizer == "levenberg-marquardt"


def test_known_parameters_have_errors_and_weights_are_not_listed(fitted: wb.Fitted) -> None:
    assert set(fitted.parameters) == {"L", "g", "theta(0)", "omega(0)", "frequency"}
    length = fitted.parameters["L"]
    assert 0 < length["stderr"] < 0.01
    assert length["ci95"][0] < 0.5 < length["ci95"][1]
    frequency = fitted.parameters["frequency"]
    assert frequency["stderr"] == pytest.approx(0.5 * frequency["value"] / length["value"] * length["stderr"], rel=1e-6)


def test_equations_name_the_term_and_say_what_it_is_and_how_large(fitted: wb.Fitted) -> None:
    assert "friction(omega)" in fitted.equations[1]
    assert fitted.equations[2] == "friction: network 1-8-1, tanh, 25 weights"
    size = fitted.run.diagnostics["terms"]["friction(omega)"]
    assert size["low"] < -2 < 2 < size["high"]
    assert fitted.equations[3].startswith("friction(omega): from -")


def test_a_stored_run_predicts_with_bands_and_gives_the_term_again(fitted: wb.Fitted) -> None:
    assert fitted.path is not None
    again = wb.load(fitted.path)
    np.testing.assert_array_equal(again.term("friction", [1.0, 2.0]), fitted.term("friction", [1.0, 2.0]))
    found = again.predict(until=5.5, interval=95)
    assert found.lower is not None
    assert found.upper is not None
    assert (found.lower < found.upper).all()
    with pytest.raises(UsageError, match="takes 1 arguments, not 2"):
        again.term("friction", 1.0, 2.0)
    with pytest.raises(UsageError, match="no learned term 'frction'"):
        again.term("frction", 1.0)


def test_a_parameter_whose_place_a_network_can_take_has_no_error(data: Dataset, tmp_path: Path) -> None:
    found = fit(data, tmp_path, known="- c*omega", parameter="c = 0.1")
    assert found.metrics["holdout"]["fit_percent"] >= 95
    assert found.parameters["c"]["stderr"] is None
    assert found.parameters["c"]["reason"] == "not determined: the learned term friction can take its place"
    assert found.parameters["L"]["stderr"] < 0.01
    assert "do not determine c" in " ".join(found.verdict["reasons"])


def test_a_resumed_fit_is_the_uninterrupted_one(data: Dataset, tmp_path: Path) -> None:
    whole = fit(data, tmp_path, iterations=6)
    half = fit(data, tmp_path, iterations=3, name="half", store=tmp_path)
    assert half.status == "iterations"
    resumed = wb.resume("half", store=tmp_path, iterations=6)
    np.testing.assert_array_equal(resumed.session.x, whole.session.x)


def test_the_engine_of_numpy_takes_the_same_steps(data: Dataset, tmp_path: Path) -> None:
    """Where nothing compiles; six steps of gradient matching and of trajectories, to rounding."""
    first, other = (fit(data, tmp_path, iterations=6, engine=engine) for engine in ("compiled", "numpy"))
    assert first.session.choices.engine == "compiled"
    np.testing.assert_allclose(first.session.x, other.session.x, rtol=1e-6, atol=1e-8)


def test_a_state_that_is_not_observed_is_driven_by_the_learned_term(data: Dataset, tmp_path: Path) -> None:
    """The angle alone: no gradient matching, the trajectory from the start."""
    found = fit(data.with_channels(("theta",)), tmp_path, iterations=40)
    assert found.metrics["holdout"]["fit_percent"] >= 90
    assert found.run.history["rung"][0].startswith("trajectory")


def test_a_term_has_no_value_before_a_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'friction' has no value before a fit") as caught:
        wb.simulate("pendulum_friction")
    assert "--set friction=0" in caught.value.help
    with pytest.raises(UsageError, match="no data of its own") as caught:
        wb.fit("pendulum_friction")
    assert "fit DATA" in caught.value.help
    still, braked = (wb.simulate("pendulum_friction", values={"friction": value}) for value in (0.0, -0.5))
    g, length = 9.81, 0.5
    energy = 0.5 * still.ys[0, :, 1] ** 2 - g / length * np.cos(still.ys[0, :, 0])
    assert np.ptp(energy) < 1e-3 * np.abs(energy).max()
    assert not np.allclose(still.ys, braked.ys)
