"""The inverse problem of a PINN and its contrast: the joint fit's mathematics, on cases of seconds."""

from __future__ import annotations

import numpy as np
import pytest
from workbench_pinn.contrast import curves, recipe, stepping
from workbench_pinn.contrast.arms import SOFT, Effort, Outcome, Scores, outcome
from workbench_pinn.contrast.cases import CASES, Data
from workbench_pinn.contrast.curves import Inverse
from workbench_pinn.contrast.offer import pinn_contrast
from workbench_pinn.curve import Curve, Shape
from workbench_pinn.joint import Joint, Observations

from workbench.errors.usage import UsageError

P = np.array([1.5, 1.0, 3.0, 1.0])


def joint(exact: bool, causal: float = 0.0) -> tuple[Joint, np.ndarray]:
    """On Lotka and Volterra's equations, with weights drawn at random."""
    rng = np.random.default_rng(1)
    curve = Curve(Shape(5, 2), np.array([1.0, 0.8]), 0.0, 2.0, exact)
    t = np.linspace(0.0, 2.0, 4)
    seen = Observations(t, 1 + rng.random((4, 2)), np.array([0.5, 2.0]))
    equations = curves.equations_of("lotka_volterra")
    made = Joint(curve, equations, curve.points(7), np.array([1.0, 3.0]), seen, 0.5, causal)
    return made, made.joined(rng.normal(size=curve.shape.n_weights), P)


@pytest.mark.parametrize("exact", [True, False])
def test_the_defect_of_the_joint_fit_is_that_of_central_differences_of_its_curve(exact: bool) -> None:
    """Of step 1e-5: errors of some 1e-10 from the third derivative, 1e-11 from rounding."""
    made, x = joint(exact)
    w, p = made.split(x)
    np.testing.assert_allclose(p, P)
    t, h = made.t, 1e-5
    y = made.curve.at(w, t)[0]
    rate = (made.curve.at(w, t + h)[0] - made.curve.at(w, t - h)[0]) / (2 * h)
    f = np.column_stack([1.5 * y[:, 0] - y[:, 0] * y[:, 1], y[:, 0] * y[:, 1] - 3.0 * y[:, 1]])
    unit = made.size * np.sqrt(7 / 0.5)  # mean squares of 7 points, half as heavy as the misfit
    np.testing.assert_allclose(made.residuals(x), (rate - f) / unit, atol=1e-7)


@pytest.mark.parametrize("exact", [True, False])
def test_the_jacobian_in_weights_and_parameters_is_its_central_difference(exact: bool) -> None:
    made, x = joint(exact)
    weights, h = np.linspace(1.0, 0.5, 7), 1e-6
    rows, found = made.linear(x, weights)
    np.testing.assert_allclose(rows[:14], (made.residuals(x) * weights[:, None]).ravel())
    np.testing.assert_allclose(rows[14:], made.beside(x))
    for k in range(len(x)):
        step = h * (np.arange(len(x)) == k)
        wanted = (made.linear(x + step, weights)[0] - made.linear(x - step, weights)[0]) / (2 * h)
        np.testing.assert_allclose(found[:, k], wanted, atol=1e-7)


def test_the_squares_are_means_over_points_and_over_times() -> None:
    made, x = joint(False)
    w, p = made.split(x)
    y, rate = made.curve.at(w, made.t)
    defect = (rate - made.equations(made.t, y, p)[0]) / made.size
    misfit = (made.curve.at(w, made.seen.t)[0] - made.seen.y) / made.seen.spread
    wanted = 0.5 * np.mean(np.sum(defect**2, axis=1)) + np.mean(np.sum(misfit**2, axis=1))
    rows, _ = made.linear(x, made.weights(made.residuals(x)))
    np.testing.assert_allclose(rows @ rows, wanted)


def test_causal_weights_follow_the_defect_in_units_of_the_slopes() -> None:
    made, x = joint(True, causal=0.3)
    w, p = made.split(x)
    y, rate = made.curve.at(w, made.t)
    squares = np.sum(((rate - made.equations(made.t, y, p)[0]) / made.size) ** 2, axis=1)
    before = np.concatenate([[0.0], np.cumsum(squares)[:-1]])
    np.testing.assert_allclose(made.weights(made.residuals(x)) ** 2, np.exp(-0.3 * before))


