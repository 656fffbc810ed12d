"""Scores of a prediction, against sums done by hand."""

import json

import numpy as np
import pytest

from workbench.dataset import TEST, TRAIN, VALIDATION, Dataset
from workbench.diagnose import information_criteria, metrics, scored

NAN = np.nan


def dataset(values, row_size=None, channels=None, t=None):
    values = np.array(values, dtype=float)
    n, d = values.shape
    sizes = row_size or [n]
    times = np.concatenate([np.arange(size) for size in sizes]) if t is None else t
    return Dataset(t=times, values=values, row_size=sizes, channels=channels or tuple("abcdefgh"[:d]))


def test_scores_of_one_channel_are_the_textbook_sums():
    data = dataset([[1.0], [2.0], [4.0], [9.0]])
    part = np.full(4, TRAIN)
    found = metrics(data, part, np.array([[1.0], [3.0], [2.0], [9.0]]))["train"]
    # errors 0, 1, −2, 0 about the mean 4, from which the values lie −3, −2, 0, 5
    assert found["n"] == 4
    assert found["sse"] == pytest.approx(5, rel=1e-15)
    assert found["rmse"]["a"] == pytest.approx(np.sqrt(5 / 4), rel=1e-15)
    assert found["mae"]["a"] == pytest.approx(3 / 4, rel=1e-15)
    assert found["r2"]["a"] == pytest.approx(1 - 5 / 38, rel=1e-15)
    assert found["fit_percent"] == pytest.approx(100 * (1 - np.sqrt(5 / 38)), rel=1e-15)
    assert found["nrmse"] == pytest.approx(np.sqrt(5 / 38), rel=1e-15)
    assert found["log_rmse"]["a"] == pytest.approx(np.sqrt((np.log(1.5) ** 2 + np.log(2) ** 2) / 4), rel=1e-15)
    assert found["nll"] is None


def test_each_part_is_scored_on_its_own_values_and_an_empty_part_is_none():
    data = dataset([[1.0], [2.0], [3.0], [5.0]])
    part = np.array([TRAIN, TRAIN, TEST, TEST])
    found = metrics(data, part, np.zeros((4, 1)), nll={"train": 3.0})
    assert found["train"]["sse"] == 5
    assert found["holdout"]["sse"] == 34
    assert found["validation"] is None
    assert found["train"]["nll"] == 3.0
    assert found["holdout"]["nll"] is None


def test_summary_scores_are_means_over_channels():
    data = dataset([[0.0, 0.0], [2.0, 20.0]])  # standard deviations 1 and 10
    found = metrics(data, np.zeros(2, dtype=int), np.array([[1.0, 0.0], [1.0, 20.0]]))["train"]
    assert found["nrmse"] == pytest.approx((1 + 0) / 2)
    assert found["fit_percent"] == pytest.approx((0 + 100) / 2)


def test_missing_values_are_left_out():
    whole = dataset([[1.0], [2.0], [4.0]])
    holed = dataset([[1.0], [NAN], [2.0], [4.0]])
    part = np.zeros(4, dtype=int)
    one = metrics(whole, part[:3], np.array([[1.0], [1.0], [1.0]]))["train"]
    assert metrics(holed, part, np.array([[1.0], [NAN], [1.0], [1.0]]))["train"] == one


def test_the_first_value_of_a_held_out_trajectory_is_not_scored():
    data = dataset([[1.0], [2.0], [7.0], [3.0], [4.0]], row_size=[2, 3])
    part = np.array([TRAIN, TRAIN, TEST, TEST, TEST])
    counted = scored(data, part, "holdout")
    assert counted.ravel().tolist() == [False, False, False, True, True]
    assert metrics(data, part, data.values)["holdout"]["n"] == 2
    assert metrics(data, part, data.values, samples=2)["holdout"]["n"] == 1


def test_what_a_held_out_trajectory_starts_from_is_counted_channel_by_channel():
    data = dataset([[1.0, 1.0], [2.0, 2.0], [3.0, NAN], [4.0, 5.0], [6.0, 7.0]], row_size=[2, 3])
    part = np.array([TRAIN, TRAIN, TEST, TEST, TEST])
    assert scored(data, part, "holdout")[2:].tolist() == [[False, False], [True, False], [True, True]]


def test_a_validation_trajectory_has_its_start_left_out_too():
    data = dataset([[1.0], [2.0], [3.0], [4.0]], row_size=[2, 2])
    part = np.array([TRAIN, TRAIN, VALIDATION, VALIDATION])
    assert metrics(data, part, data.values)["validation"]["n"] == 1


def test_what_cannot_be_computed_is_none_and_never_nan():
    data = dataset([[1.0, 5.0, -1.0], [2.0, 5.0, 3.0], [3.0, 5.0, 0.0]])
    part = np.zeros(3, dtype=int)
    found = metrics(data, part, np.array([[1.0, 5.0, 1.0], [NAN, 5.0, 1.0], [1.0, 5.0, 1.0]]))["train"]
    assert found["rmse"] == {"a": None, "b": 0.0, "c": pytest.approx(np.sqrt(9 / 3))}
    assert found["r2"]["b"] is None  # it does not vary
    assert found["log_rmse"] == {"a": None, "b": 0.0, "c": None}
    for whole in ("sse", "nrmse", "fit_percent", "log_rmse_all"):
        assert found[whole] is None, whole
    json.dumps(found, allow_nan=False)


def test_a_prediction_too_large_to_square_is_none():
    data = dataset([[1.0], [2.0]])
    found = metrics(data, np.zeros(2, dtype=int), np.array([[1e200], [1.0]]))["train"]
    assert found["sse"] is None
    json.dumps(found, allow_nan=False)


def test_a_constant_that_rounding_would_spread_does_not_vary():
    data = dataset([[0.1]] * 7)
    found = metrics(data, np.zeros(7, dtype=int), np.full((7, 1), 0.2))["train"]
    assert found["nrmse"] is None
    assert found["fit_percent"] is None


def test_information_criteria_penalise_and_the_corrected_one_needs_room():
    found = information_criteria(10.0, 12, 3)
    assert found["aic"] == 26
    assert found["aicc"] == pytest.approx(26 + 2 * 3 * 4 / 8)
    assert found["bic"] == pytest.approx(20 + 3 * np.log(12))
    assert information_criteria(10.0, 4, 3)["aicc"] is None
    assert information_criteria(None, 4, 3) == {"aic": None, "aicc": None, "bic": None}
