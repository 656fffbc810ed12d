"""The tableaus of the Runge–Kutta family against the theory of rooted trees."""

from __future__ import annotations

import inspect
from fractions import Fraction

import numpy as np
import pytest
from workbench_runge_kutta.methods import ESDIRK, METHODS, RADAU, ROSENBROCK, SOLVERS

from workbench.contracts import SolveOptions
from workbench.engine import RosenbrockTableau, Tableau, TableauSolver
from workbench.testing.coefficients import Rounded
from workbench.testing.conditions import Conditions
from workbench.testing.solvers import SolverContract
from workbench.testing.stability import stability_function

Method = Tableau | RosenbrockTableau

ALL = pytest.mark.parametrize("method", [*METHODS, *ESDIRK, *RADAU], ids=lambda method: method.name)
ROWS = pytest.mark.parametrize("method", ROSENBROCK, ids=lambda method: method.name)
STIFF = pytest.mark.parametrize("method", [*ESDIRK, *RADAU, *ROSENBROCK], ids=lambda method: method.name)
EVERY = pytest.mark.parametrize("method", [*METHODS, *ESDIRK, *RADAU, *ROSENBROCK], ids=lambda method: method.name)


def test_every_method_is_offered_with_its_source_and_options() -> None:
    import workbench_runge_kutta

    offers = workbench_runge_kutta.offer_solvers()
    assert [offer.name for offer in offers] == [method.name for method in SOLVERS]
    for offer, method in zip(offers, SOLVERS, strict=True):
        assert offer.source == method.source
        assert set(inspect.signature(offer.make).parameters) >= ({"rtol", "atol"} if method.adaptive else {"step"})


class TestSolvers(SolverContract):
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "offered" in metafunc.fixturenames:
            metafunc.parametrize("offered", [method.name for method in SOLVERS])


@EVERY
def test_every_order_condition_up_to_the_order_holds_and_one_beyond_does_not(method: Method) -> None:
    conditions = Conditions(method)
    for order in range(1, method.order + 1):
        assert conditions.worst(conditions.of.b, order).met, f"order {order}"
    assert conditions.worst(conditions.of.b, method.order + 1).defect > 1e-6


@EVERY
def test_the_embedded_method_has_exactly_its_order(method: Method) -> None:
    conditions = Conditions(method)
    if len(conditions.of.low) != 1:
        pytest.skip("it has no embedded method, or several")
    (low,) = conditions.of.low
    assert method.order_low is not None
    for order in range(1, method.order_low + 1):
        assert conditions.worst(low, order).met, f"order {order}"
    assert conditions.worst(low, method.order_low + 1).defect > 1e-6


def test_the_two_estimates_of_dop853_have_orders_five_and_three() -> None:
    (method,) = [m for m in METHODS if m.name == "dop853"]
    conditions = Conditions(method)
    for low, order in zip(conditions.of.low, (5, 3), strict=True):
        assert conditions.worst(low, order).met
        assert conditions.worst(low, order + 1).defect > 1e-6


@EVERY
def test_the_dense_output_satisfies_its_conditions_at_every_theta(method: Method) -> None:
    conditions = Conditions(method)
    if not conditions.of.dense.exact:
        pytest.skip("cubic Hermite interpolation of slopes that are no stages")
    for order in range(1, min(method.order, method.dense_order) + 1):
        assert conditions.worst_dense(order).met, f"order {order}"


@EVERY
def test_a_changed_digit_breaks_a_condition(method: Method) -> None:
    """The slack for rounding is no cover for a wrong coefficient: 1e-7 in one weight is seen."""
    conditions = Conditions(method)
    (row,), error = conditions.of.b.exact, conditions.of.b.error
    wrong = Rounded([[row[0] + Fraction(1, 10**7), *row[1:]]], error)
    assert not conditions.worst(wrong, 1).met


@ALL
def test_coefficients_that_are_exact_meet_their_conditions_exactly(method: Tableau) -> None:
    conditions = Conditions(method)
    slack = max(conditions.worst(conditions.of.b, order).slack for order in range(1, method.order + 1))
    assert (slack == 0) == (method.digits is None)


@ALL
def test_the_dense_output_joins_smoothly_to_the_next_step(method: Tableau) -> None:
    """dy/dθ at 0 is h k_0 and at 1 is h f(y1): continuous derivatives."""
    if method.fully_implicit:
        pytest.skip("a collocation polynomial has the slopes of its own stages, of which f at the start is none")
    end, error = method.n_stages - 1, Conditions(method).of.dense.error  # (power, stage)
    for i, row in enumerate(method.polynomials):
        assert abs(row[0] - (i == 0)) <= 10 * error[0, i]
        slope = sum((power * x for power, x in enumerate(row, start=1)), Fraction(0))
        assert abs(slope - (i == end)) <= 10 * error[:, i] @ np.arange(1, len(error) + 1)


def test_the_dense_output_of_verner_is_just_short_of_order_seven() -> None:
    """What the tableau says beside its dense_order: 12 of 48 conditions are missed by at most 1.3e-4."""
    (method,) = [m for m in METHODS if m.name == "vern7"]
    found = Conditions(method).worst_dense(7)
    assert not found.met
    assert float(found.defect) == pytest.approx(1.3e-4, abs=0.05e-4)


@STIFF
def test_a_stiff_method_is_a_stable(method: Method) -> None:
    """R has its poles right of 0, and |R(iy)| ≤ 1 since no coefficient of |D|² − |N|² in powers of y² is negative."""
    function = stability_function(method)
    gaps, slack = function.on_imaginary_axis()
    assert min(np.roots([float(x) for x in function.denominator[::-1]]).real) > 0
    assert all(gap >= -10 * slack for gap in gaps)


