"""SciPy's integrators behind the contract: the kit, stiff problems, and what the guard must not let through."""

from __future__ import annotations

import time

import numpy as np
import pytest

from workbench.contracts import SolveOptions, Trajectory
from workbench.registry import installed
from workbench.testing.solvers import SolverContract

NAMES = ("scipy_lsoda", "scipy_radau", "scipy_bdf", "scipy_dop853")
STIFF = NAMES[:3]


class TestSolvers(SolverContract):
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "offered" in metafunc.fixturenames:
            metafunc.parametrize("offered", NAMES)


class Robertson:
    """Three species with rates 0.04, 1e4 and 3e7, with the Jacobian counted (Robertson 1966)."""

    n_parameters = 0

    def __init__(self) -> None:
        self.jacobians_taken = 0

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        a, b, c = y.T
        return np.stack([-0.04 * a + 1e4 * b * c, 0.04 * a - 1e4 * b * c - 3e7 * b**2, 3e7 * b**2], axis=1)

    def jacobians(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        self.jacobians_taken += 1
        _, b, c = y[0]
        f_y = [[-0.04, 1e4 * c, 1e4 * b], [0.04, -1e4 * c - 6e7 * b, -1e4 * b], [0, 6e7 * b, 0]]
        return np.array([f_y]), np.zeros((1, 3, 0))


def solve(name: str, f: object, y0: list[float], ts: list[float], **settings: float) -> Trajectory:
    solver = installed().make("solver", name, settings)
    options = SolveOptions(deadline=time.monotonic() + 9)
    return solver.solve(f, np.array([y0]), np.array(ts[:1]), np.array([ts]), options)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", STIFF)
def test_robertsons_reaction_reaches_its_reference_at_1e11(name: str) -> None:
    f = Robertson()
    found = solve(name, f, [1.0, 0.0, 0.0], [0.0, 1e11], rtol=1e-8, atol=1e-18)
    assert found.status == ("ok",)
    # Mazzia & Magherini, Test Set for IVP Solvers, release 2.4
    reference = [0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]
    np.testing.assert_allclose(found.ys[0, -1], reference, rtol=1e-4)
    assert f.jacobians_taken > 0, "a Jacobian that f knows is used"


@pytest.mark.parametrize("name", STIFF)
def test_a_rate_of_1e7_does_not_hold_an_implicit_method(name: str) -> None:
    found = solve(name, lambda t, y, row, middle: -1e7 * (y - np.cos(t)[:, None]), [1.0], [0.0, 1.0])
    assert found.status == ("ok",)
    assert found.ys[0, -1, 0] == pytest.approx(np.cos(1.0), abs=1e-6)
    assert found.stats["accepted"][0] < 200


@pytest.mark.parametrize("name", NAMES)
def test_a_slope_that_is_nan_where_only_trial_steps_go_does_not_end_a_solve_that_can_avoid_it(name: str) -> None:
    """sqrt(y − 1) turns NaN below 1, where the solution never is."""
    if name == "scipy_lsoda":
        pytest.skip("LSODA takes NaN for a number: the guard stops it")
    found = solve(name, lambda t, y, row, middle: -np.sqrt(y - 1.0) + 0.5, [5.0], [0.0, 20.0])
    assert found.status == ("ok",)
    assert found.ys[0, -1, 0] == pytest.approx(1.25, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_of_f_itself_is_not_swallowed(name: str) -> None:
    def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        if t[0] > 0.5:
            raise ValueError("mine")
        return -y

    with pytest.raises(ValueError, match="mine"):
        solve(name, f, [1.0], [0.0, 1.0])


@pytest.mark.parametrize("name", NAMES)
def test_a_pulse_between_declared_breaks_is_not_stepped_over(name: str) -> None:
    """A height of 1000 for 0.01: it adds 10, whatever the steps would have been; inputs are looked up by `middle`."""

    def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        return np.where((middle > 5.0) & (middle < 5.01), 1000.0, 0.0)[:, None] + 0 * y

    solver = installed().make("solver", name)
    options = SolveOptions(breaks=(5.0, 5.01))
    found = solver.solve(f, np.zeros((1, 1)), np.zeros(1), np.array([[0.0, 10.0]]), options)
    assert found.ys[0, -1, 0] == pytest.approx(10.0, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_mesh_is_told_though_it_cannot_be_repeated(name: str) -> None:
    found = solve(name, lambda t, y, row, middle: -y, [1.0], [0.0, 1.0])
    assert found.mesh is not None
    assert found.mesh.t[0, 0] == 0.0
    assert found.mesh.t[0, found.mesh.n_steps[0]] == 1.0
    assert (np.diff(found.mesh.t[0]) > 0).all()