def test_a_hard_start_is_the_first_observation_and_a_soft_one_is_near_it() -> None:
    """With noise of a tenth of the spread a soft start moves off the first observation, by less than the spread."""
    data = Data.of(CASES["sparse"], 0)
    t, y = data.t[: data.n], data.observed[: data.n]
    hard, soft = (
        curves.fit(Inverse(12, 40, exact), "lotka_volterra", t, y, t[-1], data.guess, 20, 60.0, 0).at(t[:1])[0]
        for exact in (True, False)
    )
    np.testing.assert_array_equal(hard, y[0])
    assert np.all(np.abs(soft - y[0]) < y.std(axis=0))
    assert np.any(soft != y[0])


def test_a_parameter_is_recovered_from_exact_values() -> None:
    """y' = −k y over two units of time by a few units of tanh, whose curves err by less than 1e-4 of the decay."""
    t = np.linspace(0.0, 2.0, 9)
    y = np.exp(-0.7 * t)[:, None]
    found = curves.fit(Inverse(8, 24, True), "decay", t, y, 2.0, {"k": 2.0}, 80, 60.0, 0)
    assert found.defect < 1e-3
    np.testing.assert_allclose(found.parameters["k"], 0.7, rtol=1e-3)


def test_collocation_points_may_lie_where_there_are_no_data() -> None:
    t = np.linspace(0.0, 2.0, 9)
    y = np.exp(-0.7 * t)[:, None]
    later = np.array([3.0])
    errors = [
        abs(float(found.at(later)[0, 0]) - np.exp(-0.7 * 3.0))
        for beyond in (True, False)
        for found in [curves.fit(Inverse(8, 24, True, 0.0, beyond), "decay", t, y, 3.0, {"k": 2.0}, 80, 60.0, 0)]
    ]
    assert errors[0] < 1e-3 < errors[1]


def test_the_truth_scores_nothing_and_wrong_parameters_say_how_wrong() -> None:
    data = Data.of(CASES["spiral"], 0)
    true = data.case.true
    made = Outcome(data.truth, data.elsewhere, data.truth, true | {"a": 1.1 * true["a"]}, 2, 0.0)
    scores = Scores.of(data, made)
    assert (scores.fit, scores.later, scores.elsewhere, scores.put_back) == (0, 0, 0, 0)
    assert scores.worst == pytest.approx(0.1)
    lost = np.where(np.arange(len(data.t))[:, None] < data.n, data.truth, np.nan)
    assert Scores.of(data, Outcome(lost, data.elsewhere, None, None, 2, 0.0)).later == np.inf


def test_start_values_are_off_by_at_most_a_factor_of_two_and_follow_the_seed() -> None:
    first, again, other = (Data.of(CASES["sparse"], seed) for seed in (0, 0, 1))
    ratios = np.array([first.guess[name] / value for name, value in first.case.true.items()])
    assert np.all((ratios >= 0.5) & (ratios <= 2.0))
    assert first.guess == again.guess != other.guess
    np.testing.assert_array_equal(first.observed, again.observed)


def test_the_neural_ode_has_as_many_weights_as_the_curve() -> None:
    data = Data.of(CASES["sparse"], 0)
    effort = Effort(10, 20, 2, 60.0)
    curve, network = (outcome(arm, data, effort, 0) for arm in (SOFT, "neural ODE"))
    assert curve.parameters is not None
    assert curve.unknowns - len(curve.parameters) == 4 * 10 + 2 == 5 * effort.neurons + 2
    assert network.unknowns - 2 in (5 * effort.neurons, 5 * effort.neurons + 2)  # with the initial values, or without


def test_problems_are_solved_once_however_many_cases_they_have() -> None:
    assert stepping.problems(("lotka-volterra", "stiff", "sparse")) == ["lotka-volterra", "stiff"]


def test_the_published_problem_begins_where_the_tutorial_does() -> None:
    again = recipe.run(Inverse(8, 20, exact=True), 1, 60.0, 0)
    assert again.true == {"alpha": 1.5, "beta": 1.0, "gamma": 3.0, "delta": 1.0}
    p, true = np.array(list(again.found.values())), np.array(list(again.true.values()))
    largest = max(np.linalg.norm(p), np.linalg.norm(true))
    assert again.off == pytest.approx(float(np.linalg.norm(p - true) / largest))


def test_a_case_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no case 'pendulum'"):
        pinn_contrast(cases=("pendulum",))
