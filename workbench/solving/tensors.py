"""Solves of torch tensors: on NumPy where they lie on the CPU, with the gradient that was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..contracts import GradientMode, SolveOptions, Solver, Trajectory
from ..engine import LoopSolver
from ..errors.numerics import GradientUnavailable
from .callables import TorchRhs, leaves_of
from .discrete import Discrete, Solved
from .solution import Solution

if TYPE_CHECKING:
    from .door import Task


def solve_tensors(task: Task, solver: Solver, options: SolveOptions, gradient: GradientMode) -> Solution:
    """The solution as tensors, in torch's graph where something takes gradients."""
    ts = task.given_ts if isinstance(task.given_ts, torch.Tensor) and task.given_ts.requires_grad else None
    leaves = _leaves(task)
    tracked = torch.is_grad_enabled() and bool(leaves or task.y0.requires_grad or ts is not None)
    rhs = TorchRhs(task.rhs, task.y0.detach(), leaves)
    if not tracked:
        return task.solution(_as_tensors(_plain(task, solver, rhs, options), task.y0))
    _require(solver, gradient)
    y0 = task.y0 if ts is None else _start_that_moves(task, ts)
    if gradient == "backprop":
        trajectory = _backprop(task, solver, rhs, y0, options)
    else:
        kept = _as_arrays(_plain(task, solver, rhs, replace(options, keep=True)))
        ys = Discrete.apply(Solved(solver, rhs, kept), y0, *leaves)
        trajectory = replace(_as_tensors(kept, task.y0), ys=ys, steps=kept.steps if options.keep else None)
    if ts is not None:
        trajectory = replace(trajectory, ys=_times_that_move(task, ts, trajectory.ys))
    return task.solution(trajectory)


def _leaves(task: Task) -> list[torch.Tensor]:
    """What f holds that takes gradients, seen in its value at the start."""
    if not torch.is_grad_enabled():
        return []
    row = np.arange(len(task.y0))
    return leaves_of(task.f, task.rhs(task.t0, task.y0.detach(), row, task.t0))


def _require(solver: Solver, gradient: GradientMode) -> None:
    available = {
        "discrete": isinstance(solver, LoopSolver) and solver.differentiable,
        "backprop": isinstance(solver, LoopSolver),
    }
    if not available.get(gradient, False):
        those = " and ".join(mode for mode, there in available.items() if there)
        has = f"it has {those}" if those else "take an explicit Runge–Kutta solver, such as tsit5"
        raise GradientUnavailable(f"{type(solver).__name__} has no gradient {gradient!r}", help=has)


def _plain(task: Task, solver: Solver, rhs: TorchRhs, options: SolveOptions) -> Trajectory:
    """A solve without a graph: on NumPy, or on the tensors' own device if that is not the CPU."""
    y0 = task.y0.detach()
    if y0.device.type != "cpu" and isinstance(solver, LoopSolver):
        return solver.solve(task.rhs, y0, task.t0, task.ts, options)
    return solver.solve(rhs, y0.cpu().numpy(), task.t0, task.ts, options)


def _backprop(task: Task, solver: Any, rhs: TorchRhs, y0: torch.Tensor, options: SolveOptions) -> Trajectory:
    """The same steps again in torch's graph, from the y0 that takes gradients."""
    found = _plain(task, solver, rhs, options)
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
