"""Solves of torch tensors: on NumPy where they lie on the CPU, with the gradient that was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..contracts import SolveOptions, Solver, Trajectory
from ..engine import LoopSolver, SplittingSolver
from ..errors.numerics import GradientUnavailable
from .callables import TorchRhs, leaves_of
from .node import Solved
from .sensitive import SensitiveRhs
from .solution import Solution
from .ways import AdjointWay, CheckpointedWay, DiscreteWay, ForwardWay, Way, allowing

if TYPE_CHECKING:
    from .door import Backwards, Task


def solve_tensors(
    task: Task, solver: Solver, options: SolveOptions, backwards: Backwards, found: Trajectory | None = None
) -> Solution:
    """The solution as tensors, in torch's graph where something takes gradients.

    Where the solve was done before, `found` is its trajectory with the states of its mesh.
    """
    ts = task.given_ts if isinstance(task.given_ts, torch.Tensor) and task.given_ts.requires_grad else None
    leaves = _leaves(task)
    tracked = torch.is_grad_enabled() and bool(leaves or task.y0.requires_grad or ts is not None)
    rhs = TorchRhs(task.rhs, task.y0.detach(), leaves)
    if not tracked:
        found = solve_untracked(task, solver, rhs, options) if found is None else found
        return task.solution(_as_tensors(found if options.keep else replace(found, steps=None), task.y0))
    _require(solver, backwards)
    y0 = task.y0 if ts is None else _start_that_moves(task, ts)
    if backwards.mode == "backprop":
        trajectory = _backprop(task, solver, rhs, y0, options)
    else:
        kept, way = _solved(task, solver, rhs, options, backwards, found)
        ys = Solved.apply(way, kept.ys, y0, *leaves)
        trajectory = replace(_as_tensors(kept, task.y0), ys=ys)
    if ts is not None:
        trajectory = replace(trajectory, ys=_times_that_move(task, ts, trajectory.ys))
    return task.solution(trajectory)


def _solved(
    task: Task,
    solver: Solver,
    rhs: TorchRhs,
    options: SolveOptions,
    backwards: Backwards,
    found: Trajectory | None,
) -> tuple[Trajectory, Way]:
    """A solve on NumPy with its way back."""
    y0 = task.y0.detach().cpu().numpy()
    later = allowing(options)
    if backwards.mode == "forward":
        way = ForwardWay(solver, SensitiveRhs(task.rhs, task.y0.detach(), rhs.leaves), y0, task.t0, task.ts, options)
        return way.trajectory, way
    steps = options.keep or (backwards.mode == "discrete" and not backwards.checkpoints)
    found = solve_untracked(task, solver, rhs, replace(options, keep=steps)) if found is None else found
    found = _as_arrays(found)
    shown = found if options.keep else replace(found, steps=None)
    if backwards.mode == "adjoint":
        back = AdjointWay(solver, rhs, found, task.t0, later, backwards.norm)
        return replace(shown, stats={**shown.stats, "reverse_error": back.reverse_error}), back
    if backwards.checkpoints:
        return shown, CheckpointedWay(solver, rhs, y0, found, later)
    return shown, DiscreteWay(solver, rhs, found)


def _leaves(task: Task) -> list[torch.Tensor]:
    """What f holds that takes gradients, seen in its value at the start."""
    if not torch.is_grad_enabled():
        return []
    row = np.arange(len(task.y0))
    return leaves_of(task.f, task.rhs(task.t0, task.y0.detach(), row, task.t0))


def _require(solver: Solver, backwards: Backwards) -> None:
    """Raises GradientUnavailable, naming those that there are."""
    looped = isinstance(solver, LoopSolver)
    # what is solved beside the states is separable where they are, but no stranger knows which of it are momenta
    plain = not getattr(solver, "separable", False) or isinstance(solver, SplittingSolver)
    available = {
        "discrete": looped and solver.differentiable,
        "backprop": looped,
        "adjoint": plain,
        "forward": plain,
    }
    if not available.get(backwards.mode, False):
        those = [mode for mode, there in available.items() if there]
        raise GradientUnavailable(
            f"{type(solver).__name__} has no gradient {backwards.mode!r}",
            help=f"it has {', '.join(those[:-1])} and {those[-1]}" if those else "take leapfrog, or another solver",
        )
    if backwards.checkpoints and backwards.mode != "discrete":
        raise GradientUnavailable(
            f"checkpoints belong to the gradient discrete, not to {backwards.mode!r}", help="leave checkpoints out"
        )


def solve_untracked(task: Task, solver: Solver, rhs: TorchRhs, options: SolveOptions) -> Trajectory:
    """A solve without a graph: on NumPy, or on the tensors' own device if that is not the CPU."""
    y0 = task.y0.detach()
    if y0.device.type != "cpu" and isinstance(solver, LoopSolver):
        return solver.solve(task.rhs, y0, task.t0, task.ts, options)
    return solver.solve(rhs, y0.cpu().numpy(), task.t0, task.ts, options)


def _backprop(task: Task, solver: Any, rhs: TorchRhs, y0: torch.Tensor, options: SolveOptions) -> Trajectory:
    """The same steps again in torch's graph, from the y0 that takes gradients."""
    found = solve_untracked(task, solver, rhs, options)
    again = solver.backprop(task.rhs, y0, task.t0, task.ts, replace(options, replay=found.mesh))
    return replace(again, status=found.status, message=found.message, stats=found.stats)


def _start_that_moves(task: Task, ts: torch.Tensor) -> torch.Tensor:
    """y0 with the derivative of the solution in its first time: ∂y(t)/∂t0 = −(∂y(t)/∂y0) f(t0, y0)."""
    row = np.arange(len(task.y0))
    t0 = ts.expand(task.ts.shape)[:, 0]
    slope = task.rhs(task.t0, task.y0, row, task.t0).detach()
    return task.y0 - _spread(t0 - t0.detach(), slope) * slope


def _times_that_move(task: Task, ts: torch.Tensor, ys: torch.Tensor) -> torch.Tensor:
    """ys with its derivative in the times asked for, which is f."""
    rows, n = task.ts.shape
    row = np.repeat(np.arange(rows), n)
    flat = ys.detach().reshape(rows * n, *ys.shape[2:])
    there = np.flatnonzero(np.isfinite(task.ts).reshape(-1))
    t = task.ts.reshape(-1)[there]
    slope = torch.zeros_like(flat)
    slope[there] = task.rhs(t, flat[there], row[there], t).detach()
    slope = torch.nan_to_num(slope).reshape(ys.shape)
    times = torch.nan_to_num(ts.expand(task.ts.shape))
    return ys + _spread(times - times.detach(), slope) * slope


def _spread(t: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return t.reshape(*t.shape, *[1] * (like.ndim - t.ndim)).to(like.dtype)


def _as_tensors(trajectory: Trajectory, like: torch.Tensor) -> Trajectory:
    def tensor(y: Any) -> Any:
        return torch.from_numpy(np.ascontiguousarray(y)).to(like.device) if isinstance(y, np.ndarray) else y

    return replace(trajectory, ys=tensor(trajectory.ys), steps=tensor(trajectory.steps))


def _as_arrays(trajectory: Trajectory) -> Trajectory:
    def array(y: Any) -> Any:
        return y.detach().cpu().numpy() if isinstance(y, torch.Tensor) else y

    return replace(trajectory, ys=array(trajectory.ys), steps=array(trajectory.steps))
