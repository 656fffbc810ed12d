"""Standard errors against published values, against reparametrised fits and against simulation."""

import json

import numpy as np
import pytest

from workbench.diagnose import standard_errors

# Reaction velocity against substrate concentration, enzyme treated with puromycin: Treloar (1974), MSc thesis,
# University of Toronto; Bates & Watts (1988), Nonlinear Regression Analysis and Its Applications, table A1.3.
CONCENTRATION = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10])
VELOCITY = np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])


def michaelis_menten(vm, k):
    """Residuals and their Jacobian in (Vm, K)."""
    share = CONCENTRATION / (k + CONCENTRATION)
    return vm * share - VELOCITY, np.column_stack([share, -vm * share / (k + CONCENTRATION)])


def fitted():
    x = np.array([200.0, 0.1])
    for _ in range(50):
        r, jacobian = michaelis_menten(*x)
        x = x + np.linalg.lstsq(jacobian, -r)[0]
    return x, *michaelis_menten(*x)


def test_puromycin_agrees_with_the_published_standard_errors():
    x, r, jacobian = fitted()
    found = standard_errors(r, jacobian, ["Vm", "K"])
    table = found.parameters(x)
    # R 4.3, summary(nls(rate ~ Vm*conc/(K + conc), Puromycin, state == "treated")): four digits are printed
    assert table["Vm"]["value"] == pytest.approx(212.7, abs=0.05)
    assert table["K"]["value"] == pytest.approx(0.06412, abs=5e-6)
    assert table["Vm"]["stderr"] == pytest.approx(6.947, abs=5e-4)
    assert table["K"]["stderr"] == pytest.approx(0.008281, abs=5e-7)
    assert np.sqrt(found.dispersion) == pytest.approx(10.93, abs=5e-3)
    assert found.degrees_of_freedom == 10
    # Student's t on 10 degrees of freedom: 2.228139
    assert table["Vm"]["ci95"] == pytest.approx([212.68374 - 2.228139 * 6.94716, 212.68374 + 2.228139 * 6.94716], 1e-5)


def test_the_scale_of_the_residuals_does_not_matter_so_profiled_noise_gives_the_same_errors():
    _, r, jacobian = fitted()
    sigma = np.sqrt(np.mean(r**2))  # profiled on n
    plain, scaled = (standard_errors(r / s, jacobian / s, ["Vm", "K"]) for s in (1.0, sigma))
    np.testing.assert_allclose(plain.covariance, scaled.covariance, rtol=1e-10)
    assert scaled.dispersion == pytest.approx(12 / 10)  # n/(n − p)


def test_channels_of_different_noise_weigh_by_their_own_scale():
    rng = np.random.default_rng(0)
    jacobian = rng.normal(size=(60, 2))
    r = np.concatenate([rng.normal(size=40), 10 * rng.normal(size=20)])
    sigma = np.repeat([np.sqrt(np.mean(r[:40] ** 2)), np.sqrt(np.mean(r[40:] ** 2))], [40, 20])
    found = standard_errors(r / sigma, jacobian / sigma[:, None], ["a", "b"])
    wanted = np.linalg.inv(jacobian.T @ (jacobian / sigma[:, None] ** 2)) * 60 / 58
    np.testing.assert_allclose(found.covariance, wanted, rtol=1e-10)


def test_the_delta_method_gives_what_a_fit_of_the_logarithms_gives():
    x, r, jacobian = fitted()
    logarithmic = standard_errors(r, jacobian * x, ["Vm", "K"])
    table = logarithmic.parameters(np.log(x), np.exp, x)
    plain = standard_errors(r, jacobian, ["Vm", "K"]).parameters(x)
    for name in ("Vm", "K"):
        assert table[name]["stderr"] == pytest.approx(plain[name]["stderr"], rel=1e-10)
        low, high = table[name]["ci95"]
        assert np.sqrt(low * high) == pytest.approx(table[name]["value"], rel=1e-10)  # symmetric in the logarithm
        assert low > 0


def test_a_falling_transform_keeps_the_ends_of_an_interval_in_order():
    x, r, jacobian = fitted()
    table = standard_errors(r, jacobian, ["Vm", "K"]).parameters(x, lambda x: 1 / x, -1 / x**2)
    low, high = table["Vm"]["ci95"]
    assert low < table["Vm"]["value"] < high


def test_a_function_of_the_unknowns_gets_its_error_by_the_delta_method():
    x, r, jacobian = fitted()
    errors = standard_errors(r, jacobian, ["Vm", "K"])
    found = errors.derived(["slope"], np.array([x[0] / x[1]]), np.array([[1 / x[1], -x[0] / x[1] ** 2]]))
    # the same model written in (slope, K): Vm = slope·K
    again = standard_errors(r, jacobian @ np.array([[x[1], x[0] / x[1]], [0, 1]]), ["slope", "K"])
    assert found["slope"]["stderr"] == pytest.approx(float(again.stderr[0]), rel=1e-10)


def test_two_unknowns_that_only_act_together_have_no_error_and_the_third_keeps_its_own():
    rng = np.random.default_rng(2)
    shared, own = rng.normal(size=(2, 30))
    r = rng.normal(size=30)
    found = standard_errors(r, np.column_stack([shared, 3 * shared, own]), ["a", "b", "c"])
    table = found.parameters(np.zeros(3))
    assert found.rank == 2
    assert table["a"]["stderr"] is None
    assert table["a"]["ci95"] is None
    assert "combination of it with b" in table["a"]["reason"]
    reduced = standard_errors(r, np.column_stack([shared, own]), ["ab", "c"])
    assert table["c"]["stderr"] == pytest.approx(float(reduced.stderr[1]), rel=1e-8)
    json.dumps(found.as_json() | table, allow_nan=False)


