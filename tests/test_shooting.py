"""Multiple shooting: windows, their derivatives, the condensed step, and fits that single shooting loses."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest

from workbench import Dataset
from workbench.dataset import TRAIN, Inputs
from workbench.errors.usage import CompilerUnavailable, UsageError
from workbench.fitting import FitTask
from workbench.fitting.shooting import Shooting, ShootingLine
from workbench.fitting.stuck import constant
from workbench.fitting.windows import MOST
from workbench.problem import Problem, read_problem
from workbench.registry import installed
from workbench.testing.strategies import growth, run, task_of

DRIVEN = """
title  = "A driven spring whose velocity is hidden, one of its own in each trajectory"
source = "for tests"
time   = { start = 0.0 }
[states.x]
equation = "v"
initial  = { value = 0.5, fit = true }
[states.v]
equation = "-k*x - c*v + b*u"
initial  = "w0*c"
[parameters]
k  = { value = 3.0, transform = "log", per = "trajectory" }
c  = { value = 0.4, bounds = [0.1, 2.0], transform = "logit" }
b  = { value = 1.0 }
w0 = { value = 0.3 }
[inputs.u]
interpolation = "linear"
[observed.position]
formula = "x + 0.1*b"
"""


def driven() -> Problem:
    """Two trajectories of different lengths, the first seen from after its start, with values missing."""
    rng = np.random.default_rng(3)
    first, second = np.sort(rng.uniform(0.2, 6, 23)), np.linspace(0, 4, 17)
    t = np.append(first, second)
    values = np.sin(1.7 * t)[:, None] + 0.05 * rng.normal(size=(40, 1))
    values[[2, 9, 30]] = np.nan
    at = np.linspace(0, 7, 15)
    inputs = Inputs(("u",), np.tile(at, 2), np.sin(np.tile(at, 2))[:, None], np.array([15, 15]))
    data = Dataset(t, values, np.array([23, 17]), ("position",), inputs=inputs)
    return read_problem(DRIVEN).with_data(data, "none")


def network() -> Problem:
    t = np.linspace(0, 6, 31)
    values = np.column_stack([np.cos(t), -np.sin(t)]) * np.exp(-0.1 * t)[:, None]
    return Problem("data").with_data(Dataset(t, values, np.array([31]), ("x", "y")), "none")


DOSED = """
title  = "Doses of a half-known size: the gut is hidden, the body is seen"
source = "for tests"
[states.gut]
equation = "-ka*gut"
initial  = 0.0
[states.body]
equation = "ka*gut - ke*body"
initial  = { value = 0.5, fit = true }
[events.dose]
time = [0, 6, "again"]
map  = { gut = "gut + F*10", body = "0.9*body" }
[parameters]
ka = { value = 0.9, transform = "log" }
ke = { value = 0.4, transform = "log" }
F  = { value = 0.5 }
[covariates.again]
[observed]
body = "body"
"""


def dosed() -> Problem:
    """Two subjects, who are given more at the time of a node and between nodes, by the exact solution but for maps."""
    t = np.linspace(0, 12, 25)
    values = [5 * np.exp(-0.3 * t) * (1 + np.sin(each * t) ** 2) for each in (1.0, 1.3)]
    covariates = {"again": np.array([8.2, 9.5])}
    data = Dataset(np.tile(t, 2), np.concatenate(values)[:, None], np.array([25, 25]), ("body",), covariates=covariates)
    return read_problem(DOSED).with_data(data, "none")


def tasks() -> dict[str, FitTask]:
    return {
        "events": task_of(dosed()),
        "equations": task_of(driven()),
        "likelihood": task_of(replace(driven(), noise={"position": "gaussian"}), loss="likelihood"),
        "priors": task_of(
            read_problem(DRIVEN.replace("value = 1.0 }", 'value = 1.0, prior = "gamma(9, 0.1)" }')).with_data(
                driven().data, "none"
            ),
            loss="likelihood",
        ),
        "network": task_of(network(), dynamics="mlp", hidden=(3,)),
    }


def compiled(task: FitTask) -> FitTask:
    """The task on the compiled engine, or as it is where nothing compiles."""
    with contextlib.suppress(CompilerUnavailable):
        task.model.compile()
    return task


@pytest.fixture(params=["equations", "likelihood", "priors", "events", "network", "compiled"])
def task(request: pytest.FixtureRequest) -> FitTask:
    if request.param != "compiled":
        return tasks()[request.param]
    return compiled(tasks()["equations"])


def lined(task: FitTask, continuity: float = 3.0) -> tuple[Shooting, np.ndarray, np.ndarray, ShootingLine]:
    """A linearization away from where the windows meet."""
    shooting = task.windows()
    x = task.unknowns.start
    nodes, size = shooting.start(x)
    nodes = nodes + 0.05 * size * np.random.default_rng(0).normal(size=nodes.shape)
    return shooting, x, nodes, shooting.linearize(x, nodes, size, continuity, np.full(len(x), 0.01))


def dense(line: ShootingLine) -> tuple[np.ndarray, np.ndarray]:
    """All rows with the gaps' and the prior's, and their Jacobian by x and the nodes that are unknowns."""
    condensed = line.condensed
    rows, gaps, free = condensed.rows, condensed.gaps, condensed.free
    n, d = len(condensed.x), len(gaps.w)
    place = np.cumsum(free) - 1
    columns = n + d * int(free.sum())
    top = np.zeros((len(rows.r), columns))
    top[:, :n] = rows.by_x
    for i, window in enumerate(rows.window):
        if free[window]:
            top[i, n + d * place[window] :][:d] = rows.by_node[i]
    middle = np.zeros((len(gaps.c), d, columns))
    middle[:, :, :n] = gaps.by_x
    for k, window in enumerate(gaps.window):
        if free[window]:
            middle[k, :, n + d * place[window] :][:, :d] = gaps.by_node[k]
        middle[k, :, n + d * place[window + 1] :][:, :d] = -np.diag(gaps.w)
    prior = np.zeros((n, columns))
    prior[:, :n] = np.diag(np.sqrt(condensed.shrink))
    r = np.concatenate([rows.r, gaps.c.ravel(), np.sqrt(condensed.shrink) * condensed.x])
    return r, np.vstack([top, middle.reshape(-1, columns), prior])


# --- windows


def test_windows_hold_every_training_value_once_and_begin_at_observations() -> None:
    task = task_of(driven())
    windows = task.windows().windows
    seen = windows.data.values[np.isfinite(windows.data.values)]
    assert np.sort(seen).tolist() == np.sort(task.model.data.values[task.model.data.mask]).tolist()
    assert windows.first.tolist().count(True) == 2
    assert np.isin(windows.t[~windows.first], task.model.data.t).all()
    assert windows.t[windows.first].tolist() == [0.0, 0.0]  # the declared start, before the first observation
    # two states: at least four values in each
    counts = np.add.reduceat(windows.data.mask.sum(axis=1), windows.data.starts)
    assert counts.min() >= 4


def test_a_window_ends_where_the_next_begins() -> None:
    windows = task_of(driven()).windows().windows
    ends = windows.data.t[windows.end[windows.before]]
    assert ends.tolist() == windows.t[windows.nodes].tolist()


def test_replicates_stay_in_one_window_and_long_data_have_a_hundred() -> None:
    t = np.repeat(np.linspace(0, 10, 1000), 2)
    data = Dataset(t, np.sin(t)[:, None], np.array([2000]), ("x",))
    windows = task_of(replace(growth(), data=data, part=np.zeros(2000, dtype=np.int8))).windows().windows
    assert len(windows.trajectory) <= MOST
    assert len(np.unique(windows.t)) == len(windows.t)


def test_the_test_part_is_in_no_window() -> None:
    task = task_of(growth())
    part = np.asarray(task.model.problem.part)
    last = task.model.data.t[part == TRAIN].max()
    assert task.windows().windows.data.t.max() == last


def test_nodes_and_windows_that_meet_at_an_event_know_the_state_before_it() -> None:
    """The free run, cut into windows that begin on it, is the free run again: every jump happens in one window."""
    task = tasks()["events"]
    shooting, x = task.windows(), task.unknowns.start
    windows = shooting.windows
    assert 6.0 in windows.t
    whole = task.model.solve(x, np.arange(2), np.stack([windows.t[windows.trajectory == i] for i in (0, 1)]))
    line = shooting.linearize(x, whole.ys.reshape(-1, 2), np.ones(2), 1.0, np.zeros(len(x)))
    # both by tsit5 at rtol 1e-6
    assert line.gap < 1e-5
    assert line.loss == pytest.approx(task.trajectory().value(x), rel=1e-5)


def test_nodes_start_near_what_is_measured_and_on_the_solution_where_it_is_hidden() -> None:
    task = task_of(read_problem(PREDATOR).with_data(prey(0.0), "none"))
    shooting = task.windows()
    nodes, size = shooting.start(task.unknowns.start)
    at = np.searchsorted(task.model.data.t, shooting.windows.t)
    # without noise the smoothing curve misses values by little of their spread
    np.testing.assert_allclose(nodes[:, 0], task.model.data.values[at, 0], atol=0.02 * np.ptp(task.model.data.values))
    solved = task.model.solve(task.unknowns.start, np.array([0]), shooting.windows.t[None]).ys[0]
    np.testing.assert_allclose(nodes[:, 1], solved[:, 1], rtol=1e-12)
    assert (size > 0).all()


# --- derivatives and the step


def test_a_declared_prior_has_a_row_of_its_own_in_the_squares_and_none_in_the_misfit_of_the_data() -> None:
    _, x, _, line = lined(tasks()["priors"])
    b = tasks()["priors"].unknowns.labels.index("b")
    rows = line.condensed.rows
    assert len(rows.r) == len(tasks()["priors"].model.data.values) - 3 + 1, "three values are missing"
    # −log of gamma(9, 0.1) above its peak at 0.8
    cost = 8 * np.log(0.8 / x[b]) + 10 * (x[b] - 0.8)
    assert 0.5 * rows.r[-1] ** 2 == pytest.approx(cost, rel=1e-9)
    assert np.flatnonzero(rows.by_x[-1]).tolist() == [b]
    assert line.data * line.reference == pytest.approx(0.5 * np.sum(rows.r[:-1] ** 2), rel=1e-12)


def test_the_squares_are_differentiated_exactly(task: FitTask) -> None:
    """Central differences of step 1e-5 err by 1e-10 of a third derivative, and by the solver's steps at rtol 1e-6."""
    shooting, x, nodes, line = lined(task)
    r, jacobian = dense(line)
    gradient = jacobian.T @ r
    free = np.flatnonzero(~shooting.windows.first)
    h = 1e-5
    scale = np.max(np.abs(gradient))
    for i in range(min(len(x), 7)):
        e = h * np.eye(len(x))[i]
        slope = (line.value_at(x + e, nodes) - line.value_at(x - e, nodes)) / (2 * h)
        assert slope == pytest.approx(gradient[i], abs=2e-4 * scale)
    for k, window in enumerate(free[:2]):
        for j in range(nodes.shape[1]):
            moved = np.zeros_like(nodes)
            moved[window, j] = h
            slope = (line.value_at(x, nodes + moved) - line.value_at(x, nodes - moved)) / (2 * h)
            assert slope == pytest.approx(gradient[len(x) + k * nodes.shape[1] + j], abs=2e-4 * scale)


