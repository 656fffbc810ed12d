"""Residual tests against enumeration and simulation; the solver swap against the trap it is there for."""

import json
from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import expm, logm

from workbench.dataset import TEST, TRAIN, Dataset
from workbench.diagnose import solver_swap, whiteness
from workbench.diagnose.residual_tests import _exact_runs


def judged(*columns, row_size=None, part=None, t=None):
    residual = np.column_stack(columns)
    sizes = row_size or [len(residual)]
    times = np.concatenate([np.arange(size) for size in sizes]) if t is None else t
    names = tuple("xyz"[: residual.shape[1]])
    data = Dataset(t=times, values=np.zeros(residual.shape), row_size=sizes, channels=names)
    found = whiteness(data, np.full(len(residual), TRAIN) if part is None else part, residual)
    json.dumps(found, allow_nan=False)
    return found


def coloured(rng, n, share):
    """A first-order autoregression."""
    r = np.zeros(n)
    for i in range(1, n):
        r[i] = share * r[i - 1] + rng.normal()
    return r


def test_ljung_box_is_the_published_sum():
    r = np.random.default_rng(0).normal(size=60)
    found = judged(r)["channels"]["x"]["ljung_box"]
    centred = r - r.mean()
    rho = [np.sum(centred[k:] * centred[:-k]) / np.sum(centred**2) for k in range(1, 11)]
    wanted = 60 * 62 * sum(value**2 / (60 - k) for k, value in enumerate(rho, start=1))
    assert found["lags"] == 10
    assert found["statistic"] == pytest.approx(wanted, rel=1e-12)


def test_white_residuals_are_called_coloured_as_rarely_as_promised():
    rng = np.random.default_rng(1)
    for n in (20, 100):
        wrong = sum(not judged(rng.normal(size=n), rng.normal(size=n))["white"] for _ in range(300))
        # 1 % is promised, and Ljung–Box takes up to twice that: binomial(300, .02) exceeds 15 with probability 4e-4
        assert wrong <= 15, n


@pytest.mark.parametrize(("n", "share"), [(40, 0.95), (100, 0.6), (400, 0.3)])
def test_coloured_residuals_are_found(n, share):
    rng = np.random.default_rng(2)
    assert np.mean([judged(coloured(rng, n, share))["white"] for _ in range(40)]) < 0.5


def test_the_runs_test_is_exact():
    above, below = 4, 5
    counts = []
    for chosen in combinations(range(above + below), above):
        sign = np.isin(np.arange(above + below), chosen)
        counts.append(1 + int(np.sum(sign[1:] != sign[:-1])))
    for runs in sorted(set(counts)):
        tails = np.mean(np.array(counts) <= runs), np.mean(np.array(counts) >= runs)
        assert _exact_runs(runs, above, below) == pytest.approx(min(1, 2 * min(tails)), rel=1e-12)


def test_a_trend_in_a_short_series_is_found_and_alternation_too():
    assert judged(np.linspace(-1, 1, 14))["white"] is False
    assert judged((-1.0) ** np.arange(14))["white"] is False


def test_too_few_values_are_not_judged():
    found = judged(np.array([1.0, -1.0, 2.0, 1.0]))
    assert found["white"] is None
    assert found["p"] is None


def test_residuals_that_are_all_zero_are_not_judged():
    assert judged(np.zeros(40))["white"] is None


def test_residuals_of_one_sign_are_not_noise():
    assert judged(np.full(12, 0.3))["white"] is False


def test_only_the_training_part_is_judged():
    r = np.concatenate([np.random.default_rng(3).normal(size=40), np.full(40, 50.0)])
    part = np.repeat([TRAIN, TEST], 40)
    assert judged(r, part=part)["channels"]["x"]["n"] == 40
    assert judged(r, part=part)["white"]


def test_no_lag_reaches_from_one_trajectory_into_the_next():
    rng = np.random.default_rng(4)
    r = np.concatenate([rng.normal(size=20), rng.normal(size=20)])
    swapped = np.concatenate([r[20:], r[:20]])
    one, other = (judged(x, row_size=[20, 20])["channels"]["x"]["ljung_box"] for x in (r, swapped))
    assert one["statistic"] == pytest.approx(other["statistic"], rel=1e-12)


def test_missing_residuals_are_left_out_and_irregular_times_are_said():
    r = np.random.default_rng(5).normal(size=50)
    r[::7] = np.nan
    found = judged(r, t=np.arange(50) ** 1.5)
    assert found["channels"]["x"]["n"] == 42
    assert found["regular"] is False


def spiral(a, t):
    return np.array([expm(a * time) @ [2.0, 0.0] for time in t])


def test_a_model_that_eulers_method_was_trained_into_is_tied_to_it():
    a, h = np.array([[-0.1, 2.0], [-2.0, -0.1]]), 0.0501
    t = h * np.arange(200)
    learned = (expm(a * h) - np.eye(2)) / h  # Euler with this matrix steps exactly through the spiral
    through_euler = spiral(a, t)
    found = solver_swap(
        through_euler, spiral(learned, t), np.std(through_euler, axis=0), solver="euler", step=h, times=t
    )
    assert found["verdict"] == "a map tied to euler, h = 0.0501"
    assert found["max_relative_difference"] > 0.2
    assert 0 < found["parts_at"] < 1


def test_a_model_that_a_fourth_order_method_was_trained_into_is_an_ode():
    a, h = np.array([[-0.1, 2.0], [-2.0, -0.1]]), 0.0501
    t = h * np.arange(200)
    stages = sum(np.linalg.matrix_power(a * h, k) / [1, 1, 2, 6, 24][k] for k in range(5))
    through_rk4 = np.array([np.linalg.matrix_power(stages, k) @ [2.0, 0.0] for k in range(200)])
    found = solver_swap(through_rk4, spiral(a, t), np.std(through_rk4, axis=0), solver="rk4", step=h)
    assert found["verdict"] == "an ODE"
    # local error of rk4 on rotation at 2 rad: (2h)⁵/120 a step, over 200 steps on a spread of about 1
    assert found["max_relative_difference"] < 200 * (2 * h) ** 5 / 120 * 2
    assert np.allclose(logm(stages) / h, a, atol=1e-3)


def test_a_swap_without_a_finite_solution_is_tied_and_without_values_is_not_judged():
    ok = np.ones((3, 1))
    assert solver_swap(ok, np.array([[1.0], [np.nan], [np.nan]]), 1.0)["verdict"].startswith("a map")
    assert solver_swap(np.full((3, 1), np.nan), np.full((3, 1), np.nan), 1.0)["verdict"] is None
    assert solver_swap(np.array([[np.inf]]), np.ones((1, 1)), 1.0)["verdict"] is None


def test_in_chaos_a_difference_is_excused_as_far_as_a_small_change_of_the_start_would_have_grown():
    t = np.arange(4.0)
    own, growth = np.zeros((4, 1)), np.array([1.0, 10.0, 100.0, 1000.0])
    late = np.array([0.0, 0.005, 0.09, 0.9])[:, None]
    found = solver_swap(own, late, 1.0, times=t, growth=growth)
    assert (found["verdict"], found["sensitive"], found["parts_at"]) == ("an ODE", True, 2.0)
    assert solver_swap(own, late, 1.0, times=t)["verdict"].startswith("a map tied")
    early = np.array([0.0, 0.5, 0.09, 0.9])[:, None]
    assert solver_swap(own, early, 1.0, times=t, growth=growth)["verdict"].startswith("a map tied")
