"""`solve` with events: the chain of segments, and its derivatives through the times of the events.

An event's time is where g(t, y(t)) = 0, so that by the implicit function theorem ∂t_e = −∂g / ġ, with ∂g at a fixed
time and ġ = g_t + g_y f along the solution. With torch that is one step of Newton's method from the time t_d that was
found, t_e = t_d − g(t_d, y(t_d)) / ġ, where ġ and t_d are constants of the graph. The state there moves along:
y(t_e) = y(t_d) + f (t_e − t_d), and what starts at t_e from y⁺ is, seen from t_d, y⁺ − f⁺ (t_e − t_d). (Saltation:
Hiskens & Pai 2000, IEEE Trans. Circuits Syst. I 47, 204–220; as torchdiffeq does it: Chen, Amos & Nickel 2021,
Learning Neural Event Functions for ODEs.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import Event, SolveOptions, Solver, Trajectory
from ..engine import LoopSolver
from ..errors.numerics import EventsUnavailable
from .callables import TorchRhs
from .happenings import Happening, ReadEvent, read_events, time_like
from .segments import Chain, Segment
from .solution import Solution

if TYPE_CHECKING:
    import torch

    from .door import Task

Array = Any
Differentiable = Callable[["Task", SolveOptions], Solution]  # the solution of a piece, in torch's graph


def solve_hybrid(
    task: Task,
    solver: Solver,
    options: SolveOptions,
    events: Sequence[Event],
    max_events: int,
    differentiable: Differentiable | None,
) -> Solution:
    """The solution up to the events that terminate it, and on after the others; tensors need `differentiable`."""
    if options.replay is not None and not all(event.terminate for event in events):
        raise EventsUnavailable(
            "a mesh is repeated in one piece, and these events go on in another", help="solve again without replay"
        )
    read = read_events(task, events)
    looped = isinstance(solver, LoopSolver)
    rhs, y0 = _untracked(task, looped) if task.torch else (task.rhs, task.y0)

    def run(y0: Array, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        return solver.solve(rhs, y0, t0, ts, options)

    chain = Chain(run, [event.on_rows(task.y0) for event in read], task.ts, options, max_events)
    chain.solve(y0, task.t0)
    if differentiable is not None and _tracked(task, read):
        ys, told = _Replay(task, read, chain, options, differentiable, repeats=looped).follow()
        trajectory = chain.trajectory(ys)
    else:
        trajectory, told = chain.trajectory(), _happenings(chain, _like(task.y0))
    trajectory = replace(trajectory, ys=_like(task.y0)(trajectory.ys), steps=_like(task.y0)(trajectory.steps))
    solution = task.solution(trajectory)
    rows = tuple(tuple(row) for row in told)
    return replace(solution, events=rows[0] if solution.single else rows)


def _untracked(task: Task, looped: bool) -> tuple[Any, Array]:
    """f and y0 without a graph: NumPy's, or tensors where they lie on a device that a solver of the loop can use."""
    y0 = task.y0.detach()
    if y0.device.type != "cpu" and looped:
        return task.rhs, y0
    return TorchRhs(task.rhs, y0, []), y0.cpu().numpy()


def _tracked(task: Task, events: Sequence[ReadEvent]) -> bool:
    """Whether anything that the solution depends on takes gradients."""
    import torch

    if not torch.is_grad_enabled():
        return False
    if task.y0.requires_grad or _times_with_gradient(task) is not None:
        return True
    t, y = time_like(task.y0, task.t0), task.y0
    values = [task.rhs(task.t0, y, np.arange(len(y)), task.t0)]
    for event in events:
        values += [call(t, y, []) for call in (event.function, event.state_map) if call is not None]
    return any(value.requires_grad for value in values)


def _like(y0: Array) -> Callable[[Array], Array]:
    """What makes arrays of y0's kind of NumPy arrays."""
    if isinstance(y0, np.ndarray):
        return lambda y: y
    import torch

    return lambda y: torch.from_numpy(np.array(y)).to(y0.device) if isinstance(y, np.ndarray) else y


def _happenings(chain: Chain, convert: Callable[[Array], Array]) -> list[list[Happening]]:
    told: list[list[Happening]] = [[] for _ in chain.asked]
    for segment in chain.segments:
        ending = segment.ending
        for row in np.flatnonzero(segment.hit):
            name, t = chain.events[ending.index[row]].name, convert(np.asarray(ending.t[row]))
            when = float(t) if isinstance(t, np.ndarray) else t
            told[row].append(Happening(name, when, convert(ending.y[row]), convert(_after(chain, segment, int(row)))))
    return told


def _after(chain: Chain, segment: Segment, row: int) -> Array:
    """The state after the event that ended a row's segment; where it ends the row nothing is mapped any more."""
    terminates = chain.events[segment.ending.index[row]].terminate
    return segment.ending.y[row] if terminates else segment.after[row]


