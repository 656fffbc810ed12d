"""The misfit: each loss by its definition, its residuals against its gradient, and values that are missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from workbench.contracts import Pointwise
from workbench.errors.numerics import NoFiniteSolution
from workbench.errors.usage import UsageError
from workbench.model.misfit import Misfit
from workbench.model.pointwise import PointwiseFormulas
from workbench.registry import installed

LOSSES = [("mse", "gaussian"), ("mae", "gaussian"), ("huber", "gaussian")] + [
    ("likelihood", noise) for noise in ("gaussian", "lognormal", "student", "poisson", "negative-binomial")
]
N, CHANNELS = 12, ("first", "second")


def misfit(loss: str, noise: str = "gaussian", scales: Mapping[str, float] | None = None, **settings: float) -> Misfit:
    made = installed().make("loss", loss, settings)
    return Misfit(made, CHANNELS, dict.fromkeys(CHANNELS, noise), np.array([1.0, 1.0]), scales or {})


@pytest.fixture
def observed(rng: np.random.Generator) -> np.ndarray:
    """Positive whole numbers, so that every noise admits them; three values are missing."""
    values = rng.poisson(6.0, (N, 2)) + 1.0
    values[[0, 4, 4], [1, 0, 1]] = np.nan
    return values


@pytest.fixture
def predicted(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(2.0, 12.0, (N, 2))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def gradient(of: Misfit, values: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """∂value/∂mu by residuals and their slopes (observation, channel)."""
    r, slope, observation, channel = of.linear(values, predicted, of.weights(values, predicted))
    g = np.zeros_like(predicted)
    g[observation, channel] = r * slope
    return g


def differences(of: Misfit, values: np.ndarray, predicted: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """∂value/∂mu by central differences."""
    g = np.zeros_like(predicted)
    for entry in np.ndindex(predicted.shape):
        step = np.zeros_like(predicted)
        step[entry] = h
        g[entry] = (of.value(values, predicted + step) - of.value(values, predicted - step)) / (2 * h)
    return g


# --- values


def test_mse_mae_and_huber_are_the_means_of_their_definitions(observed: np.ndarray, predicted: np.ndarray) -> None:
    e = (observed - predicted)[np.isfinite(observed)]
    huber = np.where(abs(e) <= 1.5, e**2 / 2, 1.5 * (abs(e) - 0.75))
    for found, expected in [
        (misfit("mse"), np.mean(e**2)),
        (misfit("mae"), np.mean(abs(e))),
        (misfit("huber", delta=1.5), np.mean(huber)),
    ]:
        assert found.value(observed, predicted) == pytest.approx(expected, rel=1e-14)


def test_spread_divides_each_channels_errors(observed: np.ndarray, predicted: np.ndarray) -> None:
    made = installed().make("loss", "mse")
    found = Misfit(made, CHANNELS, {}, np.array([2.0, 10.0]), {}).value(observed, predicted)
    assert found == pytest.approx(np.nanmean(((observed - predicted) / [2.0, 10.0]) ** 2), rel=1e-14)


def density(noise: str, y: np.ndarray, mu: np.ndarray, sigma: float) -> float:
    """Σ log density by SciPy."""
    if noise == "gaussian":
        return float(stats.norm.logpdf(y, mu, sigma).sum())
    if noise == "lognormal":
        return float(stats.lognorm.logpdf(y, s=sigma, scale=mu).sum())
    return float(stats.poisson.logpmf(y, mu).sum())


@pytest.mark.parametrize("noise", ["gaussian", "lognormal", "poisson"])
@pytest.mark.parametrize("given", [None, 0.7])
def test_the_likelihood_is_that_of_scipy_with_given_and_with_profiled_scales(
    noise: str, given: float | None, observed: np.ndarray, predicted: np.ndarray
) -> None:
    of = misfit("likelihood", noise, {} if given is None else dict.fromkeys(CHANNELS, given))
    expected = 0.0
    for y, mu in zip(observed.T, predicted.T, strict=True):
        seen = np.isfinite(y)
        y, mu = y[seen], mu[seen]
        e = np.log(y / mu) if noise == "lognormal" else y - mu
        expected -= density(noise, y, mu, given or float(np.sqrt(np.mean(e**2))))
    # a sum of 2 N terms of size 10, each good to a few eps
    assert of.value(observed, predicted) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("noise", ["gaussian", "lognormal"])
def test_no_other_scale_is_likelier_than_the_profiled_one(
    noise: str, observed: np.ndarray, predicted: np.ndarray
) -> None:
    of = misfit("likelihood", noise)
    best = of.sigma(observed, predicted)
    least = of.value(observed, predicted)
    for factor in (0.9, 0.999, 1.001, 1.1):
        for i in best:
            assert of.total_nll(observed, predicted, {**best, i: best[i] * factor}) > least


def test_half_of_poissons_squared_residual_is_its_likelihood_up_to_a_constant() -> None:
    y, mu = np.array([0.0, 0.0, 1.0, 5.0, 5.0, 300.0]), np.array([1e-3, 4.0, 3.0, 5.0, 5.004, 250.0])
    formulas = PointwiseFormulas(installed().make("loss", "likelihood").pointwise("poisson"))
    half = formulas.residual(y, mu, 1.0) ** 2 / 2
    best = np.maximum(y, 1e-300)
    nll = -stats.poisson.logpmf(y, mu) + stats.poisson.logpmf(y, best)
    # the right side is a difference of terms up to y log y = 1700: 1700·eps·a few
    np.testing.assert_allclose(half, nll, atol=2e-12, rtol=1e-12)


# --- residuals and derivatives


@pytest.mark.parametrize(("loss", "noise"), LOSSES)
def test_residuals_and_their_slopes_give_the_gradient_of_the_value(
    loss: str, noise: str, observed: np.ndarray, predicted: np.ndarray
) -> None:
    of = misfit(loss, noise)
    # central differences: h²/6 of a third derivative below 1, and eps·|value|/h with |value| < 100
    atol = 1e-10 / 6 + 100 * 2.3e-16 / 1e-5
    np.testing.assert_allclose(
        gradient(of, observed, predicted), differences(of, observed, predicted), atol=atol, rtol=1e-8
    )


@pytest.mark.parametrize(
    ("y", "mu"), [(0.0, 3.0), (0.0, 1e-6), (5.0, 5.0), (5.0, 5.0 + 1e-12), (4.0, 9.0), (1e6, 1e6 + 3)]
)
def test_poissons_residual_has_its_slope_for_no_counts_and_where_counts_are_met(y: float, mu: float) -> None:
    formulas = PointwiseFormulas(installed().make("loss", "likelihood").pointwise("poisson"))
    y_, mu_ = np.array([y]), np.array([mu])
    r, slope = formulas.residual(y_, mu_, 1.0)[0], formulas.derivative(y_, mu_, 1.0)[0]
    # r·∂r/∂mu is the derivative of the likelihood, 1 − y/mu, whose own difference cancels eps·y/mu
    assert r * slope == pytest.approx((mu - y) / mu, rel=1e-9, abs=1e-15)
    if y == mu:
        assert r == 0.0
        assert slope == pytest.approx(-1 / np.sqrt(mu), rel=1e-15)
    if y == 0:
        assert r == pytest.approx(-np.sqrt(2 * mu), rel=1e-15)
        assert slope == pytest.approx(-1 / np.sqrt(2 * mu), rel=1e-15)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("mu", [0.5, 7.0, 900.0])
def test_poissons_series_and_closed_form_meet_where_one_hands_over_to_the_other(side: int, mu: float) -> None:
    formulas = PointwiseFormulas(installed().make("loss", "likelihood").pointwise("poisson"))
    d = np.array([1e-3 * (1 - 1e-9), 1e-3 * (1 + 1e-9)]) * side
    mu_ = np.full(2, mu)
    r, slope = formulas.residual(mu_ * (1 + d), mu_, 1.0), formulas.derivative(mu_ * (1 + d), mu_, 1.0)
    # the closed form loses eps/d² = 2e-10 of its digits there, the series is exact to d⁴ = 1e-12
    assert r[1] / r[0] - 1 == pytest.approx(2e-9, abs=1e-9)
    assert slope[1] / slope[0] - 1 == pytest.approx(0.0, abs=1e-9)


def test_a_declared_derivative_is_the_derivative_of_the_residual() -> None:
    y, mu = np.array([0.5, 3.0, 8.0]), np.array([1.5, 2.0, 9.0])
    for loss, noise in LOSSES:
        formulas = PointwiseFormulas(installed().make("loss", loss).pointwise(noise))
        h = 1e-6 * mu
        central = (formulas.residual(y, mu + h, 0.7) - formulas.residual(y, mu - h, 0.7)) / (2 * h)
        np.testing.assert_allclose(formulas.derivative(y, mu, 0.7), central, rtol=1e-8)


def test_without_a_declared_derivative_the_formula_is_differentiated() -> None:
    formulas = PointwiseFormulas(Pointwise("cubes", residual="(y - mu)^3/sigma"))
    found = formulas.derivative(np.array([3.0]), np.array([1.0]), 2.0)
    assert found[0] == pytest.approx(-3 * 2.0**2 / 2, rel=1e-15)


# --- missing values, supports, weights


@pytest.mark.parametrize(("loss", "noise"), LOSSES)
def test_a_missing_value_changes_nothing_even_where_its_prediction_is_not_finite(
    loss: str, noise: str, observed: np.ndarray, predicted: np.ndarray
) -> None:
    of = misfit(loss, noise)
    poisoned = np.where(np.isfinite(observed), predicted, np.nan)
    assert of.value(observed, poisoned) == of.value(observed, predicted)
    np.testing.assert_array_equal(
        gradient(of, observed, poisoned)[np.isfinite(observed)],
        gradient(of, observed, predicted)[np.isfinite(observed)],
    )
    assert np.isfinite(gradient(of, observed, poisoned)).all()


@pytest.mark.parametrize(("loss", "noise"), LOSSES)
def test_a_channel_without_any_value_counts_for_nothing(
    loss: str, noise: str, observed: np.ndarray, predicted: np.ndarray
) -> None:
    alone = observed.copy()
    alone[:, 1] = np.nan
    made = installed().make("loss", loss)
    one = Misfit(made, ("first",), {"first": noise}, np.ones(1), {})
    assert misfit(loss, noise).value(alone, predicted) == one.value(observed[:, :1], predicted[:, :1])


@pytest.mark.parametrize(("loss", "noise"), LOSSES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_worth_inf_and_has_no_residuals(
    loss: str, noise: str, bad: float, observed: np.ndarray, predicted: np.ndarray
) -> None:
    predicted[2, 0] = bad
    assert misfit(loss, noise).value(observed, predicted) == np.inf
    with pytest.raises(NoFiniteSolution, match="first is not finite"):
        misfit(loss, noise).check(observed, predicted)


@pytest.mark.parametrize("noise", ["lognormal", "poisson"])
def test_a_prediction_outside_the_support_of_its_noise_is_worth_inf(
    noise: str, observed: np.ndarray, predicted: np.ndarray
) -> None:
    predicted[2, 1] = -1.0
    assert misfit("likelihood", noise).value(observed, predicted) == np.inf
    with pytest.raises(NoFiniteSolution, match=f"second leaves the support of {noise}"):
        misfit("likelihood", noise).check(observed, predicted)


def test_a_perfect_fit_has_a_finite_likelihood() -> None:
    y = np.array([[1.0, 2.0], [3.0, 4.0]])
    for noise in ("gaussian", "lognormal", "poisson"):
        assert np.isfinite(misfit("likelihood", noise).value(y, y))


@pytest.mark.parametrize(("loss", "noise"), LOSSES)
def test_frozen_weights_make_half_a_sum_of_squares_with_the_gradient_of_the_value(
    loss: str, noise: str, observed: np.ndarray, predicted: np.ndarray
) -> None:
    of = misfit(loss, noise)
    weights = of.weights(observed, predicted)
    r, slope, observation, channel = of.linear(observed, predicted, weights)
    assert of.value(observed, predicted, weights) == pytest.approx(0.5 * float(r @ r), rel=1e-14)
    # moved, the weights stay: residuals of a difference move by slope·h exactly
    moved = predicted + 1e-3
    if noise == "gaussian":
        np.testing.assert_allclose(of.residuals(observed, moved, weights), r + 1e-3 * slope, rtol=1e-12, atol=1e-14)
    assert len(r) == np.isfinite(observed).sum() == len(observation) == len(channel)


def test_robust_weights_never_blow_up_where_a_residual_vanishes() -> None:
    y = np.array([[1.0, 2.0], [3.0, 4.0]])
    weights = misfit("mae").weights(y, y + np.array([[0.0, 1.0], [0.5, 0.2]]))
    assert weights.robust is not None
    # below a thousandth of the median error 0.35 the weight stays that of 0.00035
    assert weights.robust[0] == pytest.approx(np.sqrt(0.5 / 0.00035), rel=1e-12)


def test_the_likelihood_names_the_kinds_of_noise_that_it_knows() -> None:
    with pytest.raises(UsageError, match="gaussian, lognormal, poisson"):
        misfit("likelihood", "cauchy")


@pytest.mark.parametrize("loss", ["mse", "huber", "mae"])
def test_a_prediction_too_large_to_square_is_never_nan(loss: str, observed: np.ndarray, predicted: np.ndarray) -> None:
    predicted[2, 0] = 1e200
    assert misfit(loss).value(observed, predicted) > 1e190
