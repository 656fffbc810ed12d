"""A model: where solves begin, what drives them, what is observed, and what is compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from workbench_runge_kutta.classical import RK4
from workbench_runge_kutta.dormand_prince import DOPRI5

from workbench import Dataset, Inputs
from workbench.contracts import Trajectory
from workbench.engine import TableauSolver
from workbench.errors.numerics import GradientUnavailable, NoFiniteSolution
from workbench.errors.usage import UsageError
from workbench.model import Model, Selection
from workbench.model.inputs import InputTable
from workbench.problem import Problem, read_problem
from workbench.registry import installed

GROWTH = """
title  = "Growth with a push"
source = "for tests"
[states.x]
equation = "r*x"
initial  = { value = 2.0, fit = true }
[parameters]
r = 0.5
"""

DRIVEN = """
title  = "The integral of an input"
source = "for tests"
[states.x]
equation = "u"
initial  = 0.0
[inputs.u]
interpolation = "KIND"
"""


def dataset(t: list[list[float]], channels: tuple[str, ...] = ("x",), **more) -> Dataset:  # type: ignore[no-untyped-def]
    flat = np.concatenate(t)
    return Dataset(flat, np.ones((len(flat), len(channels))), np.array([len(row) for row in t]), channels, **more)


def model(problem: Problem, dynamics: str = "equations", loss: str = "mse", **settings: float) -> Model:
    field = installed().make("dynamics", dynamics).build(problem, np.random.default_rng(0))
    solver = TableauSolver(tableau=DOPRI5, **{"rtol": 1e-10, "atol": 1e-12, **settings})  # type: ignore[arg-type]
    return Model(problem, field, solver, installed().make("loss", loss))


def everything(of: Model) -> Selection:
    return Selection.of(of.data, np.ones(len(of.data.t), dtype=bool))


# --- selections


def test_a_selection_lays_observations_out_by_trajectory_and_repeated_times_share_a_column() -> None:
    data = dataset([[0.0, 1.0, 1.0, 2.0], [5.0], [0.0, 0.5]])
    wanted = np.array([True, True, True, False, False, True, True])
    selection = Selection.of(data, wanted)
    assert selection.rows.tolist() == [0, 2]
    np.testing.assert_array_equal(selection.ts, [[0.0, 1.0], [0.0, 0.5]])
    assert selection.index.tolist() == [0, 1, 2, 5, 6]
    assert list(zip(selection.row, selection.column, strict=True)) == [(0, 0), (0, 1), (0, 1), (1, 0), (1, 1)]
    np.testing.assert_array_equal(selection.ts[selection.row, selection.column], data.t[selection.index])


def test_rows_of_a_selection_are_padded_with_nan() -> None:
    selection = Selection.of(dataset([[0.0, 1.0, 2.0], [7.0]]), np.ones(4, dtype=bool))
    np.testing.assert_array_equal(selection.ts, [[0, 1, 2], [7, np.nan, np.nan]])


# --- starts, bounds, solutions


def test_solutions_of_several_trajectories_are_the_exact_ones_from_their_own_starts() -> None:
    problem = read_problem(GROWTH).with_data(dataset([[0.0, 1.0, 1.0, 3.0], [2.0, 2.5]]), "none")
    of = model(problem)
    assert of.unknowns.labels == ("r", "x(0)[0]", "x(0)[1]")
    states = of.trial(np.array([0.3, 2.0, -1.0]), everything(of)).states[:, 0]
    expected = [2, 2 * np.exp(0.3), 2 * np.exp(0.3), 2 * np.exp(0.9), -1, -np.exp(0.15)]
    # rtol 1e-10 over a span of a few time constants
    np.testing.assert_allclose(states, expected, rtol=1e-8)


def test_a_declared_start_lies_before_the_first_observation() -> None:
    problem = replace(read_problem(GROWTH), start=-1.0).with_data(dataset([[0.0, 1.0]]), "none")
    of = model(problem)
    assert of.t0.tolist() == [-1.0]
    states = of.trial(np.array([0.5, 2.0]), everything(of)).states[:, 0]
    np.testing.assert_allclose(states, 2 * np.exp([0.5, 1.0]), rtol=1e-8)


def test_initial_values_of_trajectories_that_only_test_are_held() -> None:
    data = dataset([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    of = model(read_problem(GROWTH).with_data(data, "trajectories:1"))
    assert of.unknowns.labels == ("r", "x(0)[0]")


def test_a_fitted_start_is_the_first_observation_where_the_state_itself_is_observed() -> None:
    data = dataset([[0.0, 1.0], [3.0, 4.0]])
    data = replace(data, values=np.array([[7.0], [1.0], [np.nan], [1.0]]))
    of = model(read_problem(GROWTH).with_data(data, "none"))
    np.testing.assert_array_equal(of.unknowns.values(of.unknowns.start)["initial"], [[7.0], [2.0]])


def test_only_gradients_that_a_fit_can_use_are_taken() -> None:
    problem = read_problem(GROWTH).with_data(dataset([[0.0, 1.0]]), "none")
    field = installed().make("dynamics", "equations").build(problem, np.random.default_rng(0))
    with pytest.raises(GradientUnavailable, match="backprop") as refused:
        Model(problem, field, installed().make("solver", "scipy_radau"), installed().make("loss", "mse"), "backprop")
    assert refused.value.help == "--gradient adjoint or --gradient forward"


def test_a_channel_that_the_dynamics_do_not_observe_is_refused_by_name() -> None:
    problem = read_problem(GROWTH).with_data(dataset([[0.0, 1.0]]), "none")
    assert problem.data is not None
    with pytest.raises(UsageError, match="not the channel 'z'"):
        model(replace(problem, data=replace(problem.data, channels=("z",))))


def test_channels_of_the_data_may_be_fewer_and_in_another_order_than_what_is_observed() -> None:
    text = GROWTH + '[observed]\nfirst = "x"\nsecond = "10*x"\nthird = "100*x"\n'
    problem = read_problem(text).with_data(dataset([[0.0, 1.0]], ("third", "first")), "none")
    of = model(problem)
    trial = of.trial(of.unknowns.start, everything(of))
    scale = {"first": 1.0, "second": 10.0, "third": 100.0}
    expected = trial.states * [scale[name] for name in of.data.channels]
    np.testing.assert_array_equal(trial.predicted, expected)


# --- trials that fail


def test_a_solution_that_blows_up_is_worth_inf_and_its_derivatives_say_when_and_which() -> None:
    text = GROWTH.replace("r*x", "r*x^2")
    of = model(read_problem(text).with_data(dataset([[0.0, 5.0], [0.0, 0.1]]), "none"))
    trial = of.trial(np.array([0.5, 2.0, 1.0]), everything(of))  # 1/x = 1/2 − t/2: infinite at t = 1
    assert trial.value() == np.inf
    with pytest.raises(NoFiniteSolution, match="trajectory 1 ended early"):
        trial.linearize()
    with pytest.raises(NoFiniteSolution):
        trial.gradient()


def test_an_initial_state_that_is_not_finite_is_worth_inf() -> None:
    text = GROWTH.replace("{ value = 2.0, fit = true }", '"log(r)"')
    of = model(read_problem(text).with_data(dataset([[0.0, 1.0]]), "none"))
    assert of.trial(np.array([-1.0]), everything(of)).value() == np.inf
    assert np.isfinite(of.trial(np.array([1.0]), everything(of)).value())


# --- inputs


def test_held_inputs_keep_their_left_value_up_to_the_end_of_a_step_and_linear_ones_run_between() -> None:
    table = InputTable(Inputs(("h", "l"), [0.0, 1.0, 2.0], [[1, 1], [2, 2], [4, 4]], [3]), ("hold", "linear"))
    row = np.zeros(1, dtype=int)
    for t, middle, expected in [
        (0.0, 0.5, (1, 1)),
        (1.0, 0.5, (1, 2)),  # the end of a step from 0 to 1
        (1.0, 1.5, (2, 2)),  # the start of the next
        (1.5, 1.5, (2, 3)),
        (-1.0, -1.0, (1, 1)),
        (9.0, 9.0, (4, 4)),
    ]:
        assert table(np.array([t]), row, np.array([middle]))[0].tolist() == list(expected), (t, middle)


def test_each_trajectory_is_driven_by_its_own_samples_however_their_clocks_lie() -> None:
    inputs = Inputs(("u",), [0.0, 1.0, -5.0, 100.0, 0.5], [[1], [2], [3], [4], [5]], [2, 2, 1])
    table = InputTable(inputs, ("hold",))
    t = np.array([0.9, 1.1, -4.0, 99.0, 101.0, -7.0, 0.0, 200.0])
    row = np.array([0, 0, 1, 1, 1, 1, 2, 2])
    assert table(t, row, t)[:, 0].tolist() == [1, 2, 3, 3, 4, 3, 5, 5]


@pytest.mark.parametrize(
    ("kind", "integral"),
    [("hold", [0, 1, 1.5, 3]), ("linear", [0, 1.5, 1.25 + 1.25**2 / 2, 4])],  # of 1 and then 2; of the line 1 + t
)
def test_the_integral_of_an_input_is_exact_whatever_the_tolerance(kind: str, integral: list[float]) -> None:
    inputs = Inputs(("u",), [0.0, 1.0, 2.0], [[1.0], [2.0], [3.0]], [3])
    data = dataset([[0.0, 1.0, 1.25, 2.0]], inputs=inputs)
    of = model(read_problem(DRIVEN.replace("KIND", kind)).with_data(data, "none"), rtol=1e-2, atol=1e-2)
    # steps end where the input jumps or bends, so that even loose ones of order five integrate it exactly
    np.testing.assert_allclose(of.trial(of.unknowns.start, everything(of)).states[:, 0], integral, rtol=1e-14)


# --- how often f is called


class Counting:
    """A solver that counts the calls of f and the lines in them."""

    def __init__(self, solver: TableauSolver) -> None:
        self.solver, self.calls, self.lines = solver, 0, 0
        self.order, self.adaptive, self.differentiable = solver.order, solver.adaptive, False

    def solve(self, f, y0, t0, ts, options) -> Trajectory:  # type: ignore[no-untyped-def]
        def counted(t, y, row, middle):  # type: ignore[no-untyped-def]
            self.calls += 1
            self.lines += len(y)
            return f(t, y, row, middle)

        return self.solver.solve(counted, y0, t0, ts, options)


@pytest.mark.parametrize("solver", [TableauSolver(tableau=RK4), TableauSolver(tableau=DOPRI5, rtol=1e-6)])
def test_ten_thousand_trajectories_take_as_many_calls_of_f_as_one(solver: TableauSolver) -> None:
    counts = []
    for n in (1, 10_000):
        of = model(read_problem(GROWTH).with_data(dataset([[0.0, 0.5, 1.0]] * n), "none"))
        counting = Counting(solver)
        of.solver = counting  # type: ignore[assignment]
        of.trial(of.unknowns.start, everything(of)).value()
        counts.append((counting.calls, counting.lines))
    (calls_of_one, lines_of_one), (calls_of_many, lines_of_many) = counts
    assert calls_of_many == calls_of_one
    assert lines_of_many == 10_000 * lines_of_one


def test_derivatives_of_ten_thousand_trajectories_take_as_many_calls_as_those_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workbench.model import graph_rhs

    calls = {"jacobians": 0, "pullback": 0}
    for name in calls:
        own = getattr(graph_rhs.GraphRhs, name)

        def counted(self, *arguments, own=own, name=name):  # type: ignore[no-untyped-def]
            calls[name] += 1
            return own(self, *arguments)

        monkeypatch.setattr(graph_rhs.GraphRhs, name, counted)
    counts = []
    text = GROWTH.replace("{ value = 2.0, fit = true }", "2.0")
    for n in (1, 2_000):  # below the memory at which lines are taken in several pieces
        of = model(read_problem(text).with_data(dataset([[0.0, 0.5, 1.0]] * n), "none"))
        of.solver = TableauSolver(tableau=RK4)
        trial = of.trial(of.unknowns.start, everything(of))
        trial.linearize()
        trial.gradient()
        counts.append(dict(calls))
        calls.update(jacobians=0, pullback=0)
    assert counts[0] == counts[1]
