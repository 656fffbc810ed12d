"""Baselines: references worked out by hand, and linear systems that are known exactly."""

import json

import numpy as np
import pytest
from scipy.linalg import expm

from workbench.dataset import TEST, TRAIN, VALIDATION, Dataset, Inputs, split
from workbench.diagnose import baselines, fit_linear_ode
from workbench.diagnose.affine_maps import exponentials, follow

A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
B = np.array([0.3, -0.2])


def affine_run(t, y0, a=A, b=B):
    """The exact solution of y' = a y + b at t (time,), from the exponential of the augmented matrix."""
    n = len(y0)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n], augmented[:n, n] = a, b
    return np.array([(expm(augmented * (time - t[0])) @ np.append(y0, 1.0))[:n] for time in t])


def two_channels(t, values, row_size=None, **more):
    return Dataset(t=t, values=values, row_size=row_size or [len(t)], channels=("x", "y"), **more)


def nothing(data):
    return np.zeros(data.values.shape, dtype=bool)


def test_the_mean_is_that_of_the_training_values():
    data = Dataset(t=np.arange(5), values=[[1.0], [3.0], [np.nan], [5.0], [8.0]], row_size=[5], channels=("x",))
    part = np.array([TRAIN, TRAIN, TRAIN, TEST, TEST])
    found = baselines(data, part)["mean"]
    assert found["train"]["sse"] == 2
    assert found["train"]["fit_percent"] == 0
    assert found["holdout"]["sse"] == 3**2 + 6**2


def test_persistence_repeats_the_last_value_before_the_held_out_part():
    data = Dataset(t=np.arange(5), values=[[1.0], [3.0], [4.0], [5.0], [8.0]], row_size=[5], channels=("x",))
    found = baselines(data, np.array([TRAIN, TRAIN, TRAIN, TEST, TEST]))["persistence"]
    assert found["holdout"]["sse"] == 1**2 + 4**2
    assert found["train"]["sse"] == 2**2 + 3**2  # from its start


def test_persistence_of_a_held_out_trajectory_repeats_its_first_value():
    data = Dataset(t=[0, 1, 0, 1, 2], values=[[9.0], [8.0], [1.0], [3.0], [4.0]], row_size=[2, 3], channels=("x",))
    found = baselines(data, np.array([TRAIN, TRAIN, TEST, TEST, TEST]))["persistence"]
    assert found["holdout"]["n"] == 2
    assert found["holdout"]["sse"] == 2**2 + 3**2


def test_persistence_looks_past_missing_values():
    data = Dataset(t=np.arange(4), values=[[1.0], [3.0], [np.nan], [5.0]], row_size=[4], channels=("x",))
    found = baselines(data, np.array([TRAIN, TRAIN, TRAIN, TEST]))["persistence"]
    assert found["holdout"]["sse"] == 4


def test_the_holdout_is_forecast_from_validation_too_and_validation_from_training_alone():
    data = Dataset(t=np.arange(4), values=[[1.0], [2.0], [4.0], [8.0]], row_size=[4], channels=("x",))
    found = baselines(data, np.array([TRAIN, TRAIN, VALIDATION, TEST]))["persistence"]
    assert found["validation"]["sse"] == 2**2
    assert found["holdout"]["sse"] == 4**2


@pytest.mark.parametrize("sampling", ["regular", "irregular"])
def test_the_linear_baseline_finds_a_linear_ode_exactly(sampling):
    t = np.linspace(0, 6, 61) if sampling == "regular" else 6 * np.linspace(0, 1, 61) ** 1.3
    data = two_channels(t, affine_run(t, [2.0, 0.5]))
    part = split(data, "last:20%")
    found = fit_linear_ode(data, part != TEST, nothing(data))
    # polished to a zero residual: what is left are the optimiser's tolerances, 1e-8 relative
    np.testing.assert_allclose(found.a, A, atol=1e-6)
    np.testing.assert_allclose(found.b, B, atol=1e-6)
    np.testing.assert_allclose(found.prediction, data.values, atol=1e-6)


def test_the_linear_baseline_fits_a_straight_line_whose_map_has_no_diagonal_form():
    t = np.linspace(0, 5, 11)
    data = Dataset(t=t, values=(3 - 2 * t)[:, None], row_size=[11], channels=("x",))
    part = split(data, "last:20%")
    assert baselines(data, part)["linear"]["holdout"]["rmse"]["x"] < 1e-6


def test_the_linear_baseline_starts_a_held_out_trajectory_from_its_first_values():
    t = np.linspace(0, 4, 30)
    runs = [affine_run(t, y0) for y0 in ([2.0, 0.5], [-1.0, 1.0], [0.3, -2.0])]
    data = two_channels(np.tile(t, 3), np.vstack(runs), row_size=[30] * 3)
    part = np.repeat([TRAIN, TRAIN, TEST], 30)
    assert baselines(data, part)["linear"]["holdout"]["nrmse"] < 1e-6