def test_the_value_is_half_the_squares(task: FitTask) -> None:
    _, x, nodes, line = lined(task)
    r, _ = dense(line)
    assert line.value == pytest.approx(0.5 * r @ r, rel=1e-12)
    assert line.value_at(x, nodes) == pytest.approx(line.value, rel=1e-12)


def test_the_condensed_step_is_that_of_the_whole_system(task: FitTask) -> None:
    """Both solve the same normal equations, whose condition number times the round-off bounds their difference."""
    shooting, x, _, line = lined(task)
    r, jacobian = dense(line)
    hessian = jacobian.T @ jacobian
    damped = hessian + 0.1 * np.diag(np.diag(hessian))
    whole = np.linalg.solve(damped, -jacobian.T @ r)
    free, wide = np.full(len(x), np.inf), line.condensed
    dx, ds = wide.step(0.1, -free, free, hold=False)
    tolerance = 1e-14 * np.linalg.cond(damped) * np.abs(whole).max()
    np.testing.assert_allclose(dx, whole[: len(x)], rtol=0, atol=tolerance)
    np.testing.assert_allclose(ds[~shooting.windows.first].ravel(), whole[len(x) :], rtol=0, atol=tolerance)
    assert not ds[shooting.windows.first].any()
    fall = 0.5 * r @ r - 0.5 * np.sum((r + jacobian @ whole) ** 2)
    assert wide.predicted(dx, ds) == pytest.approx(fall, rel=1e-6)