@STIFF
def test_a_stiffly_accurate_method_is_l_stable(method: Method) -> None:
    """deg N < deg D: R(∞) = 0. ros3p is not stiffly accurate, and has |R(∞)| = 0.73 (Lang & Verwer 2001, section 2)."""
    function = stability_function(method)
    degree = len(function.denominator) - 1
    at_infinity = function.numerator[degree] / function.denominator[degree]
    stiffly_accurate = method.implicit if isinstance(method, Tableau) else method.stiffly_accurate
    if stiffly_accurate:
        assert abs(function.numerator[degree]) <= 10 * function.slack[degree]
    else:
        assert abs(at_infinity) == pytest.approx(0.7321, abs=1e-4)  # √3 − 1
    assert all(
        abs(x) <= 10 * e for x, e in zip(function.numerator[degree + 1 :], function.slack[degree + 1 :], strict=True)
    )


@ROWS
def test_what_a_rosenbrock_method_does_with_time_is_consistent(method: RosenbrockTableau) -> None:
    """α_i = Σ α_ij and γ_i = Σ γ_ij: t is treated as a state with dt/dt = 1 (Hairer & Wanner II, IV.7, (7.5))."""
    of, form = Conditions(method).of, method.classical_form
    for i in range(len(method.m)):
        alpha, gamma = sum(form.alpha[i]), sum(form.gamma[i])
        rounding = 10 * (of.single.error[i].sum() + (0 if method.digits is None else 10.0**-method.digits))
        assert abs(alpha - Fraction(method.alpha[i])) <= rounding
        assert abs(gamma - Fraction(method.gammas[i])) <= rounding


def test_the_stages_of_radau5_are_collocation_and_its_filter_an_eigenvalue() -> None:
    """Σ a_ij c_j^(q−1) = c_i^q/q up to q = 3 (Hairer & Wanner II, IV.5, C(η)), the dense output's slopes likewise."""
    (method,) = RADAU
    c, slack = [Fraction(x) for x in method.c], Fraction(1, 10**38)
    for i, row in enumerate(method.a):
        for q in (1, 2, 3):
            assert abs(sum(Fraction(x) * y ** (q - 1) for x, y in zip(row, c, strict=True)) - c[i] ** q / q) < slack
    for j, row in enumerate(method.polynomials):
        slopes = [sum(p * x * node ** (p - 1) for p, x in enumerate(row, start=1)) for node in c[1:]]
        assert all(abs(slope - (j == i)) < slack for i, slope in enumerate(slopes, start=1))
    g = Fraction(method.filter)  # of A⁻¹: x³ − 9x² + 36x − 60
    assert abs(1 - 9 * g + 36 * g**2 - 60 * g**3) < 100 * slack


def test_r_of_radau5_is_the_pade_approximation_of_degrees_two_and_three() -> None:
    (method,) = RADAU
    found = stability_function(method)
    wanted = [1, Fraction(2, 5), Fraction(1, 20), 0], [1, Fraction(-3, 5), Fraction(3, 20), Fraction(-1, 60)]
    for one, other in zip((found.numerator[:4], found.denominator), wanted, strict=True):
        assert all(abs(x - y) < Fraction(1, 10**38) for x, y in zip(one, other, strict=True))


def test_coefficients_of_radau5_are_those_of_scipy() -> None:
    from scipy.integrate._ivp import radau

    (method,) = RADAU
    arrays = method.arrays
    np.testing.assert_allclose(arrays.c[1:], radau.C, rtol=1e-15)
    np.testing.assert_allclose(1 / arrays.gamma, radau.MU_REAL, rtol=1e-15)
    # the estimate of SciPy is (μ/h − J)⁻¹ (f₀ + Σ E_i Z_i/h) with Z = hAk, ours (I − hγ₀J)⁻¹ h Σ (b_i − b̂_i) k_i
    own = -arrays.errors[0] / arrays.gamma
    np.testing.assert_allclose(own, [1, *(arrays.a[1:, 1:].T @ radau.E)], rtol=1e-14)


def test_coefficients_of_dop853_are_those_of_scipy() -> None:
    from scipy.integrate._ivp import dop853_coefficients as scipy

    (method,) = [m for m in METHODS if m.name == "dop853"]
    arrays = method.arrays
    np.testing.assert_array_equal(arrays.a, scipy.A)
    np.testing.assert_allclose(arrays.errors[1], scipy.E3[:12], atol=1e-16)  # a difference there, exact here
    np.testing.assert_array_equal(arrays.errors[0], scipy.E5[:12])
    np.testing.assert_allclose(arrays.c[:, 0] if arrays.c.ndim == 2 else arrays.c, scipy.C, rtol=1e-15)


def test_a_residual_network_is_eulers_method() -> None:
    """N residual blocks y + f(y) are N Euler steps of length 1, bit for bit."""
    rng = np.random.default_rng(0)
    w = rng.normal(0, 0.3, (4, 4))
    block = lambda t, y, row, middle: np.tanh(y @ w)  # noqa: E731
    y = y0 = rng.normal(size=(1, 4))
    for _ in range(7):
        y = y + np.tanh(y @ w)
    euler = TableauSolver(METHODS[0])
    found = euler.solve(block, y0, np.zeros(1), np.arange(8.0)[None], SolveOptions())
    np.testing.assert_array_equal(found.ys[0, -1], y[0])
    assert found.stats["rhs_calls"] == 7


def test_a_tableau_with_a_wrong_digit_is_refused() -> None:
    with pytest.raises(ValueError, match="sums to"):
        Tableau("x", 2, c=["0", "1/2"], a=[[], ["1/3"]], b=["0", "1"])
    with pytest.raises(ValueError, match="do not sum to 1"):
        Tableau("x", 2, c=["0", "1/2"], a=[[], ["1/2"]], b=["1/8", "1"])
