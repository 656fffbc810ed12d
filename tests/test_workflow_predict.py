"""Predictions of fitted models: other times, other starts, other records, and how far they can be trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import workbench as wb
from workbench.errors.data import TooFewRows
from workbench.errors.numerics import SolveFailed
from workbench.errors.usage import UsageError
from workbench.measure.differences import central_differences
from workbench.model import Selection
from workbench.problem import read_problem

DECAY = """
title  = "Decay"
source = "Rutherford (1900), Phil. Mag. 49, 1-14"
[states.x]
equation = "-k*x"
initial  = { value = 2.0, fit = true }
[parameters]
k = { value = 1.0, transform = "log" }
"""
T = np.linspace(0, 4, 17)


def decay(noise: float = 0.0, t: np.ndarray = T, x0: float = 3.0) -> wb.Dataset:
    """3·exp(−t/2)."""
    scatter = noise * np.random.default_rng(5).normal(size=len(t))
    return wb.Dataset(t, (x0 * np.exp(-0.5 * t) + scatter)[:, None], np.array([len(t)]), ("x",))


@pytest.fixture(scope="module")
def fitted() -> wb.Fitted:
    """To exact data, all of them."""
    return wb.fit(decay(), problem=read_problem(DECAY), split="none", settings={"solver.rtol": 1e-9})


def test_at_the_datas_own_times_it_is_what_the_fit_stored(fitted: wb.Fitted) -> None:
    found = fitted.predict()
    np.testing.assert_array_equal(found.ts[0], T)
    np.testing.assert_array_equal(found.observed[0], fitted.run.prediction)
    assert found.document()["metrics"] is None


def test_other_times_are_solved_freely_from_the_fitted_start(fitted: wb.Fitted) -> None:
    ts = np.array([0.0, 0.1, 7.0, 9.5])
    # x0 and k from data that are exact to what a solver with rtol 1e-9 sees
    np.testing.assert_allclose(fitted.predict(ts).observed[0, :, 0], 3 * np.exp(-0.5 * ts), rtol=1e-6)


def test_until_goes_on_at_the_datas_spacing_and_ends_there(fitted: wb.Fitted) -> None:
    found = fitted.predict(until=5.1)
    np.testing.assert_allclose(found.ts[0], [*np.arange(0, 5.1, 0.25), 5.1], rtol=1e-12)


@pytest.mark.parametrize("x0", [[1.5], {"x": 1.5}])
def test_another_start_is_taken_as_it_is_given(fitted: wb.Fitted, x0: Any) -> None:
    found = fitted.predict(T, x0=x0)
    np.testing.assert_allclose(found.states[0, :, 0], 1.5 * np.exp(-0.5 * T), rtol=1e-6)
    again = fitted.predict(T)
    assert again.states[0, 0, 0] == pytest.approx(3.0, rel=1e-6), "the fit itself is left as it was"


def test_a_new_record_starts_from_its_first_sample_and_its_metric_leaves_that_out(fitted: wb.Fitted) -> None:
    new = decay(t=np.linspace(1, 3, 9), x0=8.0)
    found = fitted.predict(data=new)
    np.testing.assert_allclose(found.observed[0], new.values, rtol=1e-6)
    assert found.metrics is not None
    assert found.metrics["n"] == 8


def test_one_value_of_a_new_record_is_a_start(fitted: wb.Fitted, tmp_path: Path) -> None:
    """So is a record that stays where it is: nothing has to be explained by it."""
    (tmp_path / "start.csv").write_text("t,x\n0,2.0\n")
    found = fitted.predict([0.0, 1.0, 2.0], data=tmp_path / "start.csv")
    np.testing.assert_allclose(found.observed[0, :, 0], 2.0 * np.exp([0, -0.5, -1]), rtol=1e-6)
    assert json.loads(json.dumps(found.document(), allow_nan=False))["metrics"] is None
    (tmp_path / "flat.csv").write_text("t,x\n0,2.0\n1,2.0\n")
    assert fitted.predict(data=tmp_path / "flat.csv").document()["metrics"]["rmse"]["x"] > 0.5
    with pytest.raises(TooFewRows):
        wb.fit(tmp_path / "start.csv")


def test_a_start_can_be_fitted_to_the_first_samples_of_a_new_record(fitted: wb.Fitted) -> None:
    new = decay(noise=0.3, t=np.linspace(0, 2, 41), x0=8.0)
    scatter = new.values[0, 0] - 8.0
    found = fitted.predict(data=new, fit_initial=30)
    # least squares on e^(−t/2): the start is the projection of 30 samples on it
    e = np.exp(-0.5 * new.t[:30])
    expected = float(e @ new.values[:30, 0] / (e @ e))
    assert found.states[0, 0, 0] == pytest.approx(expected, rel=1e-6)
    assert abs(found.states[0, 0, 0] - 8.0) < abs(scatter)
    assert found.metrics is not None
    assert found.metrics["n"] == 11


def test_bands_are_those_of_the_delta_method_with_students_t() -> None:
    fitted = wb.fit(decay(noise=0.1), problem=read_problem(DECAY), split="none", settings={"solver.rtol": 1e-9})
    ts = np.array([0.5, 2.0, 6.0])
    found = fitted.predict(ts, interval=90)
    assert found.lower is not None
    assert found.upper is not None
    model, x = fitted.session.model, fitted.session.x

    def curve(x: np.ndarray, at: np.ndarray) -> np.ndarray:
        return model.trial(x, Selection.at(np.array([0]), at[None], 1)).predicted[:, 0]

    j = central_differences(lambda x: curve(x, T), x)
    r = fitted.run.dataset.values[:, 0] - curve(x, T)
    covariance = np.linalg.inv(j.T @ j) * float(r @ r) / (len(T) - 2)
    g = central_differences(lambda x: curve(x, ts), x)
    half = stats.t.ppf(0.95, len(T) - 2) * np.sqrt(np.einsum("ni,ij,nj->n", g, covariance, g))
    # differences of a solution at rtol 1e-9 whose steps change with x: some 1e-5
    np.testing.assert_allclose(found.upper[0, :, 0] - found.observed[0, :, 0], half, rtol=1e-3)
    np.testing.assert_allclose(found.observed[0, :, 0] - found.lower[0, :, 0], half, rtol=1e-3)


def test_the_document_of_a_prediction_is_strict_json(fitted: wb.Fitted) -> None:
    document = json.loads(json.dumps(fitted.predict([0.0, 1.0]).document(), allow_nan=False))
    assert document["schema"] == "workbench/predict/1"
    assert document["times"] == [0.0, 1.0]
    assert list(document["observed"]) == list(document["states"]) == ["x"]
    assert document["bands"] is None


def test_several_trajectories_are_lists_in_the_document() -> None:
    two = wb.Dataset(np.tile(T, 2), np.exp(-0.5 * np.tile(T, 2))[:, None], np.array([17, 17]), ("x",), ("a", "b"))
    fitted = wb.fit(two, problem=read_problem(DECAY), split="none")
    document = fitted.predict([0.0, 2.0]).document()
    assert document["trajectories"] == ["a", "b"]
    assert document["times"] == [[0.0, 2.0]] * 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"times": [1.0, 0.5]}, "increase"),
        ({"times": [0.0, np.nan]}, "finite"),
        ({"times": [-1.0, 1.0]}, "before the start"),
        ({"until": -3.0}, "is no time after 0"),
        ({"x0": {"z": 1.0}}, "no state 'z'"),
        ({"x0": [1.0, 2.0]}, "2 values"),
        ({"interval": 100.0}, "interval"),
    ],
)
def test_what_cannot_be_predicted_is_refused_with_the_reason(
    fitted: wb.Fitted, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        wb.predict(fitted, **options)


def test_a_prediction_that_blows_up_names_time_and_trajectory() -> None:
    text = DECAY.replace("-k*x", "k*x^2")
    t = np.linspace(0, 1, 11)
    data = replace(decay(t=t), values=(1 / (1 - t / 2))[:, None])
    fitted = wb.fit(data, problem=read_problem(text), split="none")
    with pytest.raises(SolveFailed, match="trajectory 1"):
        fitted.predict(until=3.0)
