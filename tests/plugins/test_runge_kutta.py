"""The tableaus of the Runge–Kutta family against the theory of rooted trees."""

from __future__ import annotations

import inspect
from fractions import Fraction

import numpy as np
import pytest
from workbench_runge_kutta.methods import METHODS

from workbench.contracts import SolveOptions
from workbench.engine import Tableau, TableauSolver
from workbench.testing.solvers import SolverContract
from workbench.testing.trees import Conditions

ALL = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


def test_every_method_is_offered_with_its_source_and_options() -> None:
    import workbench_runge_kutta

    offers = workbench_runge_kutta.offer_solvers()
    assert [offer.name for offer in offers] == [method.name for method in METHODS]
    for offer, method in zip(offers, METHODS, strict=True):
        assert offer.source == method.source
        assert set(inspect.signature(offer.make).parameters) >= ({"rtol", "atol"} if method.adaptive else {"step"})


class TestSolvers(SolverContract):
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "offered" in metafunc.fixturenames:
            metafunc.parametrize("offered", [method.name for method in METHODS])


def slack(method: Tableau) -> Fraction:
    """Ten units in the last published digit of the largest coefficient; nothing where coefficients are exact."""
    if method.digits is None:
        return Fraction(0)
    largest = max(abs(Fraction(x)) for row in [*method.a, *method.a_more, method.b] for x in [*row, "1"])
    return 10 * largest * Fraction(1, 10**method.digits)


@ALL
def test_every_order_condition_up_to_the_order_holds_and_one_beyond_does_not(method: Tableau) -> None:
    conditions, b = Conditions(method), [Fraction(x) for x in method.b]
    for order in range(1, method.order + 1):
        assert conditions.defect(b, order) <= slack(method), f"order {order}"
    assert conditions.defect(b, method.order + 1) > 1e-6


@ALL
def test_the_embedded_method_has_exactly_its_order(method: Tableau) -> None:
    if not method.adaptive or len(method.error_weights) > 1:
        pytest.skip("it has no embedded method, or several")
    conditions = Conditions(method)
    (errors,) = method.error_weights
    b = [*map(Fraction, method.b), *[Fraction(0)] * (len(errors) - len(method.b))]
    low = [x - e for x, e in zip(b, errors, strict=True)]
    assert method.order_low is not None
    for order in range(1, method.order_low + 1):
        assert conditions.defect(low, order) <= slack(method), f"order {order}"
    assert conditions.defect(low, method.order_low + 1) > 1e-6


def test_the_two_estimates_of_dop853_have_orders_five_and_three() -> None:
    (method,) = [m for m in METHODS if m.name == "dop853"]
    conditions, b = Conditions(method), [Fraction(x) for x in method.b]
    for errors, order in zip(method.error_weights, (5, 3), strict=True):
        low = [x - e for x, e in zip(b, errors, strict=True)]
        assert conditions.defect(low, order) <= slack(method)
        assert conditions.defect(low, order + 1) > 1e-6


@ALL
def test_the_dense_output_satisfies_its_conditions_at_every_theta(method: Tableau) -> None:
    conditions = Conditions(method)
    for order in range(1, min(method.order, method.dense_order) + 1):
        # the coefficients of dense output are larger than those of the method by what `polynomials` shows
        largest = max(abs(x) for row in method.polynomials for x in row)
        assert conditions.dense_defect(order) <= slack(method) * max(1, largest), f"order {order}"


@ALL
def test_the_dense_output_joins_smoothly_to_the_next_step(method: Tableau) -> None:
    """dy/dθ at 0 is h k_0 and at 1 is h f(y1): continuous derivatives."""
    end = method.n_stages - 1
    largest = max(abs(x) for row in method.polynomials for x in row)
    for i, row in enumerate(method.polynomials):
        assert abs(row[0] - (i == 0)) <= slack(method)
        slope = sum((power * x for power, x in enumerate(row, start=1)), Fraction(0))
        assert abs(slope - (i == end)) <= slack(method) * max(1, largest)


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
