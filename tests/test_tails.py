"""The tail of a distribution on the log scale: against 40 digits, and against its own differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from workbench.model.tails import tail

FREEDOMS = (np.inf, 4.0, 1.5, 30.0)
Z = np.array([-300.0, -40.0, -5.0, -1.001, -0.999, -1e-3, 0.0, 0.3, 2.0, 6.0, 12.0])


def exact(z: float, freedom: float) -> mpmath.mpf:
    """−log F(z) by arithmetic of 80 digits."""
    with mpmath.workdps(80):
        z, n = mpmath.mpf(z), mpmath.mpf(freedom)
        if np.isinf(freedom):
            beyond = mpmath.erfc(abs(z) / mpmath.sqrt(2)) / 2
        else:
            beyond = mpmath.betainc(n / 2, mpmath.mpf("0.5"), 0, n / (n + z * z), regularized=True) / 2
        return -mpmath.log(beyond) if z < 0 else -mpmath.log1p(-beyond)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_the_tail_is_that_of_forty_digits_on_both_sides(freedom: float) -> None:
    found = tail(Z, freedom)[0]
    expected = np.array([float(exact(z, freedom)) for z in Z])
    # erfc, erfcx and the incomplete beta function are good to about 20 eps
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_its_derivatives_are_those_of_the_exact_one(freedom: float) -> None:
    _, first, second = tail(Z, freedom)
    with mpmath.workdps(80):
        for z, one, two in zip(Z, first, second, strict=True):
            slope = float(mpmath.diff(lambda v: exact(v, freedom), z, h=mpmath.mpf("1e-20")))
            bend = float(mpmath.diff(lambda v: exact(v, freedom), z, 2, h=mpmath.mpf("1e-20")))
            assert one == pytest.approx(slope, rel=1e-12)
            # h(h + z) cancels two numbers of size |z|: eps·z²
            assert two == pytest.approx(max(bend, 0.0), rel=1e-11, abs=4e-16 * z * z)


def test_students_tail_is_exact_to_where_its_probability_underflows() -> None:
    found, first, _ = tail(np.array([-1e7, -1e9, -1e100, -1e200]), 4.0)
    expected = [float(exact(z, 4.0)) for z in (-1e7, -1e9, -1e100, -1e200)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    # far out F ~ |z|^-4, so that (log F)' = 4/|z|
    np.testing.assert_allclose(-first * np.array([1e7, 1e9, 1e100, 1e200]), 4.0, rtol=1e-12)


def test_a_normal_tail_is_finite_as_far_as_its_square_is() -> None:
    nll, first, second = tail(np.array([-1e150, 40.0, 1e300]))
    np.testing.assert_allclose(nll[0], 0.5e300, rtol=1e-15)
    assert first[0] == pytest.approx(-1e150)
    assert nll[2] == first[2] == second[2] == 0.0
