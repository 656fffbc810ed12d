"""`solve` with events: what happens, what goes on, and the derivatives of when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from workbench_runge_kutta.classical import RK4
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.contracts import Event, Rhs, SolveOptions, Trajectory
from workbench.engine import TableauSolver
from workbench.errors.numerics import EventsUnavailable, ShapeOfEvent
from workbench.registry import installed
from workbench.solving import solve
from workbench.solving.happenings import Happening

SOLVER = TableauSolver(TSIT5, rtol=1e-10, atol=1e-12)
MODES = pytest.mark.parametrize("mode", ["discrete", "backprop", "adjoint", "forward"])
G, E = 9.81, 0.7


def fall(t: Any, y: Any) -> Any:
    return np.stack([y[..., 1], -G + 0 * y[..., 0]], axis=-1)


def bounce(e: float = E) -> Event:
    return Event("hit", lambda t, y: y[..., 0], -1, terminate=False, state_map=lambda t, y: y * np.array([0.0, -e]))


def bounces(h0: Any, e: Any, g: Any, n: int) -> list[Any]:
    """The times of the first n bounces of a ball dropped from h0."""
    first = (2 * h0 / g) ** 0.5
    return [first * (1 + 2 * sum(e**k for k in range(1, i))) for i in range(1, n + 1)]


def height(t: float, h0: float) -> float:
    if t <= (2 * h0 / G) ** 0.5:
        return h0 - G * t**2 / 2
    times = [time for time in bounces(h0, E, G, 60) if time <= t]
    since, speed = t - times[-1], E ** len(times) * (2 * G * h0) ** 0.5
    return speed * since - G * since**2 / 2


# --- what happens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [SOLVER, TableauSolver(RK4, step=0.1)], ids=["tsit5", "rk4"])
def test_a_ball_bounces_as_long_as_it_is_watched(solver: Any) -> None:
    h0, ts = np.array([2.0, 0.5, 100.0]), np.linspace(0, 1.6, 9)
    found = solve(fall, np.stack([h0, 0 * h0], axis=1), ts, solver, events=[bounce()])
    assert found.status == ("ok", "ok", "ok")
    for row, h in enumerate(h0):
        expected = [t for t in bounces(h, E, G, 60) if t <= 1.6]
        # the method is exact on parabolas; some rounding errors of the speed, 6 m/s, a bounce
        np.testing.assert_allclose([event.t for event in found.events[row]], expected, rtol=1e-12)
        np.testing.assert_allclose(found.ys[row, :, 0], [height(t, h) for t in ts], atol=1e-12 * max(h, 1))
    hit = found.events[0][0]
    assert isinstance(hit, Happening)
    assert hit.name == "hit"
    assert hit.after[1] == -E * hit.before[1]
    assert abs(hit.before[0]) < 1e-14
    assert found.events[2] == ()


@pytest.mark.parametrize(
    ("g", "state_map"),
    [
        (lambda t, y: y[0], lambda t, y: [0.0, -E * y[1]]),
        (lambda t, y: y[:, 0], lambda t, y: np.stack([0 * y[:, 0], -E * y[:, 1]], axis=1)),
        (lambda t, y: y[..., 0] - 0.0 * t, lambda t, y: y * np.array([0.0, -E]) + 0 * t),
    ],
    ids=["one state", "rows", "any"],
)
def test_events_are_read_as_f_is(g: Any, state_map: Any) -> None:
    event = Event("hit", g, -1, terminate=False, state_map=state_map)
    for rows in (2, 3):  # as many as states, and not
        found = solve(fall, np.array([[2.0, 0.0]] * rows), np.linspace(0, 1.5, 3), SOLVER, events=[event])
        np.testing.assert_allclose(found.ys[0, :, 0], [height(t, 2.0) for t in (0, 0.75, 1.5)], atol=1e-12)
        np.testing.assert_array_equal(found.ys[-1], found.ys[0])


def test_events_that_cannot_be_read_are_refused_by_name() -> None:
    with pytest.raises(ShapeOfEvent, match=r"event 'odd' gives no number for y of shape \(2,\)"):
        solve(fall, [1.0, 0.0], [0.0, 1.0], SOLVER, events=[Event("odd", lambda t, y: y)])
    odd = Event("odd", lambda t, y: y[0], terminate=False, state_map=lambda t, y: y[0])
    with pytest.raises(ShapeOfEvent, match="the state map of event 'odd' gives no state"):
        solve(fall, [1.0, 0.0], [0.0, 1.0], SOLVER, events=[odd])


def test_a_ball_that_comes_to_rest_ends_in_a_status() -> None:
    for solver in (SOLVER, TableauSolver(RK4, step=0.01)):
        found = solve(fall, np.array([[2.0, 0.0], [1.0, 0.0]]), np.linspace(0, 5, 11), solver, events=[bounce(0.5)])
        assert found.status == ("step_too_small", "step_too_small")
        assert "'hit' comes back ever faster" in found.message[0]
        rest = 3 * (2 * 2.0 / G) ** 0.5  # 1 + 2 Σ 2^−k
        assert found.events[0][-1].t == pytest.approx(rest, abs=1e-7)
        np.testing.assert_array_equal(np.isnan(found.ys[0, :, 0]), np.linspace(0, 5, 11) > rest)


def test_the_number_of_events_is_capped() -> None:
    found = solve(fall, [2.0, 0.0], np.linspace(0, 5, 3), SOLVER, events=[bounce()], max_events=3)
    assert found.status == "too_many_steps"
    assert found.message.startswith("3 events by t = ")
    assert len(found.events) == 3


def test_some_events_end_a_solve_and_others_do_not() -> None:
    stop = Event("still", lambda t, y: y[..., 0] ** 2 + y[..., 1] ** 2 - 9.0, direction=-1)
    found = solve(fall, [2.0, 0.0], np.linspace(0, 5, 11), SOLVER, events=[bounce(), stop])
    names = [event.name for event in found.events]
    assert found.status == "event"
    assert found.ok
    assert names[-1] == "still"
    assert set(names[:-1]) == {"hit"}
    assert found.message == f"event 'still' at t = {found.events[-1].t:.10g}"
    np.testing.assert_array_equal(found.events[-1].before, found.events[-1].after)


def test_a_thermostat_keeps_its_period() -> None:
    """T' = −T + 3 m between 1 (switch on) and 2 (off): e^−t cools for log 2, and heats from 1 to 2 for log 2."""
    on = Event("on", lambda t, y: y[0] - 1, -1, terminate=False, state_map=lambda t, y: [y[0], 1.0])
    off = Event("off", lambda t, y: y[0] - 2, 1, terminate=False, state_map=lambda t, y: [y[0], 0.0])
    found = solve(lambda t, y: [-y[0] + 3 * y[1], 0.0], [2.0, 0.0], [0.0, 10.0], SOLVER, events=[on, off])
    times = np.array([event.t for event in found.events])
    np.testing.assert_allclose(times, np.log(2) * np.arange(1, len(times) + 1), rtol=1e-9)
    assert [event.name for event in found.events[:4]] == ["on", "off", "on", "off"]


