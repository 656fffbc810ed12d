"""Residuals against inputs, forecasts a few steps ahead, and where a trajectory leaves what training visited."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from workbench.dataset import TEST, TRAIN, Dataset
from workbench.diagnose import input_correlation, steps_ahead
from workbench.diagnose.extrapolation import FAR, Region, told


def driven(e: np.ndarray, u: np.ndarray, row_size: tuple[int, ...] = ()) -> dict[str, Any]:
    n = len(e)
    sizes = row_size or (n,)
    t = np.concatenate([np.arange(size) for size in sizes])
    data = Dataset(t, np.zeros((n, 1)), sizes, ("y",))
    found = input_correlation(data, np.full(n, TRAIN), e[:, None], u[:, None], ("u",))
    json.dumps(found, allow_nan=False)
    return found


def smooth(rng: np.random.Generator, n: int) -> np.ndarray:
    """A first-order autoregression."""
    u = np.zeros(n)
    for i in range(1, n):
        u[i] = 0.9 * u[i - 1] + rng.normal()
    return u


def test_independent_residuals_are_called_dependent_as_rarely_as_promised() -> None:
    """With coloured residuals, too: the bound takes the colours of both into account."""
    rng = np.random.default_rng(0)
    for residuals in (lambda: rng.normal(size=200), lambda: smooth(rng, 200)):
        wrong = sum(not driven(residuals(), smooth(rng, 200))["independent"] for _ in range(200))
        # 1 % by Bonferroni, and the variance is itself an estimate: binomial(200, .03) exceeds 14 with probability 1e-3
        assert wrong <= 14


def test_residuals_that_follow_a_past_input_are_found_at_its_lag() -> None:
    rng = np.random.default_rng(1)
    u = rng.normal(size=200)
    e = np.concatenate([np.zeros(3), u[:-3]]) + rng.normal(size=200)
    found = driven(e, u)
    pair = found["pairs"]["y"]["u"]
    assert found["independent"] is False
    assert pair["lag"] == 3
    # white on both sides: P is near 1, and r = 1/√2
    assert pair["bound"] == pytest.approx(2.576 / np.sqrt(200), rel=0.4)
    assert pair["r"][3] == pytest.approx(np.sqrt(0.5), abs=0.15)


def test_the_correlation_is_the_published_sum_and_stays_within_trajectories() -> None:
    rng = np.random.default_rng(2)
    e, u = rng.normal(size=60), rng.normal(size=60)
    pair = driven(e, u)["pairs"]["y"]["u"]
    a, b = e - e.mean(), u - u.mean()
    want = [np.sum(a[k:] * b[: 60 - k]) / (60 * a.std() * b.std()) for k in range(16)]
    np.testing.assert_allclose(pair["r"], want, rtol=1e-12)
    two = driven(e, u, (30, 30))["pairs"]["y"]["u"]
    across = sum(a[i] * b[i - 1] for i in range(1, 60) if i != 30) / (60 * a.std() * b.std())
    assert two["r"][1] == pytest.approx(across, rel=1e-12)


def test_inputs_that_do_not_vary_and_few_values_are_not_judged() -> None:
    rng = np.random.default_rng(3)
    assert driven(rng.normal(size=50), np.ones(50))["independent"] is None
    assert driven(rng.normal(size=10), rng.normal(size=10))["independent"] is None


def test_forecasts_are_scored_at_their_targets_beside_the_value_repeated() -> None:
    values = np.array([0.0, 1.0, 3.0, 6.0, 10.0])[:, None]
    data = Dataset(np.arange(5.0), values, [5], ("x",))
    part = np.array([TRAIN] * 3 + [TEST] * 2)
    predicted = values + np.array([np.nan, 0.1, 0.1, 0.2, 0.2])[:, None]
    found = steps_ahead(data, part, {1: predicted})["1"]
    s = values.std()
    assert found["validation"] is None
    assert found["train"]["n"] == 2
    assert found["holdout"]["nrmse"] == pytest.approx(0.2 / s)
    assert found["holdout"]["persistence"] == pytest.approx(np.sqrt((3**2 + 4**2) / 2) / s)
    lost = steps_ahead(data, part, {1: np.where(values == 10, np.inf, predicted)})["1"]
    assert lost["holdout"]["nrmse"] is None, "a forecast that came to nothing is not left out"


CIRCLE = np.stack([np.cos(np.linspace(0, 6.3, 200)), np.sin(np.linspace(0, 6.3, 200))], axis=1)


def test_a_trajectory_beyond_the_range_is_told_with_its_time_and_how_far() -> None:
    region = Region.of(CIRCLE, None, ("x", "y"))
    inside = region.left_by(np.arange(200), 1.02 * CIRCLE)
    assert (inside["outside"], inside["at"], told(inside, "It")) == (False, None, "")
    t = np.array([0.1, 0.3, 1.0])
    beyond = region.left_by(t, np.stack([1 + t, 0 * t], axis=1))
    assert beyond["outside"] is True
    assert beyond["at"] == 0.3, "a tenth of a range of 2 is exceeded above 1.2"
    assert beyond["beyond"] == {"x": pytest.approx(0.5, abs=1e-3)}
    assert told(beyond, "It").startswith("It leaves what training visited from t = 0.3 on: x goes 50")


def test_the_middle_of_a_circle_is_within_all_ranges_and_was_never_visited() -> None:
    found = Region.of(CIRCLE, None, ("x", "y")).left_by(np.zeros(1), np.zeros((1, 2)))
    assert found["outside"] is True
    assert found["beyond"] == {}
    # every point of the circle is 1 away in each of two directions together, with spreads of 1/√2
    assert found["distance"] == pytest.approx(1.0, rel=1e-2)
    assert found["distance"] > FAR
    assert "the nearest training state is 1 times the spread away" in told(found, "It")


def test_inputs_count_and_what_is_not_finite_does_not() -> None:
    u = np.linspace(0, 1, 200)[:, None]
    region = Region.of(CIRCLE, u, ("x", "y"), ("u",))
    states = CIRCLE[:3].copy()
    states[2] = np.nan
    found = region.left_by(np.arange(3.0), states, np.array([[0.5], [1.5], [9.0]]))
    assert found["beyond"] == {"u": pytest.approx(0.5)}
    assert found["at"] == 1.0
    nothing = Region.of(np.full((4, 2), np.nan), None, ("x", "y")).left_by(np.zeros(1), np.zeros((1, 2)))
    assert nothing["outside"] is None