class _Replay:
    """The segments of a chain once more in torch's graph, on the steps that were found where they can be repeated."""

    def __init__(
        self,
        task: Task,
        events: Sequence[ReadEvent],
        chain: Chain,
        options: SolveOptions,
        differentiable: Differentiable,
        repeats: bool,
    ) -> None:
        self._task, self._events, self._chain = task, events, chain
        self._options, self._solve, self._repeats = options, differentiable, repeats
        self._told: list[list[Happening]] = [[] for _ in chain.asked]

    def follow(self) -> tuple[list[torch.Tensor], list[list[Happening]]]:
        """ys of every segment, and what happened, with their graph."""
        y, states = _start(self._task), []
        for segment in self._chain.segments:
            ys = self._piece(segment, y)
            states.append(_moved(self._task, segment, ys))
            y = self._next(segment, ys, y)
        return states, self._told

    def _piece(self, segment: Segment, y: torch.Tensor) -> torch.Tensor:
        """ys (rows, time + 1, *state) of a segment from y: at its times, then at its event."""
        rows, width = segment.ts.shape
        ts = np.full((rows, width + 1), np.nan)
        for row in np.flatnonzero(segment.going):
            n = segment.counts[row]
            ts[row, :n] = segment.ts[row, :n]
            if segment.hit[row]:
                ts[row, n] = segment.ending.t[row]
        piece = copy(self._task)
        piece.y0, piece.t0, piece.ts, piece.given_ts = y, segment.t0, ts, ts
        piece.single, piece.reading, piece.back_to_numpy = False, "rows", False  # f has been read; rows in, rows out
        replay = segment.found.mesh if self._repeats else None
        return self._solve(piece, replace(self._options, events=(), keep=False, replay=replay)).ys

    def _next(self, segment: Segment, ys: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The starts of the next segment (rows, *state), through the events of this one."""
        import torch

        starts = y.detach().clone()
        order = np.flatnonzero(segment.hit)
        for index in np.unique(segment.ending.index[order]):
            some = order[segment.ending.index[order] == index]
            event = self._events[index]
            t_d, y_d = segment.ending.t[some], ys[some, segment.counts[some]]
            f = self._slope(t_d, y_d.detach(), some, self._before(segment, some))
            t = _event_time(event, t_d, y_d, f)
            before = y_d + _spread(t - t.detach(), f) * f
            after = before
            if not event.asked.terminate and event.state_map is not None:
                after = event.state_map(t, before, [])
            for i, row in enumerate(some):
                self._told[row].append(Happening(event.asked.name, t[i], before[i], after[i]))
            f_after = self._slope(t_d, after.detach(), some, self._after(segment, some))
            moved = after - _spread(t - t.detach(), f) * f_after
            starts = starts.index_put((torch.as_tensor(some, device=y.device),), moved)
        return starts

    def _slope(self, t: np.ndarray, y: torch.Tensor, row: np.ndarray, middle: np.ndarray) -> torch.Tensor:
        import torch

        with torch.no_grad():
            return self._task.rhs(t, y, row, middle)

    def _before(self, segment: Segment, some: np.ndarray) -> np.ndarray:
        """A time inside the last step before the event, by which inputs are looked up."""
        t = segment.ending.t[some]
        mesh = segment.found.mesh
        return t if mesh is None else 0.5 * (t + mesh.t[some, mesh.n_steps[some] - 1])

    def _after(self, segment: Segment, some: np.ndarray) -> np.ndarray:
        """A time shortly after the event and before what is asked for next."""
        t, asked = segment.ending.t[some], self._task.ts[some]
        later = np.where(np.isfinite(asked), asked, t[:, None])
        last = np.take_along_axis(later, np.abs(later - t[:, None]).argmax(axis=1)[:, None], axis=1)[:, 0]
        return t + 1e-9 * (last - t)


def _event_time(event: ReadEvent, t_d: np.ndarray, y_d: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """t_e (line,), with the value t_d and the derivatives of the implicit function theorem."""
    import torch

    real = y_d.real.dtype if y_d.is_complex() else y_d.dtype
    t = torch.as_tensor(t_d, dtype=torch.float64, device=y_d.device)
    with torch.enable_grad():
        at, state = t.to(real, copy=True).requires_grad_(), y_d.detach().requires_grad_()
        g = event.function(at, state, [])
        by_t, by_y = _gradients(g, at, state)
    rate = (by_t + (by_y * f).flatten(1).sum(dim=1)).double()
    g = event.function(t.to(real), y_d, []).double()
    return t - (g - g.detach()) / rate


def _gradients(g: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    if not g.requires_grad:
        return torch.zeros_like(t), torch.zeros_like(y)
    by_t, by_y = torch.autograd.grad(g.sum(), (t, y), allow_unused=True)
    return torch.zeros_like(t) if by_t is None else by_t, torch.zeros_like(y) if by_y is None else by_y


def _start(task: Task) -> torch.Tensor:
    """y0 with the derivative of the solution in its first time: ∂y(t)/∂t0 = −(∂y(t)/∂y0) f(t0, y0)."""
    ts = _times_with_gradient(task)
    if ts is None:
        return task.y0
    slope = task.rhs(task.t0, task.y0.detach(), np.arange(len(task.y0)), task.t0).detach()
    return task.y0 - _spread(ts[:, 0] - ts[:, 0].detach(), slope) * slope


def _moved(task: Task, segment: Segment, ys: torch.Tensor) -> torch.Tensor:
    """ys (rows, time, *state) of a segment with their derivative in the times asked for, which is f."""
    import torch

    ts = _times_with_gradient(task)
    if ts is None:
        return ys
    row, place = np.nonzero(np.arange(segment.ts.shape[1]) < np.where(segment.going, segment.counts, 0)[:, None])
    t, column = segment.ts[row, place], segment.first[row] + place
    y = ys[row, place]
    slope = torch.nan_to_num(task.rhs(t, y.detach(), row, t).detach())
    times = ts[row, column]
    places = tuple(torch.as_tensor(i, device=ys.device) for i in (row, place))
    return ys.index_put(places, y + _spread(times - times.detach(), slope) * slope)


def _times_with_gradient(task: Task) -> torch.Tensor | None:
    """ts (rows, time) where it takes gradients."""
    import torch

    ts = task.given_ts
    if not isinstance(ts, torch.Tensor) or not ts.requires_grad:
        return None
    return ts.expand(task.ts.shape)


def _spread(t: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return t.reshape(-1, *[1] * (like.ndim - 1)).to(like.dtype)