def test_a_map_may_lead_far_from_the_event() -> None:
    """A neuron that fires at 1 starts again from −1, and one without a map is only noted."""
    fire = Event("fire", lambda t, y: y[0] - 1, terminate=False, state_map=lambda t, y: [-1.0])
    seen = Event("zero", lambda t, y: y[0], terminate=False)
    found = solve(lambda t, y: 1 + 0 * y, [0.5], [0.0, 5.0], SOLVER, events=[fire, seen])
    np.testing.assert_allclose([event.t for event in found.events], [0.5, 1.5, 2.5, 3.5, 4.5], rtol=1e-14)
    assert [event.name for event in found.events] == ["fire", "zero", "fire", "zero", "fire"]
    assert found.ys[-1, 0] == pytest.approx(-0.5)


def test_a_map_that_gives_no_number_ends_the_trajectory() -> None:
    broken = Event("hit", lambda t, y: y[..., 0], -1, terminate=False, state_map=lambda t, y: y * np.nan)
    found = solve(fall, [2.0, 0.0], [0.0, 0.5, 1.0], SOLVER, events=[broken])
    assert found.status == "not_finite"
    assert "the state map of event 'hit'" in found.message
    assert np.isnan(found.ys[-1]).all()


def test_the_mesh_and_the_counts_are_those_of_all_segments() -> None:
    found = solve(fall, np.array([[2.0, 0.0], [9.0, 0.0]]), np.linspace(0, 2, 5), SOLVER, events=[bounce()], steps=True)
    assert found.mesh is not None
    np.testing.assert_array_equal(found.mesh.n_steps, found.stats["accepted"])
    for row in range(2):
        t = found.mesh.t[row, : found.mesh.n_steps[row] + 1]
        assert (np.diff(t) > 0).all()
        assert set(t) >= {event.t for event in found.events[row]}
        assert np.isfinite(found.steps[row, : len(t)]).all()
        clipped = found.mesh.clipped[row]
        assert clipped.sum() == len(found.events[row]) + 1


