"""Errors of parameters beside learned terms: the closed form where there is one, and what has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.diagnose import Uncertainty, errors_beside_weights, of_named, standard_errors

NAMES = ("a", "b", "f.w0", "f.w1", "g.w0")
T = np.linspace(0, 1, 40)
TERMS = {"f": np.array([False, False, True, True, False]), "g": np.array([False, False, False, False, True])}


def found(columns: list[np.ndarray], shrink: float = 1e-3, **options: Any) -> Uncertainty:
    jacobian, residuals = np.column_stack(columns), 0.1 * np.cos(50 * T)
    prior = np.where(np.any(list(TERMS.values()), axis=0), shrink, 0.0)
    options.setdefault("priors", np.zeros((0, 5)))
    return errors_beside_weights(residuals, jacobian, NAMES, shrink=prior, terms=TERMS, **options)


APART = [np.ones(40), T, np.sin(5 * T), np.cos(9 * T), np.exp(-3 * T)]


def test_the_covariance_is_that_of_the_ridge_regression() -> None:
    jacobian, prior = np.column_stack(APART), np.diag([0, 0, 1e-3, 1e-3, 1e-3])
    inverse = np.linalg.inv(jacobian.T @ jacobian + prior)
    determined = np.trace(inverse @ jacobian.T @ jacobian)
    variance = np.sum((0.1 * np.cos(50 * T)) ** 2) / (40 - determined)
    uncertainty = found(APART)
    assert uncertainty.dispersion == pytest.approx(variance, rel=1e-12)
    np.testing.assert_allclose(uncertainty.spread, variance * inverse, rtol=1e-9)
    assert uncertainty.reasons == {}
    known = found(APART, dispersion=1.0)
    np.testing.assert_allclose(known.spread, inverse, rtol=1e-9)
    assert known.noise_known


def test_a_prior_of_a_parameter_adds_its_precision_and_settles_what_a_term_could_take() -> None:
    jacobian, rows = np.column_stack(APART), np.array([[0.0, 3.0, 0.0, 0.0, 0.0]])
    inverse = np.linalg.inv(jacobian.T @ jacobian + np.diag([0, 9, 1e-3, 1e-3, 1e-3]))
    uncertainty = found(APART, priors=rows)
    variance = np.sum((0.1 * np.cos(50 * T)) ** 2) / (40 - np.trace(inverse @ jacobian.T @ jacobian))
    np.testing.assert_allclose(uncertainty.spread, variance * inverse, rtol=1e-9)
    settled = found([APART[0], T, APART[2], T + 1e-6 * np.cos(9 * T), APART[4]], priors=rows, dispersion=1.0)
    assert settled.reasons == {}
    # of T the data fix the sum of b and f.w1 alone: what is known of b is what its prior says
    assert settled.stderr[1] == pytest.approx(1 / 3, rel=1e-3)


def test_without_a_prior_to_speak_of_they_are_those_of_least_squares() -> None:
    jacobian, residuals = np.column_stack(APART), 0.1 * np.cos(50 * T)
    plain = standard_errors(residuals, jacobian, NAMES)
    np.testing.assert_allclose(found(APART, shrink=1e-14).stderr, plain.stderr, rtol=1e-6)


def test_a_parameter_that_one_term_can_stand_for_has_no_error_and_the_term_is_named() -> None:
    """b does what f.w1 does, but for a part in a million."""
    uncertainty = found([APART[0], T, APART[2], T + 1e-6 * np.cos(9 * T), APART[4]])
    assert uncertainty.reasons == {"b": "not determined: the learned term f can take its place"}
    assert np.isfinite(uncertainty.stderr[0])
    assert np.isnan(uncertainty.stderr[1])


def test_what_two_terms_can_do_only_together_names_both() -> None:
    uncertainty = found([APART[0], APART[2] + APART[4] + 1e-7 * T, APART[2], APART[3], APART[4]])
    assert uncertainty.reasons == {"b": "not determined: the learned term f or g can take its place"}


def test_parameters_that_act_only_together_say_so_as_they_do_without_terms() -> None:
    uncertainty = found([T, 2 * T, *APART[2:]])
    assert uncertainty.reasons == {
        "a": "not determined on its own: the data fix only a combination of it with b",
        "b": "not determined on its own: the data fix only a combination of it with a",
    }


def test_what_is_held_at_a_bound_or_has_no_effect_is_told_apart() -> None:
    uncertainty = found([np.zeros(40), *APART[1:]], at_bound=["b"])
    assert uncertainty.reasons["a"] == "does not change any fitted value"
    assert uncertainty.reasons["b"].startswith("at its bound")
    assert not uncertainty.spread[:2].any()


def test_of_the_named_alone_a_derived_value_is_open_where_its_parameter_is() -> None:
    weights = np.any(list(TERMS.values()), axis=0)
    named = of_named(found([APART[0], T, APART[2], T + 1e-6 * np.cos(9 * T), APART[4]]), weights)
    assert named.names == ("a", "b")
    errors = named.deviation(np.array([[2.0, 0.0], [1.0, 1.0]]))
    assert errors[0] == pytest.approx(2 * named.stderr[0])
    assert np.isnan(errors[1])