def test_an_unknown_without_effect_is_named():
    found = standard_errors(np.ones(5), np.column_stack([np.arange(5.0), np.zeros(5)]), ["a", "idle"])
    assert found.parameters(np.zeros(2))["idle"]["reason"] == "does not change any fitted value"
    assert np.isfinite(found.stderr[0])


def test_an_unknown_at_its_bound_is_held_and_the_rest_are_given_it():
    x, r, jacobian = fitted()
    found = standard_errors(r, jacobian, ["Vm", "K"], at_bound=["K"])
    alone = standard_errors(r, jacobian[:, :1], ["Vm"])
    assert found.parameters(x)["K"]["reason"].startswith("at its bound")
    assert found.stderr[0] == pytest.approx(alone.stderr[0])
    assert found.degrees_of_freedom == 11


def test_without_degrees_of_freedom_there_are_no_errors():
    found = standard_errors(np.zeros(2), np.eye(2), ["a", "b"])
    table = found.parameters(np.ones(2))
    assert table["a"]["stderr"] is None
    assert "2 unknowns, 2 values" in table["a"]["reason"]


def test_more_unknowns_than_values_are_never_determined():
    rng = np.random.default_rng(4)
    found = standard_errors(rng.normal(size=3), rng.normal(size=(3, 5)), list("abcde"))
    assert all(one["stderr"] is None for one in found.parameters(np.zeros(5)).values())
    json.dumps(found.as_json(), allow_nan=False)


def test_known_noise_uses_the_normal_distribution():
    found = standard_errors(np.zeros(4), np.ones((4, 1)), ["mean"], dispersion=1.0)
    assert found.parameters(np.array([2.0]))["mean"]["ci95"] == pytest.approx([2 - 1.959964 / 2, 2 + 1.959964 / 2])


def test_the_band_of_a_mean_is_its_interval_and_noise_widens_it():
    r = np.array([1.0, -1.0, 2.0, -2.0])
    found = standard_errors(r, np.ones((4, 1)), ["mean"])
    low, high = found.bands(np.zeros((2, 3)), np.ones((2, 3, 1)))
    ends = found.parameters(np.zeros(1))["mean"]["ci95"]
    np.testing.assert_allclose([low[0, 0], high[1, 2]], ends)
    s = np.sqrt(found.dispersion)
    low, _ = found.bands(np.zeros(1), np.ones((1, 1)), noise=s)
    assert low[0] == pytest.approx(-found.quantile() * s * np.sqrt(1 + 1 / 4))  # the textbook's √(1 + 1/n)


def test_correlation_is_that_of_the_estimates():
    rng = np.random.default_rng(6)
    x = rng.normal(size=40)
    found = standard_errors(rng.normal(size=40), np.column_stack([np.ones(40), x]), ["level", "slope"])
    wanted = -x.mean() / np.sqrt(np.mean(x**2))  # simple linear regression
    assert found.correlation[0, 1] == pytest.approx(wanted, rel=1e-10)


def test_intervals_of_a_decay_rate_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(7)
    t, truth, covered, trials = np.linspace(0, 3, 15), np.log([2.0, 0.8]), 0, 400
    for _ in range(trials):
        y = 2 * np.exp(-0.8 * t) + 0.1 * rng.normal(size=t.size)
        x = truth.copy()
        for _ in range(12):  # Gauss–Newton in the logarithms of size and rate
            f = np.exp(x[0] - np.exp(x[1]) * t)
            jacobian = np.column_stack([f, -f * t * np.exp(x[1])])
            x = x + np.linalg.lstsq(jacobian, y - f)[0]
        f = np.exp(x[0] - np.exp(x[1]) * t)
        table = standard_errors(f - y, jacobian, ["size", "rate"]).parameters(x, np.exp, np.exp(x))
        low, high = table["rate"]["ci95"]
        covered += low <= 0.8 <= high
    # binomial: .95 ± 4·√(.95·.05/400) = .95 ± .044
    assert 0.906 <= covered / trials <= 0.994


def test_the_product_of_two_unknowns_that_only_act_together_has_an_error():
    rng = np.random.default_rng(8)
    t, a, b = np.linspace(0, 1, 20), 2.0, 3.0
    r = rng.normal(size=20)
    errors = standard_errors(r, np.column_stack([b * t, a * t]), ["a", "b"])  # the model is a·b·t
    found = errors.derived(["product", "sum"], np.array([a * b, a + b]), np.array([[b, a], [1.0, 1.0]]))
    assert found["product"]["stderr"] == pytest.approx(float(standard_errors(r, t[:, None], ["ab"]).stderr[0]))
    assert found["sum"]["stderr"] is None
    assert "do not determine" in found["sum"]["reason"]
    low, high = errors.bands(a * b * t, np.column_stack([b * t, a * t]))
    assert np.all(np.isfinite(low))
    assert np.all(low <= high)


def test_a_band_takes_an_unknown_at_its_bound_as_given():
    _, r, jacobian = fitted()
    errors = standard_errors(r, jacobian, ["Vm", "K"], at_bound=["K"])
    alone = standard_errors(r, jacobian[:, :1], ["Vm"])
    np.testing.assert_allclose(
        errors.bands(VELOCITY, jacobian)[0], alone.bands(VELOCITY, jacobian[:, :1])[0], rtol=1e-12
    )