def test_a_step_that_holds_x_moves_the_nodes_alone(task: FitTask) -> None:
    _, x, nodes, line = lined(task)
    free = np.full(len(x), np.inf)
    dx, ds = line.condensed.step(1e-3, -free, free, hold=True)
    assert not dx.any()
    assert line.value_at(x, nodes + ds) < line.value


def test_a_step_stays_within_the_bounds_and_still_goes_down(task: FitTask) -> None:
    _, x, nodes, line = lined(task)
    near = np.full(len(x), 1e-3)
    dx, ds = line.condensed.step(1e-3, -near, near, hold=False)
    assert (np.abs(dx) <= near).all()
    assert line.condensed.predicted(dx, ds) > 0
    assert line.value_at(x + dx, nodes + ds) < line.value


# --- fits

PREDATOR = """
title  = "Predator and prey, of which the prey is seen"
source = "Lotka (1925); Volterra (1926)"
[states.prey]
equation = "a*prey - b*prey*predator"
initial  = { value = 1.0, fit = true, transform = "log" }
[states.predator]
equation = "d*prey*predator - g*predator"
initial  = { value = 0.64, fit = true, transform = "log" }
[parameters]
a = { value = 0.37, transform = "log" }
b = { value = 1.0, transform = "log", fixed = true }
d = { value = 0.88, transform = "log" }
g = { value = 1.42, transform = "log" }
[observed.prey]
formula = "prey"
"""
TRUTH = {"a": 1.5, "d": 1.0, "g": 3.0}