def test_the_linear_baseline_uses_held_inputs():
    rng = np.random.default_rng(3)
    h, u = 0.2, np.repeat(rng.normal(size=20), 4)
    t = h * np.arange(80)
    decay, gain = np.exp(-0.7 * h), 1.5 * (1 - np.exp(-0.7 * h)) / 0.7
    y = np.zeros(80)
    for k in range(79):  # y' = −0.7 y + 1.5 u, exact for u held over each interval
        y[k + 1] = decay * y[k] + gain * u[k]
    data = Dataset(
        t=t, values=y[:, None], row_size=[80], channels=("y",), inputs=Inputs(("u",), t, u[:, None], np.array([80]))
    )
    part = split(data, "last:20%")
    found = fit_linear_ode(data, part != TEST, nothing(data))
    assert found.a[0, 0] == pytest.approx(-0.7, abs=1e-6)
    np.testing.assert_allclose(found.inputs, [[1.5, 0.0]], atol=1e-6)
    assert baselines(data, part)["linear"]["holdout"]["nrmse"] < 1e-6


def test_the_linear_baseline_comes_within_twice_the_noise_on_a_noisy_oscillation():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 15, 200)
    clean = affine_run(t, [2.0, 0.5])
    data = two_channels(t, clean + 0.05 * rng.normal(size=clean.shape))
    found = baselines(data, split(data, "last:20%"))["linear"]["holdout"]
    assert max(found["rmse"].values()) < 2 * 0.05  # the noise itself is .05; plain regression on increments gives .2


def test_no_baseline_looks_at_held_out_values():
    rng = np.random.default_rng(1)
    t = np.linspace(0, 3, 25)
    values = affine_run(t, [1.0, 1.0]) + 0.1 * rng.normal(size=(25, 2))
    data = two_channels(t, values)
    part = split(data, "last:20%")
    changed = np.where((part == TEST)[:, None], 1e3, values)
    one = fit_linear_ode(data, part != TEST, nothing(data)).prediction
    other = fit_linear_ode(two_channels(t, changed), part != TEST, nothing(data)).prediction
    assert np.array_equal(one, other)
    for name, scores in baselines(two_channels(t, changed), part).items():
        assert scores["train"]["sse"] == baselines(data, part)[name]["train"]["sse"]


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ([[1.0, 2.0], [1.5, 2.5]], [2]),
        ([[1.0, 2.0]], [1]),
        ([[5.0, 1.0]] * 8, [8]),
        ([[np.nan, 1.0], [2.0, np.nan], [np.nan, 3.0], [4.0, np.nan], [1.0, 1.0]], [5]),
        ([[np.nan, 1.0], [np.nan, 2.0], [np.nan, 1.5], [np.nan, 2.0]], [4]),
        ([[1e300, 1.0], [-1e300, 2.0], [1e300, 1.5], [-1e300, 2.0]], [4]),
        ([[1.0, 1.0], [-2.0, 3.0], [4.0, -9.0], [-8.0, 27.0], [16.0, -81.0], [-32.0, 243.0]], [6]),
    ],
    ids=["two points", "one point", "constant", "gaps", "channel unseen", "enormous", "alternating"],
)
@pytest.mark.parametrize("held_out", [0, 1])
def test_poor_data_give_numbers_or_none_but_never_nan_or_a_crash(values, sizes, held_out):
    data = two_channels(np.arange(len(values)), values, row_size=sizes)
    part = np.full(len(values), TRAIN)
    part[len(values) - held_out :] = TEST
    if held_out == len(values):
        part[:] = TRAIN
    json.dumps(baselines(data, part), allow_nan=False)


def test_repeated_times_are_steps_of_no_length():
    t = np.repeat(np.linspace(0, 4, 20), 2)
    data = two_channels(t, affine_run(t, [2.0, 0.5]))
    part = np.where(t > 3, TEST, TRAIN)
    assert baselines(data, part)["linear"]["holdout"]["nrmse"] < 1e-6


def test_stacked_exponentials_agree_with_scipy():
    rng = np.random.default_rng(5)
    systems = rng.normal(size=(3, 3, 4)) * np.array([0.01, 1.0, 20.0])[:, None, None]
    lengths = np.array([0.0, 0.1, 1.0])
    found = exponentials(systems, lengths)
    for i, system in enumerate(systems):
        for j, h in enumerate(lengths):
            wanted = expm(np.vstack([system, np.zeros(4)]) * h)[:3]
            # squaring doubles the rounding error each time; ‖20·h‖ takes about 8 squarings
            np.testing.assert_allclose(found[i, j], wanted, rtol=0, atol=1e-12 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("n_steps", [1, 2, 7, 64, 65])
def test_following_in_blocks_is_following_step_by_step(n_steps):
    rng = np.random.default_rng(n_steps)
    maps, shifts, y0 = 0.5 * rng.normal(size=(2, n_steps, 3, 3)), rng.normal(size=(2, n_steps, 3)), np.ones((2, 3))
    found = follow(maps, shifts, y0)
    for row in range(2):
        y = y0[row]
        for k in range(n_steps):
            y = maps[row, k] @ y + shifts[row, k]
            np.testing.assert_allclose(found[row, k], y, rtol=1e-9, atol=1e-9)
