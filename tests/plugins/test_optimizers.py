"""Optimizers: the contract, and hard problems whose answers are published."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from workbench.formula import parse
from workbench.graph import from_sympy
from workbench.registry import installed
from workbench.testing.optimizers import OptimizerContract, Squares, minimise

SQUARES = ["levenberg-marquardt", "least-squares"]
SECOND_ORDER = [*SQUARES, "lbfgs"]


class TestOptimizers(OptimizerContract):
    """Every optimizer there is."""


def make(name: str, **settings: Any) -> Any:
    return installed().make("optimizer", name, settings)


def rosenbrock(lower: Any = -np.inf, upper: Any = np.inf) -> Squares:
    """Rosenbrock (1960): 10(x₁ − x₀²), 1 − x₀."""
    return Squares(
        lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], lambda x: [[-20 * x[0], 10.0], [-1.0, 0.0]], 2, lower, upper
    )


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_rosenbrocks_valley_is_followed_to_its_end(name: str) -> None:
    x, steps = minimise(make(name), rosenbrock(), [-1.2, 1.0], longest=200)
    assert steps[-1].status == "converged"
    # ftol bounds the value, whose least curvature is ½: the point is good to its root
    np.testing.assert_allclose(x, [1.0, 1.0], atol=1e-5)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_a_bound_that_is_active_at_the_solution_is_kept_exactly(name: str) -> None:
    x, steps = minimise(make(name), rosenbrock(upper=[0.5, np.inf]), [-1.2, 1.0], longest=200)
    assert steps[-1].status == "converged"
    assert x[0] <= 0.5
    np.testing.assert_allclose(x, [0.5, 0.25], atol=1e-6)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_both_entries_may_end_in_a_corner(name: str) -> None:
    x, steps = minimise(make(name), rosenbrock(lower=[1.5, 3.0]), [2.0, 4.0], longest=200)
    assert steps[-1].status == "converged"
    # on x₀ = 1.5 the valley lies at 2.25 < 3, but x₁ ≥ 3 wants x₀ = √3; the slope of (1 − x₀)² pulls it a little back:
    # 200x₀(x₀² − 3) + x₀ − 1 = 0
    root = np.roots([200.0, 0.0, -599.0, -1.0]).real.max()
    np.testing.assert_allclose(x, [root, 3.0], atol=1e-6)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_a_start_outside_the_bounds_is_moved_onto_them(name: str) -> None:
    x, steps = minimise(make(name), rosenbrock(lower=-2.0, upper=2.0), [-9.0, 30.0], longest=300)
    assert steps[-1].status == "converged"
    np.testing.assert_allclose(x, [1.0, 1.0], atol=1e-5)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_a_jacobian_without_full_rank_ends_on_the_line_of_solutions(name: str) -> None:
    sums = Squares(
        lambda x: [x[0] + x[1] - 3, 2 * (x[0] + x[1]) - 6.5, x[2] ** 2 - 4],
        lambda x: [[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 2 * x[2]]],
        3,
    )
    x, steps = minimise(make(name), sums, [10.0, -3.0, 1.0], longest=200)
    assert steps[-1].status == "converged"
    # (s − 3)² + 4(s − 3.25)² is least at s = 3.2
    assert x[0] + x[1] == pytest.approx(3.2, abs=1e-5)
    assert x[2] == pytest.approx(2.0, abs=1e-5)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_powells_singular_function_is_lowered_to_nothing_though_its_jacobian_is_singular_there(name: str) -> None:
    """Moré, Garbow & Hillstrom (1981), problem 13: the minimum 0 at the origin has a Jacobian of rank 2."""
    r5, r10 = np.sqrt(5.0), np.sqrt(10.0)
    powell = Squares(
        lambda x: [x[0] + 10 * x[1], r5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, r10 * (x[0] - x[3]) ** 2],
        lambda x: [
            [1.0, 10.0, 0.0, 0.0],
            [0.0, 0.0, r5, -r5],
            [0.0, 2 * (x[1] - 2 * x[2]), -4 * (x[1] - 2 * x[2]), 0.0],
            [2 * r10 * (x[0] - x[3]), 0.0, 0.0, -2 * r10 * (x[0] - x[3])],
        ],
        4,
    )
    x, steps = minimise(make(name), powell, [3.0, -1.0, 0.0, 1.0], longest=300)
    assert steps[-1].status == "converged"
    assert powell.value(x) < 1e-12  # from 107.5; the last digits fall by 16 a step for ever


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_an_unknown_that_moves_nothing_stays_where_it_was(name: str) -> None:
    idle = Squares(lambda x: [x[0] - 2.0], lambda x: [[1.0, 0.0]], 2)
    x, steps = minimise(make(name), idle, [0.0, 0.25], longest=100)
    assert steps[-1].status == "converged"
    np.testing.assert_allclose(x, [2.0, 0.25], rtol=1e-6)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_a_wall_right_beside_the_start_is_left_behind(name: str) -> None:
    """log x from 50: full Gauss–Newton steps go to x < 0 from everywhere above e."""
    wall = Squares(lambda x: [np.log(x[0])], lambda x: [[1 / x[0]]], 1)
    x, steps = minimise(make(name), wall, [50.0], longest=300)
    assert steps[-1].status == "converged"
    np.testing.assert_allclose(x, [1.0], atol=1e-5)


def test_a_fit_that_cannot_move_from_a_slope_has_stalled_and_does_not_say_converged() -> None:
    """The slope points over an edge beyond which nothing is finite."""
    edge = Squares(lambda x: [2 - x[0] if x[0] <= 1 else np.inf], lambda x: [[-1.0]], 1)
    for name in ("levenberg-marquardt", "lbfgs"):
        x, steps = minimise(make(name), edge, [1.0], longest=200)
        assert x.tolist() == [1.0]
        assert (steps[-1].done, steps[-1].status) == (True, "stalled")
        assert "no step lowers the objective" in steps[-1].event


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_large_residuals_at_the_solution_do_no_harm(name: str) -> None:
    """Moré, Garbow & Hillstrom (1981), problem 16 (Brown & Dennis): the least sum of squares is 85822.2."""
    t = np.arange(1, 21) / 5

    def terms(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x[0] + t * x[1] - np.exp(t), x[2] + x[3] * np.sin(t) - np.cos(t)

    def jacobian(x: np.ndarray) -> np.ndarray:
        a, b = terms(x)
        return np.column_stack([2 * a, 2 * a * t, 2 * b, 2 * b * np.sin(t)])

    brown = Squares(lambda x: sum(term**2 for term in terms(x)), jacobian, 4)
    x, steps = minimise(make(name), brown, [25.0, 5.0, -5.0, -1.0], longest=500)
    assert steps[-1].status == "converged"
    assert 2 * brown.value(x) == pytest.approx(85822.2, rel=1e-6)  # six digits are published


NIST: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "nist.toml").read_text())
CASES = [(name, i) for name, case in NIST.items() for i in range(len(case["starts"]))]


def regression(case: dict[str, Any]) -> Squares:
    """A formula in x and b1, b2, … against y."""
    names = tuple(f"b{i + 1}" for i in range(len(case["certified"])))
    graph = from_sympy({"f": [parse(case["formula"], ("x", *names))]}, states=("x",), parameters=names)
    function, x, y = graph.function("f", ("p",)), np.array(case["x"], dtype=float), np.array(case["y"], dtype=float)

    def model(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, by_b = function(np.zeros(len(x)), x[:, None], None, None, b)
        return value[:, 0] - y, by_b[:, 0]

    return Squares(lambda b: model(b)[0], lambda b: model(b)[1], len(names))


@pytest.mark.parametrize(("name", "start"), CASES)
@pytest.mark.parametrize("optimizer", SQUARES)
def test_certified_values_of_nonlinear_regression_are_found(optimizer: str, name: str, start: int) -> None:
    case, objective = NIST[name], regression(NIST[name])
    b, steps = minimise(make(optimizer), objective, case["starts"][start], longest=2000)
    assert steps[-1].status == "converged"
    line = objective.linearize(b)
    assert 2 * line.value == pytest.approx(case["rss"], rel=1e-9)
    # six of the eleven certified digits, measured in standard errors where an estimate is uncertain
    np.testing.assert_allclose(b, case["certified"], atol=1e-5 * min(case["sd"]), rtol=1e-5)
    degrees = len(case["x"]) - len(b)
    sd = np.sqrt(np.diag(np.linalg.inv(line.jacobian.T @ line.jacobian)) * 2 * line.value / degrees)
    np.testing.assert_allclose(sd, case["sd"], rtol=1e-4)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_converged_means_that_the_gradient_vanishes(name: str) -> None:
    _, steps = minimise(make(name), rosenbrock(), [-1.2, 1.0], longest=200)
    x, _ = minimise(make(name), rosenbrock(), [-1.2, 1.0], longest=200)
    assert steps[-1].status == "converged"
    # curvature 1000: a value within 1e-10 of the least has a gradient below √(2·1000·1e-10)
    assert np.linalg.norm(rosen_der(x)) < 1e-3
    assert rosen(x) < 1e-9


def test_the_best_step_within_a_box_satisfies_the_conditions_of_karush_kuhn_and_tucker() -> None:
    from workbench_optimizers.box import least_in_box

    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 5, 8) * 40:
        root = rng.normal(size=(n, n))
        a, b = root @ root.T + 0.1 * np.eye(n), 3 * rng.normal(size=n)
        low, high = -rng.exponential(size=n), rng.exponential(size=n)
        low[rng.random(n) < 0.3], high[rng.random(n) < 0.3] = 0.0, np.inf
        s = least_in_box(a, b, low, high)
        assert ((low <= s) & (s <= high)).all()
        slope = b + a @ s
        # slopes are sums of n products of size up to 10; conditioning up to 1e3
        inside = (s > low) & (s < high)
        np.testing.assert_allclose(slope[inside], 0.0, atol=1e-10)
        assert (slope[s == low] >= -1e-10).all()
        assert (slope[s == high] <= 1e-10).all()


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop"])
def test_first_order_steps_are_those_of_the_papers(name: str) -> None:
    """Two steps by hand on g = x at x = 1: adam's first is the rate, by Kingma & Ba's unbiased moments."""
    line = Squares(lambda x: [x[0]], lambda x: [[1.0]], 1)
    optimizer = make(name, rate=0.1)
    x1 = optimizer.advance(line, optimizer.start(line, np.array([1.0])))[0]["x"][0]
    expected = {"adam": 1 - 0.1, "adamw": 1 - 0.1 - 0.1 * 1e-2, "rmsprop": 1 - 0.1 / (np.sqrt(0.01) + 1e-8)}[name]
    # eps = 1e-8 in the divisor
    assert x1 == pytest.approx(expected, abs=2e-9)
