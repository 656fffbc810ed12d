"""`solve`: reads f, y0 and ts, chooses NumPy or torch, and gives the answer back in the caller's shape and kind."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from ..contracts import Event, GradientMode, Mesh, SolveOptions, Solver
from ..errors.numerics import TimesOutOfOrder
from ..errors.usage import UnknownSetting
from ..graph import Graph
from .callables import GraphCall, Inputs, PlainRhs
from .reading import Reading, call_as, lines_to_try, read
from .signals import Lookup, Signal
from .solution import Solution

Array = Any


def solve(
    f: Callable[..., Array],
    y0: Array,
    ts: Array,
    solver: Solver,
    *,
    gradient: GradientMode = "discrete",
    params: Any = None,
    inputs: Inputs | Signal | None = None,
    rtol: float | None = None,
    atol: float | tuple[float, ...] | None = None,
    step: float | None = None,
    max_steps: int = 100_000,
    deadline: float | None = None,
    breaks: Sequence[float] = (),
    replay: Mesh | None = None,
    steps: bool = False,
    checkpoints: bool = False,
    adjoint_norm: Literal["state", "full"] = "state",
    events: Sequence[Event] = (),
    max_events: int = 1000,
) -> Solution:
    """y at ts of dy/dt = f(t, y) with y(ts[0]) = y0, for a callable or a torch module f.

    y0 of one axis is one trajectory; with more, axis 0 is trajectories. ts is (time,) or (trajectory, time), rising or
    falling, NaN-padded. f is called as f(t, y), then u where `inputs` are given (a Signal, or a function (t, row,
    middle) -> (line, input)), then `params` where given; it may be written for one state or for rows of states (see
    `reading`). `params` of a torch module whose forward does not take them are one vector in place of its own
    parameters, in the order of `parameters()`. NumPy in gives NumPy out.

    Tensors are differentiable in y0, ts and everything that f holds, by one of four modes of `gradient`: "discrete"
    (the derivative of the steps taken, memory of their states, with `checkpoints` of every √n-th one), "backprop"
    (torch's graph of the same steps), "adjoint" (a solve backwards in time, memory of ys alone; `adjoint_norm` says
    whether its error control sees the whole augmented system or the "state" and its adjoint; after a backward pass
    `stats["reverse_error"]` tells how far the states came back from where they had been, and AdjointAstray warns above
    100 rtol) and "forward" (sensitivities solved beside y, for few parameters). The last two serve every solver; only
    backprop can be differentiated again. In the first two the lengths of the steps are constants; the derivative in ts
    is f itself.

    `rtol`, `atol` (for all states or one each) and `step` replace those of the solver; steps end at `breaks` (times)
    and are those of the mesh `replay` where one is given; `steps` keeps the states at their ends. `deadline` is in
    seconds from now. A failure shows in `status`, and in NaN from its time on. Raises RhsUnreadable, TimesOutOfOrder,
    GradientUnavailable.

    `events` (contracts.Event) end a trajectory where g(t, y) passes through 0, with the status "event", or change its
    state there and let it go on; `events` of the solution tells what happened, with times and states that are as
    differentiable as ys. A trajectory may meet at most `max_events`, and take `max_steps`
    between two of them.

    >>> from workbench_runge_kutta.methods import METHODS
    >>> from workbench.engine import TableauSolver
    >>> traj = solve(lambda t, y: -y, np.array([1.0]), [0.0, 1.0], TableauSolver(METHODS[-1], rtol=1e-10))
    >>> traj.status, round(float(traj.ys[-1, 0]), 8)
    ('ok', 0.36787944)
    """
    f = GraphCall(f) if isinstance(f, Graph) else f
    asked = Asked(
        f, ts, solver, Backwards(gradient, checkpoints, adjoint_norm),
        params=params, inputs=inputs, rtol=rtol, atol=atol, step=step, max_steps=max_steps, deadline=deadline,
        breaks=breaks, replay=replay, steps=steps, events=events, max_events=max_events,
    )  # fmt: skip
    return asked.run(asked.task(y0))


@dataclass(frozen=True)
class Backwards:
    """How the gradient is had: its mode, with `checkpoints` for discrete and the `norm` for adjoint."""

    mode: GradientMode = "discrete"
    checkpoints: bool = False
    norm: Literal["state", "full"] = "state"


@dataclass(frozen=True)
class Asked:
    """A solve as `solve` is asked for it, but for its start."""

    f: Callable[..., Array]
    ts: Array
    solver: Solver
    backwards: Backwards = field(default_factory=Backwards)
    _: KW_ONLY
    params: Any = None
    inputs: Inputs | Signal | None = None
    rtol: float | None = None
    atol: float | tuple[float, ...] | None = None
    step: float | None = None
    max_steps: int = 100_000
    deadline: float | None = None
    breaks: Sequence[float] = ()
    replay: Mesh | None = None
    steps: bool = False
    events: Sequence[Event] = ()
    max_events: int = 1000

    def task(self, y0: Array) -> Task:
        """The solve from y0, brought to rows, with f read."""
        return Task(self.f, y0, self.ts, self.inputs, self.params)

    def chosen(self) -> Solver:
        """The solver with the settings of this solve."""
        return _with_settings(self.solver, {"rtol": self.rtol, "atol": self.atol, "step": self.step})

    def options(self, task: Task) -> SolveOptions:
        """What one solve of the task may do; its deadline runs from now."""
        return SolveOptions(
            max_steps=self.max_steps,
            deadline=self.until(),
            breaks=tuple(float(t) for t in (*self.breaks, *task.breaks)),
            replay=self.replay,
            keep=self.steps,
        )

    def until(self) -> float | None:
        """The time.monotonic() at which a solve that begins now gives up."""
        return None if self.deadline is None else time.monotonic() + self.deadline

    def run(self, task: Task) -> Solution:
        """The solution, by the loop over steps."""
        options, chosen = self.options(task), self.chosen()
        tensors = partial(_solve_tensors, solver=chosen, backwards=self.backwards) if task.torch else None
        if self.events:
            from .hybrid import solve_hybrid

            return solve_hybrid(task, chosen, options, self.events, self.max_events, tensors)
        if tensors is not None:
            return tensors(task, options)
        return task.solution(chosen.solve(task.rhs, task.y0, task.t0, task.ts, options))


def _solve_tensors(task: Task, options: SolveOptions, solver: Solver, backwards: Backwards) -> Solution:
    from .tensors import solve_tensors

    return solve_tensors(task, solver, options, backwards)


def _with_settings(solver: Solver, settings: dict[str, Any]) -> Solver:
    wanted = {name: value for name, value in settings.items() if value is not None}
    if not wanted:
        return solver
    known: set[str] = set(getattr(type(solver), "__dataclass_fields__", {}))
    for name in wanted:
        if name not in known:
            raise UnknownSetting(
                f"{type(solver).__name__} has no setting {name!r}", help="set it where the solver is made"
            )
    return dataclasses.replace(solver, **wanted)  # type: ignore[type-var]  # a dataclass: it has fields


class Task:
    """A solve as it was asked for, brought to rows: y0 (rows, *state), t0 (rows,), ts (rows, time)."""

    def __init__(
        self, f: Callable[..., Array], y0: Array, ts: Array, inputs: Inputs | Signal | None, params: Any
    ) -> None:
        torch = sys.modules.get("torch")
        module = torch is not None and isinstance(f, torch.nn.Module)
        if module and params is not None:
            from .module_at import ModuleAt, takes_parameters

            if not takes_parameters(f, 2 if inputs is None else 3):
                f, params = ModuleAt(f, params), None
        self.f, self.given_ts, self._params = f, ts, params
        tensor = torch is not None and isinstance(y0, torch.Tensor)
        self.torch, self.back_to_numpy = module or tensor, module and not tensor
        signal = Lookup(inputs, self.torch) if isinstance(inputs, Signal) else None
        self._inputs: Inputs | None = signal if isinstance(inputs, Signal) else inputs
        self.breaks = () if signal is None else signal.breaks()
        start = self._floating(y0)
        self.batch = start.ndim > 1
        times = _numpy(ts)
        rows = len(start) if self.batch else 1
        self.ts = np.array(np.broadcast_to(times, (rows, times.shape[-1])), dtype=float)
        self.single = not self.batch and times.ndim == 1
        self.y0: Array = start if self.batch else start[None]
        self.reading = self._read()
        if self.reading == "one system" and self.batch:
            if not np.array_equal(self.ts, self.ts[:1].repeat(len(self.ts), axis=0), equal_nan=True):
                raise TimesOutOfOrder(
                    "the trajectories influence each other, but are wanted at different times",
                    help="give one ts (time,) for all",
                )
            self.y0, self.ts, self.single = self.y0[None], self.ts[:1], True
        if signal is not None:
            signal.require(len(self.y0))
        self.t0 = self.ts[:, 0]
        self.rhs = PlainRhs(call_as(self.reading, self._called), self._inputs, tuple(self.y0.shape[1:]))

    def again(self, y0: Array) -> Task:
        """The task from another y0 of the same shape and kind: f is not read again."""
        start, new = self._floating(y0), copy(self)
        new.y0 = start if self.batch and self.reading != "one system" else start[None]
        return new

    def _floating(self, y0: Array) -> Array:
        return _floating_tensor(y0) if self.torch else _floating(y0)

    def _called(self, t: Array, y: Array, *more: Array) -> Array:
        value = self.f(t, y, *more) if self._params is None else self.f(t, y, *more, self._params)
        return value if self.torch else np.asarray(value)

    def _read(self) -> Reading:
        if isinstance(self.f, GraphCall):
            return "rows"
        if getattr(self.f, "rowwise", True) is False:
            return "one system" if self.batch else "one by one"
        last = self.ts[0][np.isfinite(self.ts[0])]
        times, states = lines_to_try(float(last[0]), float(last[-1]), self.y0[0])
        row = np.zeros(len(times), dtype=int)
        more = PlainRhs(lambda t, y, more: (t, more), self._inputs, tuple(states.shape[1:]))
        if not self.torch:
            with np.errstate(all="ignore"):
                t, extra = more(times, states, row, times)
                return read(self._called, t, states, extra, self.batch)
        import torch

        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            t, extra = more(times, states, row, times)
            return read(self._called, t, states, extra, self.batch)

    def solution(self, trajectory: Any) -> Solution:
        """The trajectory in the caller's shape."""
        ys = trajectory.ys
        if self.reading == "one system" and self.batch:
            ys = ys[0].swapaxes(0, 1)  # (time, trajectory, …) of the system
        elif self.single:
            ys = ys[0]
        if self.back_to_numpy:
            ys = ys.detach().cpu().numpy()
        return Solution(self.given_ts, ys, trajectory, self.single)


def _floating(y: Any) -> np.ndarray:
    y = np.asarray(y)
    return y if np.issubdtype(y.dtype, np.inexact) else y.astype(float)


def _floating_tensor(y: Any) -> Any:
    import torch

    y = torch.as_tensor(y)
    return y if y.is_floating_point() or y.is_complex() else y.double()


def _numpy(ts: Any) -> np.ndarray:
    return np.asarray(ts.detach().cpu().numpy() if hasattr(ts, "detach") else ts, dtype=float)
