"""Events in the loop: located, landed on, and never in the way."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from workbench_runge_kutta.classical import HEUN2, RK4
from workbench_runge_kutta.dop853 import DOP853
from workbench_runge_kutta.radau import RADAU5
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.contracts import Ending, Event, Mesh, SolveOptions, Trajectory
from workbench.engine import LoopSolver, StepSolver, Tableau, TableauSolver
from workbench.engine.roots import locate
from workbench.errors.numerics import ShapeOfEvent
from workbench.registry import installed

SOLVER = TableauSolver(TSIT5, rtol=1e-9, atol=1e-11)
HIT = Event("hit", lambda t, y, row: y[:, 0], direction=-1)
SCIPY = pytest.mark.parametrize("name", ["scipy_lsoda", "scipy_radau", "scipy_bdf", "scipy_dop853"])
EPS = np.finfo(float).eps


def turn(t: np.ndarray, y: Any, row: np.ndarray, middle: np.ndarray) -> Any:
    """The oscillator: y0' = y1, y1' = −y0."""
    return np.stack([y[:, 1], -y[:, 0]], axis=1)


def fall(t: np.ndarray, y: Any, row: np.ndarray, middle: np.ndarray) -> Any:
    return np.stack([y[:, 1], -1.0 + 0 * y[:, 0]], axis=1)


def solved(
    solver: Any, f: Any, y0: Any, ts: np.ndarray, events: tuple[Event, ...] = (HIT,), **options: Any
) -> Trajectory:
    start = np.atleast_2d(y0) if isinstance(y0, list | np.ndarray) else y0
    times = np.broadcast_to(ts, (len(start), len(ts)))
    return solver.solve(f, start, times[:, 0], times, SolveOptions(events=events, **options))


@pytest.mark.parametrize(
    "solver",
    [SOLVER, TableauSolver(DOP853, rtol=1e-11, atol=1e-12), TableauSolver(DOP853, step=0.05)],
    ids=["tsit5", "dop853", "equal steps"],
)
@pytest.mark.parametrize("t0", [0.0, 100.0])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_an_event_ends_each_row_at_its_own_time(solver: Any, t0: float, way: float) -> None:
    y0 = np.array([[0.0, way], [0.3, 0.5 * way], [-1.0, 0.0]])
    exact = np.array([np.pi, np.pi - np.arctan2(0.3, 0.5), 1.5 * np.pi])
    ts = t0 + way * np.linspace(0, 9, 50)
    found = solved(solver, turn, y0, ts)
    assert found.status == ("event",) * 3
    assert found.ok.all()
    assert found.message[0].startswith("event 'hit' at t = ")
    assert found.event is not None
    assert found.event.index.tolist() == [0, 0, 0]
    # the global error of the solves: rtol a step, some hundred steps
    np.testing.assert_allclose(way * (found.event.t - t0), exact, atol=3e-10)
    # y is at round-off of a step, or moves by a rounding error of t at speed 1
    assert np.abs(found.event.y[:, 0]).max() < 4 * EPS * max(1.0, abs(t0))
    later = way * (ts - t0) > way * (found.event.t - t0)[:, None]
    np.testing.assert_array_equal(np.isnan(found.ys[:, :, 0]), later)


def test_the_last_step_is_clipped_and_ends_at_the_event() -> None:
    found = solved(SOLVER, turn, [0.0, 1.0], np.linspace(0, 9, 3), keep=True)
    assert found.mesh is not None
    assert found.event is not None
    assert found.mesh.clipped[0].tolist() == [False] * (found.mesh.n_steps[0] - 1) + [True]
    assert found.mesh.t[0, -1] == found.event.t[0]
    np.testing.assert_array_equal(found.steps[0, -1], found.event.y[0])


@pytest.mark.parametrize(
    "solver", [SOLVER, TableauSolver(RK4, step=0.1), TableauSolver(DOP853), TableauSolver(RADAU5, rtol=1e-5)]
)
def test_a_replay_of_a_solve_that_ended_by_an_event_has_the_same_bits(solver: Any) -> None:
    y0, ts = np.array([[0.0, 1.0], [0.3, 0.5]]), 7.3 + np.linspace(0, 9, 50)
    first = solved(solver, turn, y0, ts, keep=True)
    again = solved(solver, turn, y0, ts, keep=True, replay=first.mesh)
    np.testing.assert_array_equal(first.ys, again.ys)
    np.testing.assert_array_equal(first.steps, again.steps)
    assert first.event is not None
    assert again.event is not None
    np.testing.assert_array_equal(first.event.t, again.event.t)
    assert first.status == again.status == ("event", "event")


@pytest.mark.parametrize("tableau", [HEUN2, RK4, TSIT5, DOP853], ids=lambda tableau: tableau.name)
def test_an_event_is_as_exact_as_the_method_and_not_as_its_dense_output(tableau: Tableau) -> None:
    """Against steps of the same length that end at the exact time: at speed 1 the error of y is that of the time."""
    exact, step = np.pi - np.arctan(0.3), 0.3
    found = solved(TableauSolver(tableau, step=step), turn, [0.3, 1.0], np.array([0.0, 5.0]))
    there = solved(TableauSolver(tableau, step=step), turn, [0.3, 1.0], np.array([0.0, exact]), ())
    assert found.event is not None
    speed = np.hypot(0.3, 1.0)
    # the steps there are 0.285 instead of 0.294, which to the power of 8 is 1.3
    assert speed * abs(found.event.t[0] - exact) < 1.5 * abs(there.ys[0, -1, 0])


def test_the_direction_decides_which_crossing_counts() -> None:
    times = []
    for direction in (-1, 0, 1):
        event = dataclasses.replace(HIT, direction=direction)
        found = solved(SOLVER, turn, [-0.5, -1.0], np.array([0.0, 9.0]), (event,))
        assert found.event is not None
        times.append(found.event.t[0])
    first = np.pi - np.arctan(0.5)
    np.testing.assert_allclose(times, [first + np.pi, first, first], atol=1e-8)


def test_the_first_of_several_events_in_one_step_wins() -> None:
    late, early = Event("late", lambda t, y, row: y[:, 0] - 0.4), Event("early", lambda t, y, row: y[:, 0] - 0.8)
    found = solved(TableauSolver(RK4, step=1.0), fall, [1.0, 0.0], np.array([0.0, 2.0]), (late, early))
    assert found.event is not None
    assert found.event.index[0] == 1
    assert found.event.t[0] == pytest.approx(np.sqrt(0.4), abs=4 * EPS)  # rk4 is exact on parabolas
    assert "early" in found.message[0]


def test_two_crossings_within_one_step_are_seen() -> None:
    """A step of 2 over an arc of 1.2: below the ground at both of its ends."""
    found = solved(TableauSolver(RK4, step=2.0), fall, [-0.1, 0.75], np.array([0.0, 2.0]))
    assert found.event is not None
    assert found.event.t[0] == pytest.approx(0.75 + np.sqrt(0.75**2 - 0.2), abs=8 * EPS)


@pytest.mark.parametrize("speed", [1.0, 1e-3, 1e-6])
def test_what_starts_on_an_event_has_to_leave_it_first(speed: float) -> None:
    """Thrown up from the floor, however little against a step of 1: it comes down after 2 v."""
    for solver in (TableauSolver(RK4, step=1.0), SOLVER):
        found = solved(solver, fall, [0.0, speed], np.array([0.0, 2.5]))
        assert found.event is not None
        assert found.event.t[0] == pytest.approx(2 * speed, rel=1e-9)


def test_a_start_at_rounding_from_an_event_is_a_start_on_it() -> None:
    both = dataclasses.replace(HIT, direction=0)
    found = solved(SOLVER, turn, [0.0, 1.0], np.array([0.0, 9.0]), (both,))
    assert found.event is not None
    onward = SOLVER.solve(
        turn, found.event.y, found.event.t, found.event.t[:, None] + np.array([[0.0, 9.0]]),
        SolveOptions(events=(both,), after=found.event),
    )  # fmt: skip
    assert onward.event is not None
    assert onward.event.t[0] == pytest.approx(2 * np.pi, abs=1e-7)


def test_a_start_off_the_event_after_it_is_watched_as_ever() -> None:
    """A neuron that is reset to −1 after it fired at 0 fires again on its way up."""
    after = Ending(np.array([0]), np.zeros(1), np.zeros((1, 1)), np.array([1e-16]))
    fire = Event("fire", lambda t, y, row: y[:, 0], direction=1)
    options = SolveOptions(events=(fire,), after=after)
    ts = np.array([[0.0, 5.0]])
    found = SOLVER.solve(lambda t, y, row, middle: 1.0 + 0 * y, -np.ones((1, 1)), np.zeros(1), ts, options)
    assert found.event is not None
    assert found.event.t[0] == pytest.approx(1.0, abs=4 * EPS)


def test_events_are_never_asked_outside_the_time_of_the_solve() -> None:
    seen: list[float] = []

    def g(t: np.ndarray, y: Any, row: np.ndarray) -> Any:
        seen.extend(t)
        return y[:, 0] - 0.1

    for name in every_solver():
        for end in (2.9, -2.9):
            solved(
                installed().make("solver", name, {}), turn, [0.5, 1.0], 0.1 + np.linspace(0, end, 4), (Event("", g),)
            )
    assert min(seen) >= 0.1 - 2.9
    assert max(seen) <= 0.1 + 2.9


def test_a_row_without_an_event_goes_to_its_end() -> None:
    found = solved(SOLVER, turn, np.array([[2.0, 0.0], [0.1, 0.0]]), np.linspace(0, 3, 4),
                   (Event("far", lambda t, y, row: y[:, 0] + 1.5),))  # fmt: skip
    assert found.status == ("event", "ok")
    assert found.event is not None
    assert found.event.index.tolist() == [0, -1]
    assert np.isfinite(found.ys[1]).all()
    assert np.isnan(found.event.t[1])


def test_an_event_that_is_no_number_ends_its_row() -> None:
    broken = Event("broken", lambda t, y, row: np.where(y[:, 0] > 0.5, np.nan, 1.0))
    for solver in (SOLVER, TableauSolver(RK4, step=0.1), installed().make("solver", "scipy_radau", {})):
        found = solved(solver, turn, np.array([[0.0, 1.0], [0.0, 0.1]]), np.linspace(0, 3, 4), (broken,))
        assert found.status == ("not_finite", "ok")
        assert "'broken' is not a number" in found.message[0]


def test_an_event_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeOfEvent, match=r"event 'hit' returned shape \(1, 2\)"):
        solved(SOLVER, turn, [0.0, 1.0], np.array([0.0, 1.0]), (Event("hit", lambda t, y, row: y),))


def test_a_step_function_that_carries_something_meets_events_too() -> None:
    """Two-step Adams–Bashforth on equal steps carries the last slope; the others' carry is not that of the landing."""

    def step(f: Any, t: Any, y: Any, h: Any, carry: Any) -> Any:
        slope = f(t, y)
        before = slope if carry is None else carry
        return y + h * (1.5 * slope - 0.5 * before), None, None, slope, True

    solver = StepSolver(step, order=2, step=0.005)
    y0, ts = np.array([[0.3, 0.5], [0.0, 1.0], [2.0, 1.0]]), np.array([0.0, 5.0])
    found = solved(solver, turn, y0, ts)
    assert found.event is not None
    exact = np.pi - np.arctan2(y0[:, 0], y0[:, 1])
    # some h² and a first step of order 1; with its own slope in the place of the last one it would be Euler's, and grow
    np.testing.assert_allclose(found.event.t, exact, atol=2e-4)
    np.testing.assert_allclose(found.event.y[:, 1], -np.hypot(*y0.T), atol=2e-4)
    for i in range(3):
        alone = solved(solver, turn, y0[i], ts)
        assert alone.event is not None
        assert alone.event.t[0] == pytest.approx(found.event.t[i], rel=1e-13)


