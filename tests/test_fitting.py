"""The fit: budgets, objectives, curves through the data, and the generator that drives a strategy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench import Dataset
from workbench.contracts import Step, Tree
from workbench.dataset import TEST, VALIDATION
from workbench.errors.numerics import NoFiniteSolution
from workbench.fitting import FitBudget, FitTask, steps
from workbench.fitting.curve import collocate
from workbench.fitting.defect import DefectObjective, states_observed
from workbench.fitting.objective import Subspace, TrajectoryObjective
from workbench.measure.differences import central_differences
from workbench.model import Model, Selection
from workbench.problem import Problem, read_problem
from workbench.registry import installed
from workbench.testing.dynamics import POPULATIONS, populations
from workbench.testing.strategies import growth, task_of


def whole(data: Dataset) -> np.ndarray:
    return np.ones(len(data.t), dtype=bool)


def one_trajectory(t: np.ndarray, *columns: np.ndarray) -> Dataset:
    names = tuple("xyz"[: len(columns)])
    return Dataset(t, np.column_stack(columns), np.array([len(t)]), names)


# --- budgets


def test_a_budget_ends_by_iterations_by_its_clock_or_from_outside() -> None:
    now = [100.0]
    budget = FitBudget(lambda: now[0], iterations=3, seconds=5.0)
    assert budget.deadline == 105.0
    assert budget.exhausted(2) == ""
    assert budget.exhausted(3) == "iterations"
    now[0] = 105.0
    assert budget.exhausted(0) == "time"
    budget.stopped = "interrupted"
    assert budget.exhausted(0) == "interrupted"


def test_a_budget_without_limits_never_ends() -> None:
    assert FitBudget(lambda: 1e9).exhausted(10**9) == ""
    assert FitBudget(lambda: 0.0).deadline is None


# --- the generator


class Countdown:
    """A strategy that is done after some advances."""

    def start(self, task: object, rng: np.random.Generator) -> Tree:
        return {"x": np.zeros(1), "left": 3}

    def advance(self, task: object, state: Tree) -> tuple[Tree, Step]:
        left = state["left"] - 1
        return {**state, "left": left}, Step(0, "counting", float(left), done=left == 0)


class Unlimited:
    """A task of which only the budget is asked."""

    def __init__(self, iterations: int | None = None) -> None:
        self.budget = FitBudget(lambda: 0.0, iterations)


def test_the_generator_yields_the_start_then_every_step_and_ends_with_a_status() -> None:
    pairs = list(steps(Unlimited(), Countdown(), np.random.default_rng(0)))  # type: ignore[arg-type]
    assert [step.number for _, step in pairs] == [0, 1, 2, 3]
    assert [step.rung for _, step in pairs] == ["start", "counting", "counting", "counting"]
    assert [state["done"] for state, _ in pairs] == ["", "", "", "converged"]


def test_the_generator_goes_on_from_a_state_as_if_it_had_never_stopped() -> None:
    pairs = list(steps(Unlimited(), Countdown(), np.random.default_rng(0)))  # type: ignore[arg-type]
    again = list(steps(Unlimited(), Countdown(), np.random.default_rng(9), pairs[1][0]))  # type: ignore[arg-type]
    assert [step for _, step in again] == [step for _, step in pairs[2:]]
    assert again[-1][0]["strategy"]["left"] == 0


def test_a_finished_state_yields_nothing_more() -> None:
    *_, (state, _) = steps(Unlimited(), Countdown(), np.random.default_rng(0))  # type: ignore[arg-type]
    assert list(steps(Unlimited(), Countdown(), np.random.default_rng(0), state)) == []  # type: ignore[arg-type]


def test_a_spent_budget_is_the_last_word_and_takes_no_step() -> None:
    pairs = list(steps(Unlimited(2), Countdown(), np.random.default_rng(0)))  # type: ignore[arg-type]
    state, step = pairs[-1]
    assert (state["number"], state["done"], step.status, step.done) == (2, "iterations", "iterations", True)


# --- curves


def test_interpolating_curves_go_through_cubics_exactly_with_their_slopes() -> None:
    t = np.array([0.0, 0.4, 1.0, 1.5, 2.5, 3.0])
    data = one_trajectory(t, t**3 - t, 2 - t**2)
    found = collocate(data, whole(data), np.zeros(2, dtype=bool), smooth=False)
    assert len(found.t) == 2 * len(t) - 1
    s = found.t
    np.testing.assert_allclose(found.values, np.column_stack([s**3 - s, 2 - s**2]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.slopes, np.column_stack([3 * s**2 - 1, -2 * s]), rtol=1e-11, atol=1e-11)


def test_curves_of_logarithms_follow_exponentials_exactly() -> None:
    t = np.linspace(0, 4, 9)
    data = one_trajectory(t, 3 * np.exp(-0.7 * t))
    for smooth in (False, True):
        found = collocate(data, whole(data), np.array([True]), smooth)
        # the smoothing of a straight line is the line, to what the search for its weight leaves
        np.testing.assert_allclose(found.values[:, 0], 3 * np.exp(-0.7 * found.t), rtol=1e-8)
        np.testing.assert_allclose(found.slopes[:, 0], -2.1 * np.exp(-0.7 * found.t), rtol=1e-7)


def test_smoothing_sees_through_noise() -> None:
    t, rng = np.linspace(0, 6, 60), np.random.default_rng(0)
    data = one_trajectory(t, np.sin(t) + 0.1 * rng.normal(size=60))
    errors = []
    for smooth in (True, False):
        found = collocate(data, whole(data), np.zeros(1, dtype=bool), smooth)
        errors.append(np.sqrt(np.mean((found.slopes[:, 0] - np.cos(found.t)) ** 2)))
    # interpolated, noise 0.1 over gaps of 0.1 makes slopes wrong by about 1
    assert errors[0] < 0.15 < 0.8 < errors[1]


def test_missing_and_repeated_values_and_short_trajectories_are_borne() -> None:
    t = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 0.0, 1.0])
    values = np.column_stack([t**2, t**2])
    values[2, 0] += 0.2
    values[1, 0] -= 0.2  # two readings at t = 1 whose mean is 1
    values[4, 1] = np.nan
    data = Dataset(t, values, np.array([6, 2]), ("x", "y"))
    found = collocate(data, whole(data), np.zeros(2, dtype=bool), smooth=False)
    assert set(found.trajectory) == {0}, "two times make no curve"
    np.testing.assert_allclose(found.values, (found.t**2)[:, None].repeat(2, axis=1), rtol=1e-12, atol=1e-12)


def test_nothing_wanted_makes_no_curves() -> None:
    data = one_trajectory(np.arange(5.0), np.arange(5.0))
    found = collocate(data, np.zeros(5, dtype=bool), np.zeros(1, dtype=bool), smooth=True)
    assert found.values.shape == (0, 1)


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.1])
def test_curves_through_thousands_of_points_see_through_their_noise(noise: float) -> None:
    t = np.linspace(0.0, 9.0, 3000)
    y = np.sin(4 * t) + noise * np.random.default_rng(0).standard_normal(len(t))
    data = Dataset(t=t, values=y[:, None], row_size=[len(t)], channels=("x",))
    found = collocate(data, whole(data), np.zeros(1, dtype=bool), smooth=True)
    off = np.sqrt(np.mean((found.slopes[:, 0] - 4 * np.cos(4 * found.t)) ** 2))
    assert off < 10 * noise + 1e-5, "differences of neighbours are off by 470 times the noise"


# --- gradient matching


def matching(dynamics: str = "equations", **settings: object) -> DefectObjective:
    task = task_of(populations(), dynamics=dynamics, **settings)
    return task.defects()[-1]  # type: ignore[return-value]


@pytest.mark.parametrize(("dynamics", "settings"), [("equations", {}), ("mlp", {"hidden": (3,), "decay": 0.2})])
def test_the_misfit_of_slopes_is_differentiated_exactly(dynamics: str, settings: dict[str, object]) -> None:
    objective = matching(dynamics, **settings)
    x = objective.model.unknowns.start + 0.05 * np.sin(np.arange(len(objective.lower)) + 1.0)
    line, (value, g) = objective.linearize(x), objective.gradient(x)
    assert line.value == pytest.approx(value, rel=1e-14)
    assert objective.value(x) == value
    np.testing.assert_allclose(line.vjp(line.residuals), g, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(g, central_differences(objective.value, x), rtol=1e-8, atol=1e-10)


def test_slopes_say_nothing_of_initial_values() -> None:
    objective = matching()
    columns = objective.linearize(objective.model.unknowns.start).jacobian
    assert not columns[:, objective.model.unknowns.mask("initial")].any()


def test_exact_data_on_a_fine_grid_have_slopes_that_match_the_true_parameters() -> None:
    t = np.linspace(0, 10, 400)
    x = 10 / (1 + 19 * np.exp(-0.8 * t))
    task = task_of(replace(growth(), data=None).with_data(one_trajectory(t, x), "none"))
    true = task.unknowns.to_x(np.array([0.8, 10.0, 0.5]))
    for objective in task.defects():
        # cubic splines with gaps of 0.025: slopes wrong by h³ = 1e-5 of the third derivative, squared
        assert objective.value(true) < 1e-8
        assert objective.value(task.unknowns.start) > 0.1


def test_a_state_counts_as_observed_only_where_a_channel_equals_it() -> None:
    observed = {
        'a = "x"\nb = "y"': [0, 1],
        'a = "y"\nb = "x"': [1, 0],
        'a = "x"\nb = "2*y"': None,
        'a = "x"\nb = "y + 1e-9*x"': None,
        'a = "x"\nb = "x"': None,
    }
    data = populations().data
    assert data is not None
    for text, channel in observed.items():
        problem = read_problem(POPULATIONS + f"[observed]\n{text}\n").with_data(
            replace(data, channels=("a", "b")), "none"
        )
        found = states_observed(task_of(problem).model)
        assert (None if found is None else found.tolist()) == channel, text


def test_equations_that_leave_the_numbers_on_the_curves_are_worth_inf() -> None:
    text = POPULATIONS.replace("a*x - b*x*y", "log(a - 0.5)*x - b*x*y")
    data = populations().data
    assert data is not None
    objective = task_of(read_problem(text).with_data(data, "none")).defects()[0]
    unknowns = task_of(read_problem(text).with_data(data, "none")).unknowns
    assert objective.value(unknowns.to_x(np.array([0.4, 0.6, 0.7, 1, 1, 1, 1]))) == np.inf


def test_finite_slopes_too_large_to_square_are_refused_and_not_passed_on() -> None:
    text = POPULATIONS.replace("a*x - b*x*y", "1e200*a*x - b*x*y")
    data = populations().data
    assert data is not None
    task = task_of(read_problem(text).with_data(data, "none"))
    assert task.defects()[0].value(task.unknowns.start) == np.inf
    with pytest.raises(NoFiniteSolution, match="too large to square"):
        task.defects()[0].linearize(task.unknowns.start)


# --- trajectory objectives


def test_a_frozen_objective_is_plain_squares_with_the_same_gradient() -> None:
    for loss in ("likelihood", "huber", "mae"):
        task = task_of(populations(), loss=loss)
        objective = task.trajectory()
        x = task.unknowns.start + 0.05
        frozen = objective.frozen(x)
        line = frozen.linearize(x)
        assert line.value == pytest.approx(0.5 * float(line.residuals @ line.residuals), rel=1e-14)
        assert frozen.value(x) == pytest.approx(line.value, rel=1e-14)
        # the linearization comes from sensitivities, the gradient from the adjoint of the same steps
        np.testing.assert_allclose(line.vjp(line.residuals), objective.gradient(x)[1], rtol=1e-9, atol=1e-11)


def test_points_without_a_solution_are_inf_in_value_and_nan_in_gradient() -> None:
    text = POPULATIONS.replace("a*x - b*x*y", "a*x^2")
    data = populations().data
    assert data is not None
    task = task_of(read_problem(text).with_data(data, "none"))
    objective = task.trajectory()
    value, g = objective.gradient(task.unknowns.start)
    assert objective.value(task.unknowns.start) == value == np.inf
    assert np.isnan(g).all()


def test_a_subspace_moves_its_entries_and_holds_the_others() -> None:
    task = task_of(populations())
    x = task.unknowns.start
    free = np.zeros(len(x), dtype=bool)
    free[[0, 2, 5]] = True
    inside = task.restrict(task.trajectory(), free, x)
    assert isinstance(inside, Subspace)
    z = x[free] + 0.1
    moved = x.copy()
    moved[free] = z
    assert inside.value(z) == task.trajectory().value(moved)
    assert inside.gradient(z)[1].tolist() == task.trajectory().gradient(moved)[1][free].tolist()
    line = task.trajectory().linearize(moved)
    assert inside.linearize(z).jacobian.tolist() == line.jacobian[:, free].tolist()
    assert inside.frozen(z).value(z) == task.trajectory().frozen(moved).value(moved)
    assert task.restrict(task.trajectory(), np.ones(len(x), dtype=bool), x) is task.trajectory()


def test_a_horizon_takes_the_training_observations_up_to_its_share_of_each_span() -> None:
    task = task_of(populations())
    data = task.model.data
    part = np.asarray(task.model.problem.part)
    chosen = task.trajectory(0.5)
    assert isinstance(chosen, TrajectoryObjective)
    expected = []
    for i in range(2):
        rows = np.flatnonzero((data.trajectory_of == i) & (part == 0))
        middle = (data.t[rows[0]] + data.t[rows[-1]]) / 2
        expected += [row for row in rows if data.t[row] <= middle]
    assert chosen.selection.index.tolist() == expected


def test_the_test_part_is_in_no_objective_and_not_in_the_validation() -> None:
    task = task_of(populations())
    part = np.asarray(task.model.problem.part)
    assert (part == TEST).any()
    assert (part == VALIDATION).any()
    chosen = task.trajectory()
    assert isinstance(chosen, TrajectoryObjective)
    assert (part[chosen.selection.index] == 0).all()
    poisoned = task.model.data.values.copy()
    poisoned[part == TEST] = 1e9
    other = replace(task.model.problem, data=replace(task.model.data, values=poisoned))
    x = task.unknowns.start
    assert task_of(other).validation(x) == task.validation(x)


def test_the_validation_of_a_likelihood_profiles_its_own_scales_and_is_per_value() -> None:
    task = task_of(populations(), loss="likelihood")
    x, model = task.unknowns.start, task.model
    part = np.asarray(model.problem.part)
    held = model.trial(x, Selection.of(model.data, part == VALIDATION))
    e = held.selection.values - held.predicted
    n, mean_square = np.isfinite(e).sum(axis=0), np.nanmean(e**2, axis=0)
    nll = 0.5 * n * (np.log(2 * np.pi * mean_square) + 1)  # of a Gaussian whose variance is that of the residuals
    assert task.validation(x) == pytest.approx(nll.sum() / n.sum(), rel=1e-12)


def test_without_a_validation_part_there_is_no_validation_loss() -> None:
    data = populations().data
    assert data is not None
    task = task_of(read_problem(POPULATIONS).with_data(data, "none"))
    assert task.validation(task.unknowns.start) is None


def test_a_model_without_any_unknown_can_still_be_scored() -> None:
    text = POPULATIONS.replace("fit = true", "fit = false").replace(', transform = "log"', ", fixed = true")
    data = populations().data
    assert data is not None
    problem: Problem = read_problem(text).with_data(data, "none")
    field = installed().make("dynamics", "equations").build(problem, np.random.default_rng(0))
    model = Model(problem, field, installed().make("solver", "tsit5"), installed().make("loss", "mse"))
    task = FitTask(model, installed().make("optimizer", "levenberg-marquardt"), FitBudget(lambda: 0.0))
    assert task.unknowns.start.shape == (0,)
    assert np.isfinite(task.trajectory().value(task.unknowns.start))
    assert task.trajectory().linearize(task.unknowns.start).jacobian.shape[1] == 0