def prey(noise: float, missing: bool = False, starts: tuple[float, ...] = (1.0,)) -> Dataset:
    """Prey at 81 times of [0, 10] for a = 1.5, b = 1, d = 1, g = 3, by DOP853."""
    from scipy.integrate import solve_ivp

    rng, t = np.random.default_rng(5), np.linspace(0, 10, 81)

    def f(_: float, y: np.ndarray) -> list[float]:
        return [1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3 * y[1]]

    solved = [solve_ivp(f, (0, 10), (s, 1.0), "DOP853", t, rtol=1e-10, atol=1e-12).y[0] for s in starts]
    values = np.concatenate(solved)
    values = values + noise * values.std() * rng.normal(size=len(values))
    if missing:
        values[rng.random(len(values)) < 0.3] = np.nan
    return Dataset(np.tile(t, len(starts)), values[:, None], np.full(len(starts), 81), ("prey",))


def found(task: FitTask, x: np.ndarray) -> dict[str, float]:
    return dict(zip(task.unknowns.labels, task.unknowns.physical(x)[0], strict=True))


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("strategy", ["multiple-shooting", "ladder"])
def test_a_hidden_predator_is_found_where_the_whole_trajectory_is_caught(strategy: str, missing: bool) -> None:
    problem = read_problem(PREDATOR).with_data(prey(0.05, missing), "none")
    task = compiled(task_of(problem, "least-squares"))
    x = run(installed().make("strategy", strategy), task)[0]["strategy"]["x"]
    alone = run(installed().make("strategy", "single"), task)[0]["strategy"]["x"]
    # noise of 5 % over some 60 values and five unknowns: estimates scatter by one or two percent
    assert {name: found(task, x)[name] for name in TRUTH} == pytest.approx(TRUTH, rel=0.08)
    assert task.trajectory().value(x) < 0.1 * task.trajectory().value(alone)


