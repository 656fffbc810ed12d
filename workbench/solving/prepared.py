"""`prepare`: a handle that solves one right-hand side again and again; what can be done once is done once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, Protocol, get_args

import numpy as np

from ..contracts import GradientMode, Solver
from ..errors.usage import UsageError
from .door import Asked, Backwards, Task
from .solution import Solution

Array = Any
EngineName = Literal["auto", "torch", "compiled"]


class Engine(Protocol):
    """A solve made ready for starts of one kind (shape, precision, device)."""

    def __call__(self, y0: Array) -> Solution:
        """The solution from y0; differentiable where y0 or f is."""


def prepare(
    f: Callable[..., Array],
    ts: Array,
    solver: Solver,
    *,
    engine: EngineName = "auto",
    gradient: GradientMode = "discrete",
    checkpoints: bool = False,
    adjoint_norm: Literal["state", "full"] = "state",
    **options: Any,
) -> Prepared:
    """A handle `ready`: ready(y0) is `solve(f, y0, ts, solver, …)`, for many starts and parameters that change.

    f is read once for every kind of start (its shape, precision and device), and not again: it must go on to mean the
    same. Its parameters may change between calls, and so may what it closes over. `options` are those of `solve`;
    `engine` says what computes: "torch" any callable or module, "auto" the fastest that can.

    >>> from workbench_runge_kutta.classical import RK4
    >>> from workbench.engine import TableauSolver
    >>> ready = prepare(lambda t, y: -y, np.linspace(0.0, 1.0, 11), TableauSolver(RK4))
    >>> [round(float(ready(np.array([start])).ys[-1, 0]), 4) for start in (1.0, 2.0)]
    [0.3679, 0.7358]
    """
    unknown = set(options) - {each.name for each in dataclasses.fields(Asked)}
    if unknown:
        raise TypeError(f"prepare() has no option {sorted(unknown)[0]!r}")
    if engine not in get_args(EngineName):
        raise UsageError(f"there is no engine {engine!r}", help='engine="auto" or "torch"')
    return Prepared(Asked(f, ts, solver, Backwards(gradient, checkpoints, adjoint_norm), **options), engine)


class Prepared:
    """`ready(y0)`: the solution from y0, as `solve` gives it; see `prepare`."""

    def __init__(self, asked: Asked, engine: EngineName) -> None:
        self._asked, self._wanted = asked, engine
        self._kind: Any = None
        self._engine: Engine | None = None
        if engine == "compiled":
            _refuse_compiled()

    def __call__(self, y0: Array) -> Solution:
        """The solution from y0 (*state) or (trajectory, *state)."""
        kind = _kind(y0)
        if self._engine is None or kind != self._kind:
            self._engine, self._kind = made(self._wanted, self._asked, self._asked.task(y0)), kind
        return self._engine(y0)


def made(wanted: EngineName, asked: Asked, task: Task) -> Engine:
    """The engine for starts like the task's: the one place where it is chosen."""
    if wanted == "compiled":
        _refuse_compiled()
    if task.torch and not Sequential(asked, task).afresh:
        from .parallel import ParallelInTime, fits

        if fits(asked, task):
            return ParallelInTime(asked, task)
    return Sequential(asked, task)


def _refuse_compiled() -> None:
    raise UsageError("there is no compiled engine in this version", help='engine="auto" or "torch"')


class Sequential:
    """One step after the other, with f read beforehand."""

    def __init__(self, asked: Asked, task: Task) -> None:
        self._asked, self._task = asked, task
        values = getattr(asked.inputs, "values", None)
        self.afresh = bool(getattr(values, "requires_grad", False))  # a spline is made of them when the task is

    def __call__(self, y0: Array) -> Solution:
        """The solution by the loop over steps."""
        return counted(self._asked.run(self._asked.task(y0) if self.afresh else self._task.again(y0)), 0)


def counted(solution: Solution, newton: int) -> Solution:
    """The solution, with the evaluations of all steps at once (0: there were none) among its stats."""
    stats = {**solution.trajectory.stats, "newton": np.array(newton)}
    return dataclasses.replace(solution, trajectory=dataclasses.replace(solution.trajectory, stats=stats))


def _kind(y0: Array) -> tuple[Any, ...]:
    """What must not change for a solve to be the same but for its start."""
    if not hasattr(y0, "dtype"):
        y0 = np.asarray(y0)
    return type(y0), y0.shape, y0.dtype, getattr(y0, "device", None)
