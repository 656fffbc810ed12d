"""Methods as data refuse what cannot be a method, and say which coefficient is wrong."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from workbench.engine import RosenbrockTableau, Tableau

TRAPEZOID: dict[str, Any] = {
    "name": "trapezoid",
    "order": 2,
    "c": ["0", "1"],
    "a": [["0"], ["1/2", "1/2"]],
    "b": ["1/2", "1/2"],
}
# two stages, order 2 and L-stable for gamma = 1 − 1/√2; of order 2 for every gamma (Hairer & Wanner II, IV.7, (7.10))
TWO_STAGES: dict[str, Any] = {
    "name": "ros2",
    "order": 2,
    "gamma": "1/4",
    "alpha": [[], ["1"]],
    "gammas": [[], ["-1/2"]],
    "b": ["1/2", "1/2"],
    "b_low": ["1", "0"],
}


def test_a_diagonal_makes_a_tableau_implicit() -> None:
    method = Tableau(**TRAPEZOID)
    assert method.implicit
    assert method.gamma == Fraction(1, 2)
    assert method.fsal
    assert method.n_stages == 2
    np.testing.assert_array_equal(method.arrays.a, [[0, 0], [0.5, 0.5]])
    explicit = Tableau("euler", 1, c=["0"], a=[[]], b=["1"])
    assert not explicit.implicit
    assert explicit.gamma == 0


LOBATTO: dict[str, Any] = {  # Lobatto IIIA of order 4: Hairer & Wanner II, IV.5, table 5.7
    "name": "lobatto4",
    "order": 4,
    "c": ["0", "1/2", "1"],
    "a": [["0", "0", "0"], ["5/24", "1/3", "-1/24"], ["1/6", "2/3", "1/6"]],
    "b": ["1/6", "2/3", "1/6"],
}


def test_full_rows_make_a_tableau_fully_implicit() -> None:
    method = Tableau(**LOBATTO)
    assert method.implicit
    assert method.fully_implicit
    assert method.fsal
    assert method.gamma == 0
    assert Tableau(**LOBATTO, filter="1/4").gamma == Fraction(1, 4)
    assert not Tableau(**TRAPEZOID).fully_implicit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": [["1/2", "1/2", "-1"], *LOBATTO["a"][1:]]}, "first stage of a fully implicit method is explicit"),
        ({"b": ["1/6", "1/6", "2/3"]}, "last row of a fully implicit method equals b"),
        ({"filter": "-1/4"}, "filter is a number above 0"),
        ({"a": [["0", "0", "0"], ["1/2", "0", "0"], ["1/6", "2/3"]]}, "or of 3 if it is fully implicit"),
    ],
)
def test_a_wrong_fully_implicit_tableau_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tableau(**LOBATTO | change)


def test_only_the_error_of_a_fully_implicit_method_has_a_filter() -> None:
    with pytest.raises(ValueError, match="of a fully implicit method"):
        Tableau(**TRAPEZOID, filter="1/2")
    with pytest.raises(ValueError, match="only the error of a fully implicit method has a filter"):
        Tableau("euler", 1, c=["0"], a=[[]], b=["1"], filter="1/2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": [["1/2"], ["1/2", "1/2"]]}, "first stage of a diagonally implicit method is explicit"),
        ({"a": [["0"], ["1", "0"]], "b": ["1", "0"]}, "share one diagonal entry above 0"),
        ({"a": [["0"], ["1/4", "3/4"]]}, "last row of a diagonally implicit method equals b"),
        ({"a": [["0"], ["1/2", "1/2", "0"]]}, "need 2 nodes and rows of 0 … 1 entries, of 1 … 2 with"),
        ({"c": ["0", "1/2"]}, "sums to 1.0"),
        ({"c_more": ["1/2"], "a_more": [["1/4", "1/4"]]}, "only explicit methods have further stages"),
    ],
)
def test_a_wrong_implicit_tableau_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tableau(**TRAPEZOID | change)


def test_a_node_outside_the_step_is_refused() -> None:
    with pytest.raises(ValueError, match="c = 5/4 lies outside the step"):
        Tableau("x", 1, c=["0", "5/4"], a=[[], ["5/4"]], b=["1", "0"])


@pytest.mark.parametrize(("low", "power"), [(None, 5), (3, 4), (4, 5), (6, 6)])
def test_the_error_estimate_has_the_order_of_the_worse_of_two_methods(low: int | None, power: int) -> None:
    method = Tableau("x", 5, c=["0"], a=[[]], b=["1"], order_low=low)
    assert method.error_power == power


def test_the_classical_form_of_a_rosenbrock_method_comes_back_exactly() -> None:
    method = RosenbrockTableau.classical(**TWO_STAGES)
    form = method.classical_form
    assert form.alpha == ((0, 0), (1, 0))
    assert form.gamma == ((Fraction(1, 4), 0), (Fraction(-1, 2), Fraction(1, 4)))
    assert form.b == (Fraction(1, 2), Fraction(1, 2))
    assert form.errors == ((Fraction(-1, 2), Fraction(1, 2)),)
    assert method.gammas == ("1/4", "-1/4")
    assert method.adaptive
    assert not method.stiffly_accurate


def test_the_transformed_form_gives_the_step_of_the_classical_form() -> None:
    """On y' = λy, z = hλ: (1/γ − z) k_i = λ(y + h Σ a_ij k_j) + Σ c_ij k_j against k_i = λ(y + h Σ (α + γ)_ij k_j)."""
    method = RosenbrockTableau.classical(**TWO_STAGES)
    data, form, z = method.arrays, method.classical_form, -0.7
    k = np.zeros(2)
    for i in range(2):
        k[i] = (z * (1 + data.a[i] @ k) + data.c[i] @ k) / (1 / data.gamma - z)
    beta = np.array(form.alpha, dtype=float) + np.array(form.gamma, dtype=float)
    slopes = np.linalg.solve(np.eye(2) - z * beta, z * np.ones(2))
    # a 2 × 2 solve of numbers of size 1: a few rounding errors of 1e-16
    assert 1 + data.m @ k == pytest.approx(1 + np.array(form.b, dtype=float) @ slopes, abs=1e-15)