def test_several_trajectories_share_their_parameters() -> None:
    task = compiled(
        task_of(read_problem(PREDATOR).with_data(prey(0.02, starts=(1.0, 1.0)), "none"), "levenberg-marquardt")
    )
    x = run(installed().make("strategy", "multiple-shooting"), task)[0]["strategy"]["x"]
    # less than half of the noise and twice the values: half a percent
    assert {name: found(task, x)[name] for name in TRUTH} == pytest.approx(TRUTH, rel=0.03)


def test_exact_data_give_the_exact_parameters_and_the_windows_join() -> None:
    task = compiled(task_of(read_problem(PREDATOR).with_data(prey(0.0), "none")))
    state, taken = run(installed().make("strategy", "multiple-shooting"), task)
    # tsit5 at its rtol of 1e-6, along four periods
    assert {n: found(task, state["strategy"]["x"])[n] for n in TRUTH} == pytest.approx(TRUTH, rel=1e-4)
    assert taken[1].rung.split()[0] == "windows"
    assert any(step.event.startswith("the windows have joined") for step in taken)
    gaps = [step.parts["gap"] for step in taken if "gap" in step.parts]
    assert gaps[-1] < 0.1 * max(gaps)


def test_the_ladder_says_that_a_fit_is_stuck_and_goes_on_in_windows() -> None:
    task = compiled(task_of(read_problem(PREDATOR).with_data(prey(0.05), "none")))
    _, taken = run(installed().make("strategy", "ladder"), task)
    rungs = list(dict.fromkeys(step.rung.split(":")[0].split()[0] for step in taken[1:]))
    assert rungs == ["all", "windows"]
    assert any("stuck: cuts the trajectories into windows" in step.event for step in taken)
    _, without = run(installed().make("strategy", "ladder", {"windows": False}), task)
    assert all("windows" not in step.rung for step in without)


def test_a_good_fit_is_not_stuck_and_a_wrong_one_is() -> None:
    task = compiled(task_of(read_problem(PREDATOR).with_data(prey(0.1), "none")))
    wrong = task.unknowns.start
    right = wrong.copy()
    for name, value in {**TRUTH, "prey(0)": 1.0, "predator(0)": 1.0}.items():
        right[task.unknowns.labels.index(name)] = np.log(value)
    assert task.stuck(wrong)
    assert not task.stuck(right)


def test_the_horizon_grows_from_its_first_share_to_the_whole() -> None:
    task = task_of(growth(split="none"))
    state, taken = run(installed().make("strategy", "horizon"), task)
    rungs = list(dict.fromkeys(step.rung.split(":")[0] for step in taken[1:]))
    assert rungs == ["all 0.125", "all 0.25", "all 0.5", "all"]
    assert state["done"] == "converged"


def test_windows_of_as_many_times_as_asked_for() -> None:
    task = task_of(growth(split="none"))
    windows = task.windows(5).windows
    counts = np.add.reduceat(windows.data.mask.sum(axis=1), windows.data.starts)
    assert counts.tolist() == [5, 5, 5, 5, 5]


def test_too_many_unknowns_for_a_jacobian_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.fitting.objective.LARGEST_DENSE", 2)
    with pytest.raises(UsageError, match="too many"):
        task_of(growth()).windows()


def test_a_constant_is_the_mean_of_each_channel_and_0_where_nothing_was_observed() -> None:
    values = np.array([[1.0, np.nan, 2.0], [3.0, np.nan, np.nan]])
    assert constant(values).tolist() == [[2, 0, 2], [2, 0, 2]]
