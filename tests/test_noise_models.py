"""Noise models: profiled scales and censored values, against SciPy's densities."""

from __future__ import annotations

import numpy as np
import pytest
from scatter import CLEAN, log_density, scattered
from scipy import optimize, stats

from workbench.model.misfit import Misfit, Weights
from workbench.model.pointwise import PointwiseFormulas
from workbench.registry import installed

PROFILED = ("student", "student(2)", "negative-binomial")
CENSORED = ("gaussian", "lognormal", "student")


def one_channel(noise: str, **said: object) -> Misfit:
    made = installed().make("loss", "likelihood")
    return Misfit(made, ("x",), {"x": noise}, np.ones(1), {}, **said)  # type: ignore[arg-type]


# --- profiled scales


@pytest.mark.parametrize("noise", PROFILED)
def test_a_profiled_scale_is_the_likeliest_one(noise: str) -> None:
    y = scattered(noise, np.random.default_rng(5))
    of = one_channel(noise)
    sigma = of.sigma(y[:, None], CLEAN[:, None])[0]
    found = optimize.minimize_scalar(
        lambda u: -log_density(noise, y, CLEAN, np.exp(u), -np.inf), bracket=(-2, 0), method="brent", tol=1e-12
    )
    # a minimum is found to √eps by its values; the slope that we seek passes through 0 to rounding
    assert np.log(sigma) == pytest.approx(found.x, abs=1e-7)
    assert of.total_nll(y[:, None], CLEAN[:, None]) == pytest.approx(found.fun, rel=1e-12)
    slope = of.formulas[0].nll_by_log_sigma(y, CLEAN, sigma)
    assert abs(slope.sum()) < 1e-10 * np.abs(slope).sum()


def test_counts_that_scatter_less_than_poisson_have_no_dispersion() -> None:
    y = np.array([9.0, 10, 11, 10, 10, 9, 10, 11])
    mu = np.full((8, 1), 10.0)
    of = one_channel("negative-binomial")
    assert of.sigma(y[:, None], mu)[0] == pytest.approx(1e-9)  # the floor, in whose reach it is Poisson's
    # a dispersion of 1e-9 changes each of 8 terms by 1e-9·mu²/2 at most
    assert of.value(y[:, None], mu) == pytest.approx(-stats.poisson.logpmf(y, 10.0).sum(), abs=8e-9 * 50)


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_a_scale_is_found_in_any_unit(unit: float) -> None:
    y = scattered("student", np.random.default_rng(5))
    plain = one_channel("student").sigma(y[:, None], CLEAN[:, None])[0]
    scaled = one_channel("student").sigma(y[:, None] * unit, CLEAN[:, None] * unit)[0]
    assert scaled / unit == pytest.approx(plain, rel=1e-10)


@pytest.mark.parametrize("dispersion", [1e-8, 1e-3, 0.0999, 0.1001, 0.7, 20.0])
def test_the_negative_binomial_keeps_its_digits_at_any_dispersion(dispersion: float) -> None:
    formulas = PointwiseFormulas(installed().make("loss", "likelihood").pointwise("negative-binomial"))
    y, mu = np.array([0.0, 1, 7, 30, 400]), np.array([0.2, 3, 7.002, 20, 390])
    found = formulas.nll(y, mu, dispersion)
    import mpmath

    with mpmath.workdps(50):
        k = 1 / mpmath.mpf(dispersion)
        expected = [
            float(
                mpmath.loggamma(k)
                - mpmath.loggamma(a + k)
                + mpmath.loggamma(a + 1)
                - k * mpmath.log(k / (k + m))
                - a * mpmath.log(m / (k + m))
            )
            for a, m in zip(y.tolist(), mu.tolist(), strict=True)
        ]
    # terms up to y·log y = 2400 cancel: 2400·eps·a few
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=3e-12)


@pytest.mark.parametrize("noise", ["poisson", "negative-binomial", "student", "gaussian", "lognormal"])
def test_information_is_the_mean_of_the_squared_score(noise: str) -> None:
    formulas = PointwiseFormulas(installed().make("loss", "likelihood").pointwise(noise))
    mu, sigma = 6.0, 0.4
    if noise in ("poisson", "negative-binomial"):
        y, weight = np.arange(3000.0), np.ones(3000)
    else:
        e = np.linspace(-14, 14, 8001)
        z = np.sinh(e) if noise == "student" else e
        y = mu * np.exp(sigma * z) if noise == "lognormal" else mu + sigma * z
        weight = np.gradient(y, e) * (e[1] - e[0])
    mus = np.full(len(y), mu)
    score = formulas.residual(y, mus, sigma) * formulas.derivative(y, mus, sigma)
    mean = np.sum(weight * np.exp(-formulas.nll(y, mus, sigma)) * score**2)
    assert formulas.information(y[:1], mus[:1], sigma)[0] == pytest.approx(mean, rel=1e-5)  # np.gradient's h²/6


# --- censored values


@pytest.mark.parametrize("noise", CENSORED)
@pytest.mark.parametrize("side", ["lower", "upper"])
def test_a_censored_value_is_worth_its_tail_with_the_slope_of_it(noise: str, side: str) -> None:
    limits = (2.0, np.inf) if side == "lower" else (-np.inf, 2.0)
    of = one_channel(noise, limits={"x": limits})
    mu = np.array([[0.3], [1.9], [2.0], [2.2], [6.0]])
    y = np.full((5, 1), 1.5 if side == "lower" else 3.0)  # what stands beyond the limit does not matter
    at = Weights({0: 0.4})
    z = (np.log(2 / mu) if noise == "lognormal" else 2 - mu) / 0.4
    by = stats.t(4) if noise == "student" else stats.norm
    expected = -(by.logcdf(z) if side == "lower" else by.logsf(z))
    assert of.total_nll(y, mu, {0: 0.4}) == pytest.approx(expected.sum(), rel=1e-12)
    r, slope, _, _ = of.linear(y, mu, at)
    np.testing.assert_allclose(r**2 / 2, expected[:, 0], rtol=1e-12)
    h = 1e-5 * mu
    difference = (of.residuals(y, mu + h, at) - of.residuals(y, mu - h, at)) / (2 * h[:, 0])
    np.testing.assert_allclose(slope, difference, rtol=1e-7, atol=1e-12)
    assert (slope <= 0).all()  # as of a plain residual


def test_a_prediction_beyond_the_limit_agrees_with_a_value_there() -> None:
    of = one_channel("gaussian", limits={"x": (1.0, 5.0)})
    y, mu = np.array([[1.0], [0.0], [1.0], [5.0], [3.0]]), np.array([[0.2], [-9.0], [1.5], [7.0], [9.0]])
    np.testing.assert_array_equal(of.readings(y, mu)[:, 0], [1.0, 0.0, 1.5, 5.0, 9.0])


def test_far_inside_and_far_outside_of_a_limit_residuals_stay_finite() -> None:
    of = one_channel("gaussian", limits={"x": (0.0, np.inf)})
    y, mu = np.zeros((3, 1)), np.array([[-1e3], [1e3], [1e140]])
    r, slope, _, _ = of.linear(y, mu, Weights({0: 1.0}))
    np.testing.assert_allclose(r, [0.0, -1e3, -1e140], rtol=1e-5)  # √(z² + log(2πz²)) is z to 8/z²
    np.testing.assert_allclose(slope, [0.0, -1.0, -1.0], rtol=1e-5)