def test_the_dense_output_of_a_rosenbrock_method_is_transformed_too() -> None:
    method = RosenbrockTableau.classical(**TWO_STAGES, dense=[["1", "-1/2"], ["0", "1/2"]])
    assert method.classical_form.dense == ((1, Fraction(-1, 2)), (0, Fraction(1, 2)))
    assert method.arrays.w.shape == (2, 2)
    np.testing.assert_allclose(method.arrays.w.sum(axis=1), method.arrays.m, rtol=1e-15)
    assert RosenbrockTableau.classical(**TWO_STAGES).arrays.w.shape == (2, 0)


def changed(**change: Any) -> RosenbrockTableau:
    import dataclasses

    return dataclasses.replace(RosenbrockTableau.classical(**TWO_STAGES), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": ["0", "1/2"]}, "α_2 is 0.5 and the coefficients give 1.0"),
        ({"gammas": ["1/4", "1/4"]}, "γ_2 / γ - 1 is 0.0 and the coefficients give -2.0"),
        ({"alpha": ["0"]}, "alpha has 1 entries for 2 stages"),
        ({"gamma": "0"}, "a number above 0"),
        ({"m": ["4", "1"]}, "Σ b is 1.0"),
        ({"m": ["4"]}, "1 weights m need rows of 0 … 0 entries in a and c"),
        ({"errors": [["1", "0"]]}, "error weights is 0.0"),
        ({"dense": [["3"]]}, "needs 2 rows"),
        ({"dense": [["3"], ["3"]]}, "does not meet y1"),
    ],
)
def test_a_wrong_rosenbrock_method_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(**change)


def test_a_rosenbrock_node_outside_the_step_is_refused() -> None:
    with pytest.raises(ValueError, match="α_2 = 3/2 lies outside the step"):
        RosenbrockTableau.classical(**TWO_STAGES | {"alpha": [[], ["3/2"]], "order": 1})
