"""Smoothing splines: the curves, their degrees of freedom, and the smoothing that the data choose."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import Dataset
from workbench.fitting.curve import MANY, collocate
from workbench.fitting.smoothing import Smoothing


def noisy(n: int, noise: float, seed: int = 0) -> Smoothing:
    """A sine at uneven times, some of them measured more often."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.uniform(0.2, 1.8, n)) * 6 / n
    return Smoothing(t, np.sin(t) + noise * rng.normal(size=n), rng.integers(1, 4, n).astype(float))


def hat(made: Smoothing, strength: float) -> np.ndarray:
    """(W + λK)⁻¹W from dense matrices: gᵀKg is the integral of g″² of the natural cubic spline through g."""
    n, h = len(made.t), np.diff(made.t)
    q, r = np.zeros((n, n - 2)), np.zeros((n - 2, n - 2))
    for j in range(n - 2):
        q[j : j + 3, j] = 1 / h[j], -1 / h[j] - 1 / h[j + 1], 1 / h[j + 1]
        r[j, j] = (h[j] + h[j + 1]) / 3
        if j < n - 3:
            r[j, j + 1] = r[j + 1, j] = h[j + 1] / 6
    w = np.diag(made.w)
    return np.linalg.solve(w + strength * q @ np.linalg.solve(r, q.T), w)


@pytest.mark.parametrize("strength", [1e-6, 1e-2, 10.0])
def test_the_curve_and_its_degrees_of_freedom_are_those_of_the_dense_normal_equations(strength: float) -> None:
    made = noisy(30, 0.1)
    dense = hat(made, strength)
    # K has entries up to 12/h³ = 1e5, so that the dense solve keeps ten digits
    np.testing.assert_allclose(made.values(strength), dense @ made.y, atol=1e-9)
    assert made.freedom_left(strength) == pytest.approx(30 - np.trace(dense), rel=1e-7)


@pytest.mark.parametrize(("n", "noise"), [(6, 0.1), (21, 0.2), (60, 0.1), (300, 0.03)])
def test_no_smoothing_on_a_fine_grid_has_a_lower_criterion(n: int, noise: float) -> None:
    made = noisy(n, noise)
    grid = min(made.criterion(10**log) for log in np.arange(-14, 4, 0.02))
    # the last look's points lie 1/8 of a decade apart, where the criterion is flat
    assert made.criterion(made.best()) <= grid * (1 + 1e-3)


def test_smoothing_of_time_in_other_units_is_the_same() -> None:
    made = noisy(40, 0.1)
    other = Smoothing(made.t * 1e3, made.y, made.w)
    np.testing.assert_allclose(other.values(other.best()), made.values(made.best()), atol=1e-8)


def test_data_without_noise_are_interpolated_up_to_their_ends() -> None:
    t = np.linspace(0, 6, 60)
    data = Dataset(t, np.sin(t)[:, None], np.array([60]), ("x",))
    found = collocate(data, np.ones(60, dtype=bool), np.zeros(1, dtype=bool), smooth=True)
    # cubic splines with gaps h = 0.1: slopes wrong by h³/24 of a fourth derivative inside, some times that at the ends;
    # a natural spline, straight at its ends, is wrong there by h/3 of the second derivative, 0.01 at t = 6
    np.testing.assert_allclose(found.slopes[:, 0], np.cos(found.t), atol=1e-3)


def test_times_that_all_but_coincide_are_borne() -> None:
    t = np.sort(np.concatenate([np.linspace(0, 1, 10), np.linspace(0.05, 0.95, 5) + 1e-13, [0.05]]))
    made = Smoothing(np.unique(t), np.cos(np.unique(t)), np.ones(len(np.unique(t))))
    assert np.isfinite(made.values(made.best())).all()


@pytest.mark.parametrize(("n", "points"), [(MANY, 2 * MANY - 1), (MANY + 1, MANY + 1)])
def test_where_there_are_many_times_the_curves_are_read_at_those_alone(n: int, points: int) -> None:
    t = np.linspace(0, 6, n)
    data = Dataset(t, np.sin(t)[:, None], np.array([n]), ("x",))
    assert len(collocate(data, np.ones(n, dtype=bool), np.zeros(1, dtype=bool), smooth=False).t) == points
