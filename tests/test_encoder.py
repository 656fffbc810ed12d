"""Initial states from first samples: hidden states of trajectories that are held out whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import Dataset, Inputs
from workbench.errors.usage import UsageError
from workbench.graph import Encoder
from workbench.model.encoded import Encoded
from workbench.problem import Problem

SAMPLES = 8
STEP = 0.2


def springs(n: int = 20, length: int = 40, noise: float = 0.02, step: float = STEP, seed: int = 0) -> Dataset:
    """A hardening spring pushed by steps, from random states of which the position alone is seen; RK4 in tenths."""
    rng, t = np.random.default_rng(seed), step * np.arange(length)
    pushes = np.repeat(rng.choice([-1.0, 1.0], (length // 10 + 1, n)), 10, axis=0)[:length]
    y, seen, h = rng.uniform(-1.5, 1.5, (2, n)), [], step / 10

    def f(y: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.array([y[1], u - y[0] - 0.3 * y[1] - 0.4 * y[0] ** 3])

    for u in pushes:
        seen.append(y[0])
        for _ in range(10):
            k1 = f(y, u)
            k2 = f(y + h / 2 * k1, u)
            k3 = f(y + h / 2 * k2, u)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + h * k3, u))
    values = np.array(seen).T.ravel()
    values = values + noise * values.std() * rng.normal(size=len(values))
    inputs = Inputs(("u",), np.tile(t, n), pushes.T.reshape(-1, 1), np.full(n, length))
    return Dataset(np.tile(t, n), values[:, None], np.full(n, length), ("y",), inputs=inputs)


def fitted(data: Dataset, encoder: int, **more: Any) -> wb.Fitted:
    settings = {"dynamics.hidden": (8,), "dynamics.encoder": encoder}
    return wb.fit(data, dynamics="state-space", settings=settings, split="trajectories:25%", **more)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> wb.Fitted:
    return fitted(springs(), SAMPLES, store=tmp_path_factory.mktemp("runs"), name="springs")


def test_held_out_trajectories_start_at_what_their_first_samples_say(encoded: wb.Fitted) -> None:
    """Noise of 2 % leaves a fit of 98 % at best, and of 6 % in a start that eight samples give."""
    own = fitted(springs(), 0, iterations=40).metrics["holdout"]["fit_percent"]
    found = encoded.metrics["holdout"]
    assert found["fit_percent"] > 92
    assert 100 - found["fit_percent"] < 0.6 * (100 - own)
    assert found["n"] == 5 * (40 - SAMPLES), "the samples that gave the start are no test"
    assert encoded.metrics["baselines"]["linear"]["holdout"]["n"] == found["n"]


def test_a_stored_run_starts_new_records_from_their_samples(encoded: wb.Fitted) -> None:
    new = springs(4, seed=5)
    assert encoded.path is not None
    there = wb.predict(wb.load(encoded.path), data=new)
    assert there.metrics is not None
    assert there.metrics["n"] == 4 * (40 - SAMPLES)
    assert there.metrics["fit_percent"] > 90
    assert not any("mean" in note for note in there.notes)
    again = wb.predict(encoded, data=new, fit_initial=20)
    assert again.metrics is not None
    assert again.metrics["n"] == 4 * (40 - 20)
    assert again.metrics["fit_percent"] > 90


def test_an_ensemble_leaves_out_the_samples_that_gave_the_start_too(tmp_path: Path) -> None:
    fitted(springs(8), 4, iterations=8, store=tmp_path, name="one")
    wb.ensemble("one", 3, store=tmp_path)
    found = wb.predict("one", data=springs(2, seed=5), ensemble=True, store=tmp_path)
    assert found.metrics is not None
    assert found.metrics["n"] == 2 * (40 - 4)


def test_a_record_sampled_otherwise_is_refused(encoded: wb.Fitted) -> None:
    with pytest.raises(UsageError, match="come at other times"):
        wb.predict(encoded, data=springs(2, step=0.1))


def test_windows_of_multiple_shooting_begin_at_encoded_states() -> None:
    found = fitted(springs(6, length=30, noise=0.0), 4, strategy="multiple-shooting", iterations=25)
    assert "windows" in found.session.history["rung"][0]
    assert found.metrics["train"]["fit_percent"] > 80


def problem(t: list[list[float]], y: list[list[float]], split: str = "none") -> Problem:
    values = np.concatenate(y)[:, None]
    return Problem("data").with_data(Dataset(np.concatenate(t), values, [len(each) for each in t], ("y",)), split)


def encoder(samples: int, spacing: tuple[float, ...], given: int, hidden: float = 0.0) -> Encoder:
    """Two states: the first sample, and the difference of the first two."""
    linear = np.zeros((2, given))
    linear[0, 0], linear[1, :2] = 1.0, [-1.0, 1.0]
    scale = (np.zeros(given), np.ones(given))
    ends = (np.zeros(2), np.ones(2))
    return Encoder.of(("a", "b"), samples, spacing, scale, linear, ends, np.random.default_rng(0))


def test_an_encoder_begins_at_its_linear_part_and_a_missing_value_lies_between_its_neighbours() -> None:
    asked = problem([[0, 1, 2, 3], [5, 6, 7, 8]], [[1, np.nan, 5, 9], [2, 1, 0, 7]])
    made = encoder(3, (0.0, 1.0, 2.0), 3)
    np.testing.assert_allclose(Encoded(made, asked)(made.start), [[1, 2], [2, -1]])


def test_times_are_given_where_trajectories_are_not_sampled_alike() -> None:
    first = problem([[0, 1, 3], [0, 2, 3]], [[1, 2, 3], [4, 5, 6]]).seen.first_samples(3)
    assert first.spacing == ()
    assert first.given.tolist() == [[1, 2, 3, 1, 3], [4, 5, 6, 2, 3]]
    middle, width = first.scale((np.array([3.0]), np.array([2.0])), (np.zeros(0), np.zeros(0)))
    assert middle.tolist()[:3] == [3, 3, 3]
    assert len(middle) == len(width) == 5


@pytest.mark.parametrize(
    ("spacing", "given", "t"),
    [
        ((0.0, 1.0, 2.0), 3, [[0, 1, 2], [0, 1.0001, 2]]),
        ((), 5, [[0, 1, 2], [0, 1, 2]]),
    ],
)
def test_times_are_given_to_an_encoder_that_was_fitted_to_them(
    spacing: tuple[float, ...], given: int, t: list[list[float]]
) -> None:
    asked = problem(t, [[1, 2, 5], [2, 1, 0]])
    made = encoder(3, spacing, given)
    of, w = Encoded(made, asked), made.start + 0.1 * np.sin(np.arange(len(made.start)))
    values = np.array([[1, 2, 5, *t[0][1:]], [2, 1, 0, *t[1][1:]]])[:, :given]
    expected = made.graph.function("initial")(np.zeros(2), None, None, values, w)
    np.testing.assert_array_equal(of(w), expected)
    assert of.by_weights(w).shape == (2, 2, len(w))


def test_derivatives_of_encoded_states_are_central_differences() -> None:
    asked = problem([[0, 1, 2], [0, 1, 2]], [[1, 0.5, -1], [2, 1, 0]])
    made = encoder(3, (0.0, 1.0, 2.0), 3)
    of, w = Encoded(made, asked), made.start + 0.1 * np.sin(np.arange(len(made.start)))
    by_w, h = of.by_weights(w), 1e-5
    for k in range(0, len(w), 7):
        e = h * np.eye(len(w))[k]
        # h² of a third derivative of order one, and rounding over h
        np.testing.assert_allclose(by_w[:, :, k], (of(w + e) - of(w - e)) / (2 * h), atol=1e-8)


@pytest.mark.parametrize(
    ("samples", "y", "said"),
    [
        (4, [[1, 2, 3], [4, 5, 6]], "looks at 4 samples, and trajectory 1 has 3"),
        (2, [[1, 2, 3], [np.nan, np.nan, 6]], "no value among the first 2 samples of trajectory 2"),
        (-1, [[1, 2, 3], [4, 5, 6]], "one sample or more"),
    ],
)
def test_too_few_samples_are_refused(samples: int, y: list[list[float]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        problem([[0, 1, 2], [0, 1, 2]], y).seen.first_samples(samples)


def test_the_first_samples_of_a_trajectory_that_trains_hold_no_test_value() -> None:
    asked = problem([[0, 1, 2, 3, 4]], [[1, 2, 3, 4, 100]], "last:1")
    assert asked.seen.first_samples(5).given.tolist() == [[1, 2, 3, 4, 4]]
