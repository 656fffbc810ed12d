"""The mathematics of truth recovery, on systems whose fixed points, periods and exponents are known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.diagnose.fixed_points import eigenvalue_error, fixed_points
from workbench.diagnose.lyapunov import largest_exponent
from workbench.diagnose.oscillation import period
from workbench.diagnose.vector_field import field_error


def lorenz(y: np.ndarray) -> np.ndarray:
    x, v, z = y.T
    return np.stack([10 * (v - x), x * (28 - z) - v, x * v - 8 / 3 * z], axis=1)


def lorenz_jacobian(y: np.ndarray) -> np.ndarray:
    x, v, z = y.T
    j = np.zeros((len(y), 3, 3))
    j[:, 0] = [-10, 10, 0]
    j[:, 1] = np.stack([28 - z, -np.ones_like(x), -x], axis=1)
    j[:, 2] = np.stack([v, x, np.full_like(x, -8 / 3)], axis=1)
    return j


def test_a_field_is_off_by_the_share_that_was_added_to_it() -> None:
    f = np.random.default_rng(0).normal(size=(50, 2))
    found = field_error(f * [1.3, 1.0], f, ("x", "y"), np.ones(2))
    assert found["by_state"] == pytest.approx({"x": 0.3, "y": 0.0})
    assert found["relative"] == pytest.approx(0.3 * np.linalg.norm(f[:, 0]) / np.linalg.norm(f))
    assert field_error(f * np.nan, f, ("x", "y"), np.ones(2))["relative"] is None


def test_newton_finds_the_three_fixed_points_of_lorenz_each_once() -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(-1, 1, (40, 3)) * [20, 25, 25] + [0, 0, 25]
    found = fixed_points(lorenz, lorenz_jacobian, starts, np.array([8.0, 9.0, 9.0]))
    c = np.sqrt(8 / 3 * 27)
    exact = [[-c, -c, 27], [0, 0, 0], [c, c, 27]]
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], exact, atol=1e-7)


def test_a_start_that_is_a_fixed_point_is_found_as_it_is() -> None:
    c = np.sqrt(8 / 3 * 27)
    start = np.array([[c, c, 27.0]])
    np.testing.assert_allclose(fixed_points(lorenz, lorenz_jacobian, start, np.ones(3)), start, rtol=1e-12)


def test_a_field_without_a_zero_has_no_fixed_point() -> None:
    def f(y: np.ndarray) -> np.ndarray:
        return y**2 + 1

    def jacobian(y: np.ndarray) -> np.ndarray:
        return 2 * y[:, :, None]

    assert len(fixed_points(f, jacobian, np.linspace(-2, 2, 9)[:, None], np.ones(1))) == 0


def test_eigenvalues_are_paired_with_those_nearest_to_them() -> None:
    true = np.array([-1.0, 2.0, 1j, -1j])
    assert eigenvalue_error(true[[2, 0, 3, 1]], true) == 0
    assert eigenvalue_error(true + np.array([0, 0.1, 0, 0]), true) == pytest.approx(0.05)


def test_a_period_is_read_from_the_state_that_crosses_once_a_turn() -> None:
    t = np.linspace(0, 20, 4001)
    two_humps = np.sin(2 * np.pi * t / 3) + 1.5 * np.sin(4 * np.pi * t / 3 + 0.5)
    # straight lines between samples misplace a crossing by h²/8 of the curvature over the slope, 1e-5 at most
    assert period(t, np.stack([two_humps, np.cos(2 * np.pi * t / 3)], axis=1)) == pytest.approx(3, abs=1e-4)
    assert period(t, np.sin(t**1.5)[:, None]) is None, "it grows faster and faster"
    assert period(t, t[:, None]) is None
    assert period(t, np.full((len(t), 1), np.nan)) is None


def test_the_exponent_of_a_linear_system_is_its_largest_real_part() -> None:
    a = np.array([[-0.1, 2.0], [-2.0, -0.1]])
    found = largest_exponent(
        lambda y: y @ a.T,
        lambda y: np.broadcast_to(a, (len(y), 2, 2)),
        np.ones((3, 2)),
        span=50.0,
        transient=5.0,
        rng=np.random.default_rng(0),
    )
    assert found is not None
    # rk4 with hω = 1/2: the growth of a step is |1 + z + … + z⁴/24|, off by (hω)⁶/144/h, 4e-4
    assert found.value == pytest.approx(-0.1, abs=1e-3)


def test_lorenz_has_the_largest_exponent_that_is_published() -> None:
    """.9056 (Viswanath 1998, PhD thesis, Cornell); the tables of dysts have .8917, from a shorter run."""
    rng = np.random.default_rng(0)
    starts = rng.normal(size=(300, 3)) + np.array([1, 1, 25])
    found = largest_exponent(lorenz, lorenz_jacobian, starts, span=40.0, transient=20.0, rng=rng)
    assert found is not None
    assert found.trajectories == 300
    assert found.error < 0.005
    assert found.value == pytest.approx(0.9056, rel=0.02)
    assert found.value == pytest.approx(0.8917, rel=0.03)


def test_no_exponent_where_too_many_steps_would_be_needed_or_nothing_stays_finite() -> None:
    rng = np.random.default_rng(0)
    one = np.ones((2, 1))
    stiff = largest_exponent(lambda y: -1e6 * y, lambda y: np.full((2, 1, 1), -1e6), one, 1.0, 0.0, rng, most=1000)
    lost = largest_exponent(lambda y: y**2, lambda y: 2 * y[:, :, None], one, 100.0, 0.0, rng)
    assert stiff is None
    assert lost is None
