"""The spiral's mathematics: its exact solution, what a loss means on it, what a perfect fit through a solver learns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from workbench_experiments.spiral.judged import judge, linear
from workbench_experiments.spiral.recipe import Recipe, train, train_whole
from workbench_experiments.spiral.system import DAMPING, PRINTED, START, TURNING, Convention, Spiral

TRUE = complex(-DAMPING, TURNING)


@pytest.mark.parametrize("convention", ["Ay", "yA"])
def test_the_trajectory_is_that_of_the_matrix(convention: Convention) -> None:
    spiral = Spiral(50, convention)
    exact = np.array([expm(t * spiral.matrix) @ START for t in spiral.ts])
    np.testing.assert_allclose(spiral.ys, exact, atol=1e-12)


def test_the_two_conventions_turn_against_each_other_with_the_same_eigenvalues() -> None:
    one, other = Spiral(50, "Ay"), Spiral(50, "yA")
    np.testing.assert_allclose(one.ys, other.ys * [1, -1], atol=1e-15)
    np.testing.assert_allclose(np.linalg.eigvals(one.matrix), np.linalg.eigvals(other.matrix))


def test_what_a_loss_means_is_what_is_known_of_it() -> None:
    spiral = Spiral()
    growth, with_truth = spiral.euler_with_truth()
    assert spiral.zero == pytest.approx(0.3985, abs=5e-5)
    assert spiral.variance == pytest.approx(0.3979, abs=5e-5)
    assert growth == pytest.approx(1.0000226, abs=5e-8)
    assert with_truth == pytest.approx(0.947, abs=5e-4)
    percents = [round(spiral.fit_percent(loss), 1) for loss in (0.0183, 0.0173, 0.0167)]
    assert percents == [78.6, 79.1, 79.5]


def test_the_printed_scalar_system_is_a_saddle() -> None:
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(PRINTED)), [-2.0025, 2.0025], atol=5e-5)


@pytest.mark.parametrize(
    ("solver", "known"),
    [("euler", -0.1994 + 1.9867j), ("midpoint", -0.0997 + 1.9967j), ("rk4", -0.10000028 + 2.0000017j)],
)
def test_a_perfect_fit_reaches_the_next_sample_in_one_step(solver: str, known: complex) -> None:
    spiral = Spiral()
    learned = spiral.taught_by(solver)
    assert learned is not None
    assert learned == pytest.approx(known, abs=7.1e-5)  # both parts are rounded to four places
    z = learned * spiral.h
    stages = {"euler": 1, "midpoint": 2, "rk4": 4}[solver]
    step = sum(z**k / np.prod(np.arange(1, k + 1)) for k in range(stages + 1))
    assert step == pytest.approx(np.exp(TRUE * spiral.h), abs=1e-13)
    assert spiral.taught_by("dopri5") is None


def field(eigenvalue: complex, spiral: Spiral) -> np.ndarray:
    return np.array([[eigenvalue.real, eigenvalue.imag], [-eigenvalue.imag, eigenvalue.real]])


def test_the_linear_part_of_a_linear_field_is_itself() -> None:
    spiral = Spiral(100)
    m = field(complex(-0.3, 1.5), spiral)
    assert linear(lambda y: y @ m.T + 7.0, spiral.ys) == pytest.approx(complex(-0.3, 1.5), abs=1e-10)


def test_the_truth_is_judged_an_ode_without_error() -> None:
    spiral = Spiral(100)
    judged = judge(spiral, lambda y: y @ spiral.matrix.T, spiral.ys, 0.0)
    assert judged.is_ode
    assert judged.mse == 0.0
    assert judged.fit_percent == 100.0
    assert judged.field_error < 1e-14
    assert judged.resolved < 1e-14  # dop853 at 1e-9


def test_what_euler_teaches_is_judged_a_map_tied_to_it() -> None:
    """Euler's method on the field that it teaches passes through every sample, and another solver does not."""
    spiral = Spiral()
    learned = spiral.taught_by("euler")
    assert learned is not None
    m = field(learned, spiral)
    path = np.empty_like(spiral.ys)
    y = START
    for i in range(spiral.samples):
        path[i], y = y, y + spiral.h * (m @ y)
    judged = judge(spiral, lambda y: y @ m.T, path, 0.0)
    assert judged.mse < 1e-24
    assert not judged.is_ode
    assert judged.resolved > 0.01
    assert judged.eigenvalue == pytest.approx(learned, abs=1e-10)


def test_the_recipe_lowers_its_loss_and_counts_evaluations() -> None:
    spiral, recipe = Spiral(60), Recipe(steps=20, windows=8, hidden=8, rate=1e-2, gradient="discrete")
    found = train(spiral, "rk4", recipe, seed=0)
    assert found.losses[-5:].mean() < found.losses[:5].mean()
    assert found.forward >= 4 * (recipe.points - 1)  # four stages a step
    assert list(found.wholes[:, 0]) == [0, 10, 20]
    assert np.array_equal(found.losses, train(spiral, "rk4", recipe, seed=0).losses)
    assert not np.array_equal(found.losses, train(spiral, "rk4", recipe, seed=1).losses)


def test_training_on_the_whole_starts_from_the_same_network() -> None:
    spiral, none = Spiral(60), Recipe(steps=0, hidden=8)
    before = train(spiral, "rk4", none, seed=0).wholes[0, 1]
    assert train_whole(spiral, "rk4", none, seed=0) == before