def test_tensors_on_their_own_device_meet_events() -> None:
    def f(t: Any, y: Any, row: Any, middle: Any) -> Any:
        return torch.stack([y[:, 1], -y[:, 0]], dim=1)

    y0 = torch.tensor([[0.0, 1.0], [0.3, 0.5]], dtype=torch.float64)
    found = solved(SOLVER, f, y0, np.linspace(0, 9, 5))
    same = solved(SOLVER, turn, y0.numpy(), np.linspace(0, 9, 5))
    assert found.event is not None
    assert same.event is not None
    np.testing.assert_allclose(found.event.t, same.event.t, rtol=1e-13)


@SCIPY
def test_scipys_solvers_meet_the_same_events(name: str) -> None:
    solver = installed().make("solver", name, {"rtol": 1e-9, "atol": 1e-11})
    y0, ts = np.array([[0.0, 1.0], [0.3, 0.5], [-0.2, -1.0]]), np.linspace(0, 9, 40)
    found, ours = solved(solver, turn, y0, ts), solved(SOLVER, turn, y0, ts)
    assert found.status == ("event",) * 3
    assert found.event is not None
    assert ours.event is not None
    np.testing.assert_allclose(found.event.t, ours.event.t, atol=1e-6)  # their global error
    assert np.abs(found.event.y[:, 0]).max() < 1e-14
    np.testing.assert_array_equal(np.isnan(found.ys), np.isnan(ours.ys))
    back = solved(solver, turn, [0.3, 0.5], np.array([0.0, -9.0]), (Event("", lambda t, y, row: y[:, 0]),))
    assert back.event is not None
    assert back.event.t[0] == pytest.approx(-np.arctan2(0.3, 0.5), abs=1e-6)