def test_time_may_run_backwards_through_events() -> None:
    end = solve(fall, [2.0, 0.0], [0.0, 1.2], SOLVER, events=[bounce()])
    back = Event("hit", lambda t, y: y[..., 0], -1, terminate=False, state_map=lambda t, y: y * np.array([0.0, -1 / E]))
    found = solve(fall, end.ys[-1], [1.2, 0.0], SOLVER, events=[back])
    np.testing.assert_allclose(found.ys[-1], [2.0, 0.0], atol=1e-12)


def test_states_of_any_shape_and_systems_of_trajectories_have_events() -> None:
    image = np.arange(1.0, 7.0).reshape(1, 2, 3)
    low = Event("low", lambda t, y: y.sum(axis=(-1, -2)) - 5.0)
    found = solve(lambda t, y: -y, image, [0.0, 3.0], SOLVER, events=[low])
    assert found.events[0][0].t == pytest.approx(np.log(21 / 5), rel=1e-9)
    assert found.events[0][0].before.shape == (2, 3)

    def pulled(t: Any, y: Any) -> Any:
        return y.mean(axis=0) - y  # rows that influence each other

    class Together:
        rowwise = False

        def __call__(self, t: Any, y: Any) -> Any:
            return pulled(t, y)

    near = Event("near", lambda t, y: np.ptp(y) - 0.5)
    found = solve(Together(), np.array([[0.0], [1.0]]), [0.0, 3.0], SOLVER, events=[near])
    assert found.status == "event"
    assert found.events[0].t == pytest.approx(np.log(2), rel=1e-9)


@pytest.mark.parametrize("name", ["scipy_lsoda", "scipy_radau", "scipy_dop853"])
def test_scipys_solvers_bounce_too(name: str) -> None:
    solver = installed().make("solver", name, {"rtol": 1e-9, "atol": 1e-11})
    found = solve(fall, [2.0, 0.0], np.linspace(0, 1.6, 5), solver, events=[bounce()])
    assert found.status == "ok"
    np.testing.assert_allclose([event.t for event in found.events], bounces(2.0, E, G, 2), rtol=1e-7)


def test_a_solver_that_looks_for_no_events_is_refused() -> None:
    @dataclass(frozen=True)
    class Blind:
        order = 4
        adaptive = True
        differentiable = False

        def solve(self, f: Rhs, y0: Any, t0: Any, ts: Any, options: SolveOptions) -> Trajectory:
            return SOLVER.solve(f, y0, t0, ts, SolveOptions())

    with pytest.raises(EventsUnavailable, match="looks for no events"):
        solve(fall, [2.0, 0.0], [0.0, 1.0], Blind(), events=[bounce()])


def test_a_replay_repeats_what_ended_by_an_event_and_refuses_what_went_on() -> None:
    stop = Event("hit", lambda t, y: y[..., 0])
    first = solve(fall, [2.0, 0.0], np.linspace(0, 1, 5), SOLVER, events=[stop])
    again = solve(fall, [2.0, 0.0], np.linspace(0, 1, 5), SOLVER, events=[stop], replay=first.mesh)
    np.testing.assert_array_equal(first.ys, again.ys)
    assert again.events[0].t == first.events[0].t
    with pytest.raises(EventsUnavailable, match="repeated in one piece"):
        solve(fall, [2.0, 0.0], [0.0, 1.0], SOLVER, events=[bounce()], replay=first.mesh)


# --- derivatives of when -----------------------------------------------------------------------------------------


@MODES
def test_the_time_of_the_nth_bounce_has_its_closed_forms_derivatives(mode: Any) -> None:
    h0, e, g = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (2.0, E, G))
    hit = Event(
        "hit", lambda t, y: y[0], -1, terminate=False, state_map=lambda t, y: torch.stack([0 * y[0], -e * y[1]])
    )
    ts = torch.linspace(0, 2.5, 6, dtype=torch.float64)
    found = solve(lambda t, y: torch.stack([y[1], -g]), torch.stack([h0, 0 * h0]), ts, SOLVER,
                  events=[hit], gradient=mode)  # fmt: skip
    exact = bounces(h0, e, g, 4)
    for n, event in enumerate(found.events[:4]):
        assert event.t.item() == pytest.approx(exact[n].item(), rel=1e-12)
        if n:
            ours = torch.autograd.grad(event.t, [h0, e, g], retain_graph=True)
            theirs = torch.autograd.grad(exact[n], [h0, e, g], retain_graph=True)
        else:
            ours = torch.autograd.grad(event.t, [h0, g], retain_graph=True)
            theirs = torch.autograd.grad(exact[n], [h0, g], retain_graph=True)
        # rk pairs are exact on parabolas, and so are their derivatives; rounding of a hundred operations
        np.testing.assert_allclose(torch.stack(ours), torch.stack(theirs), rtol=1e-11)
    since = ts[-1] - exact[len(found.events) - 1]
    speed = e ** len(found.events) * (2 * g * h0) ** 0.5
    last = speed * since - g * since**2 / 2
    ours = torch.autograd.grad(found.ys[-1, 0], [h0, e, g])
    np.testing.assert_allclose(torch.stack(ours), torch.stack(torch.autograd.grad(last, [h0, e, g])), rtol=1e-10)


@MODES
def test_the_zero_of_the_oscillator_moves_as_its_phase_does(mode: Any) -> None:
    """y = a sin ω(t − t0) + b cos ω(t − t0) is c at a time known in closed form, in every argument."""
    a, b, w, c = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (1.0, 0.3, 1.7, -0.2))
    ts = torch.tensor([0.4, 2.0, 3.5], dtype=torch.float64, requires_grad=True)
    stop = Event("low", lambda t, y: y[..., 0] - c, direction=-1)
    found = solve(lambda t, y: torch.stack([y[..., 1], -(w**2) * y[..., 0]], -1), torch.stack([b, a * w]), ts, SOLVER,
                  events=[stop], gradient=mode)  # fmt: skip
    assert found.status == "event"
    event = found.events[0]
    phase = torch.pi - torch.asin(c / torch.hypot(a, b)) - torch.atan2(b, a)
    exact = ts[0] + phase / w
    assert event.t.item() == pytest.approx(exact.item(), rel=1e-9)
    ours = torch.autograd.grad(event.t, [a, b, w, c, ts], retain_graph=True)
    theirs = torch.autograd.grad(exact, [a, b, w, c, ts], retain_graph=True)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)  # the solver's rtol, some times over
    # the state there stays on the event: y0 moves with c alone, and its speed by energy
    on = torch.autograd.grad(event.before[0], [a, b, w, c, ts], retain_graph=True)
    np.testing.assert_allclose(torch.stack(on[:4]), [0, 0, 0, 1], atol=1e-9)
    speed = -w * (a**2 + b**2 - c**2) ** 0.5
    ours = torch.autograd.grad(event.before[1], [a, b, w, c])
    for one, other in zip(ours, torch.autograd.grad(speed, [a, b, w, c]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-8)


def driven(t: Any, y: Any, p: Any) -> Any:
    """A pendulum that is pushed."""
    return torch.stack([y[:, 1], -torch.sin(y[:, 0]) + p[..., 0] * torch.cos(2 * t[:, 0])], dim=1)


def gap(t: Any, y: Any, p: Any) -> Any:
    """How far it is beyond a wall that moves."""
    return y[..., 0] - p[..., 1] - 0.1 * torch.sin(t)


def thrown_back(t: Any, y: Any, p: Any) -> Any:
    return torch.stack([y[..., 0], -p[..., 2] * y[..., 1] + 0.05 * t * y[..., 0]], dim=-1)


def all_that_comes(found: Any, rows: range) -> torch.Tensor:
    """States and events of two pendulums, flat."""
    assert [len(found.events[row]) for row in rows] == [2, 1]
    whole = [found.ys[rows[0] : rows[-1] + 1, :, :2].reshape(-1)]
    for row in rows:
        for event in found.events[row]:
            whole += [torch.as_tensor(event.t).reshape(1), event.before[:2], event.after[:2]]
    return torch.cat(whole)


def swing(x: torch.Tensor, mode: Any) -> torch.Tensor:
    """All that comes out of two driven pendulums with a wall, as a function of all that goes in."""
    y0, p, ts = x[:4].reshape(2, 2), x[4:7], x[7:].expand(2, -1)
    wall = Event("wall", lambda t, y: gap(t, y, p), 1, terminate=False, state_map=lambda t, y: thrown_back(t, y, p))
    found = solve(lambda t, y: driven(t, y, p), y0, ts, SOLVER, events=[wall], gradient=mode)
    assert found.status == ("ok", "ok")
    return all_that_comes(found, range(2))


WHERE = [0.0, 1.2, -0.5, 0.9, 0.3, 0.6, 0.8, 0.1, 0.9, 2.0, 3.9, 5.5]


@cache
def swing_differences() -> np.ndarray:
    """The Jacobian of `swing` at WHERE by central differences, all points in one solve: parameters are states there."""
    h, unit = 1e-4, torch.eye(len(WHERE), dtype=torch.float64)
    x = torch.tensor(WHERE, dtype=torch.float64) + h * torch.cat([unit, -unit])
    y0 = torch.cat([x[:, :4].reshape(-1, 2), x[:, 4:7].repeat_interleave(2, dim=0)], dim=1)  # (row, 2 + parameter)

    def with_parameters(change: Any, t: Any, y: Any) -> Any:
        return change(t, y[..., :2], y[..., 2:])

    def f(t: Any, y: Any) -> Any:
        return torch.cat([with_parameters(driven, t, y), 0 * y[:, 2:]], dim=1)

    wall = Event(
        "wall",
        lambda t, y: with_parameters(gap, t, y),
        1,
        terminate=False,
        state_map=lambda t, y: torch.cat([with_parameters(thrown_back, t, y), y[..., 2:]], dim=-1),
    )
    found = solve(f, y0, x[:, 7:].repeat_interleave(2, dim=0), SOLVER, events=[wall])
    assert set(found.status) == {"ok"}
    up, down = torch.stack([all_that_comes(found, range(2 * i, 2 * i + 2)) for i in range(len(x))]).chunk(2)
    return ((up - down) / (2 * h)).T.numpy()


@MODES
def test_derivatives_through_several_events_are_central_differences(mode: Any) -> None:
    start = torch.tensor(WHERE, dtype=torch.float64, requires_grad=True)
    jacobian = torch.stack([torch.autograd.grad(y, start, retain_graph=True)[0] for y in swing(start, mode)])
    # h² times third derivatives of some 10, and errors of 1e-10 over h
    np.testing.assert_allclose(jacobian, swing_differences(), atol=2e-6)


def test_without_a_gradient_nothing_is_solved_twice() -> None:
    calls = []

    def f(t: Any, y: Any) -> Any:
        calls.append(t)
        return torch.stack([y[..., 1], -G + 0 * y[..., 0]], dim=-1)

    hit = Event("hit", lambda t, y: y[..., 0], -1, terminate=False,
                state_map=lambda t, y: torch.stack([0 * y[..., 0], -E * y[..., 1]], dim=-1))  # fmt: skip
    counts = []
    for y0 in (
        torch.tensor([2.0, 0.0], dtype=torch.float64),
        torch.tensor([2.0, 0.0], dtype=torch.float64).requires_grad_(),
    ):
        calls.clear()
        found = solve(f, y0, [0.0, 1.6], SOLVER, events=[hit])
        counts.append(len(calls))
        assert isinstance(found.ys, torch.Tensor)
        assert isinstance(found.events[0].t, torch.Tensor)
        assert found.events[0].t.requires_grad == y0.requires_grad
    assert counts[0] < 0.7 * counts[1]


def test_an_event_may_be_all_that_takes_a_gradient() -> None:
    c = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    y0 = torch.tensor([1.0], dtype=torch.float64)
    found = solve(lambda t, y: -y, y0, [0.0, 2.0], SOLVER, events=[Event("half", lambda t, y: y[..., 0] - c)])
    (slope,) = torch.autograd.grad(found.events[0].t, c)
    assert float(slope) == pytest.approx(-2.0, rel=1e-9)  # t = −log c


def test_single_precision_is_kept() -> None:
    y0 = torch.tensor([1.0], dtype=torch.float32, requires_grad=True)
    stop = Event("half", lambda t, y: y[..., 0] - 0.5)
    found = solve(lambda t, y: -y, y0, [0.0, 2.0], TableauSolver(TSIT5, rtol=1e-5, atol=1e-6), events=[stop])
    event = found.events[0]
    assert event.before.dtype == found.ys.dtype == torch.float32
    assert event.t.dtype == torch.float64
    assert event.t.item() == pytest.approx(np.log(2), rel=1e-4)
    (slope,) = torch.autograd.grad(event.t, y0)
    assert float(slope) == pytest.approx(1.0, rel=1e-4)


def test_the_names_are_public() -> None:
    import workbench as wb

    found = wb.solve(fall, [2.0, 0.0], [0.0, 1.0], events=[wb.Event("hit", lambda t, y: y[..., 0])])
    assert found.status == "event"
    function: Callable[..., Any] = found.events[0].before.tolist
    assert len(function()) == 2