def test_roots_are_found_for_all_lines_at_once() -> None:
    power = np.array([1.0, 3.0, 9.0, 1.0])
    shift = np.array([0.3, 0.7, 1e-3, 0.0])

    def g(line: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.sign(x - shift[line]) * np.abs(x - shift[line]) ** power[line]

    lines, a, b = np.arange(4), np.full(4, -1.0), np.full(4, 2.0)
    found = locate(g, a, b, g(lines, a), g(lines, b), np.full(4, 1e-15))
    # a ninth power is exactly 0 in float64 only within 1e-36 of its root; there as elsewhere the bracket closes
    np.testing.assert_allclose(found, shift, atol=2e-15)


def test_a_mesh_of_another_solve_ends_where_it_did() -> None:
    first = solved(SOLVER, turn, [0.0, 1.0], np.array([0.0, 9.0]))
    assert isinstance(first.mesh, Mesh)
    plain = solved(SOLVER, turn, [0.0, 1.0], np.array([0.0, 9.0]), (), replay=first.mesh)
    assert plain.event is None
    assert plain.status == ("step_too_small",), "without its events the mesh just ends too early"


def test_a_start_next_to_zero_takes_a_first_step_that_moves_time() -> None:
    """From y = 2e-16 at t = 3.5 the usual first step, 1 % of y over its slope, is lost in the rounding of t."""
    found = solved(SOLVER, lambda t, y, row, middle: 1 + 0 * y, [2e-16], np.array([3.5, 5.0]), ())
    assert found.status == ("ok",)
    assert found.stats["accepted"] < 30


def every_solver() -> list[str]:
    """Those that take steps: what has no order (`pinn`) knows no events, and who asks it for some is refused."""
    names = [listed.name for listed in installed().offers("solver")]
    return [name for name in names if installed().make("solver", name).order is not None]


@pytest.mark.parametrize("name", every_solver())
def test_every_solver_ends_at_the_event_and_repeats_it(name: str) -> None:
    """Whatever is offered, with steps of 1/200 where it chooses none itself: those of first order are off by 2 %."""

    def pendulum(t: np.ndarray, y: Any, row: np.ndarray, middle: np.ndarray) -> Any:
        return np.stack([y[:, 1], -np.sin(y[:, 0])], axis=1)

    made = installed().make("solver", name, {})
    solver = made if made.adaptive else dataclasses.replace(made, step=0.005)
    y0, ts = np.array([[0.3, 0.5], [0.0, 1.0]]), np.linspace(0, 5, 6)
    found, exact = solved(solver, pendulum, y0, ts, keep=True), solved(SOLVER, pendulum, y0, ts)
    assert found.status == exact.status == ("event", "event")
    assert found.event is not None
    assert exact.event is not None
    np.testing.assert_allclose(found.event.t, exact.event.t, atol=0.03)
    assert np.abs(found.event.y[:, 0]).max() < 1e-14
    if isinstance(solver, LoopSolver):
        again = solved(solver, pendulum, y0, ts, keep=True, replay=found.mesh)
        np.testing.assert_array_equal(again.steps, found.steps)
        np.testing.assert_array_equal(again.ys, found.ys)
