"""The engine that takes all steps at once, for a right-hand side on torch tensors and a mesh that stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..contracts import Trajectory
from ..engine import TableauSolver
from ..engine.explicit_steps import Field
from ..engine.front import STRETCH, Front
from ..engine.gradients import SMALL
from ..engine.grid import Grid
from ..engine.in_turn import in_turn
from ..engine.parallel import TOLERANCE, Joined, Linear, Linearized, join
from ..engine.recursion import Recursion
from ..engine.transverse import Differences, Transverse
from .callables import TorchRhs, leaves_of
from .door import Asked, Task
from .node import Once
from .prepared import Sequential, counted
from .replaying import Replaying, can_be_replayed
from .solution import Solution
from .tensors import solve_tensors, solve_untracked

LEAST = 16  # steps of a trajectory: for fewer there is nothing to gain
MOST_ROWS = 64  # trajectories side by side: with more, one step of all of them is work enough at a time
MOST_LINES = 2**16  # steps of all trajectories, whose stages are held at once
MOST_ENTRIES = 2**23  # of the Jacobians at all stages of all steps: 64 MB
NEAR = 3  # a front that has gone over the steps less often than this was not needed
PAST = 8  # solves whose trajectories are kept to start from
REST = 63  # solves that are done step by step, at most, before Newton's method is tried again


def fits(asked: Asked, task: Task) -> bool:
    """Whether the task can be solved by all steps at once: a rule on what was asked for and on shapes."""
    solver = asked.chosen()
    explicit = isinstance(solver, TableauSolver) and not solver.tableau.implicit
    if not explicit or not task.torch or task.reading not in ("rows", "mapped"):
        return False
    known = asked.replay is not None or not solver.adaptive
    backwards = asked.backwards
    discrete = backwards.mode == "discrete" and not backwards.checkpoints
    plain = not (asked.events or asked.steps or asked.deadline is not None or getattr(asked.ts, "requires_grad", False))
    small = task.y0[0].numel() <= SMALL and len(task.y0) <= MOST_ROWS and task.y0.dtype in TOLERANCE
    return known and discrete and plain and small


class ParallelInTime:
    """All steps at once by Newton's method from the last solve, or one after the other where that does not converge.

    A single trajectory that has moved far is first sought beside the last one, or along the time axis, from what the
    last solves have found.
    `stats["newton"]` counts the evaluations of all steps, with passes and sweeps; 0 says that they were taken one
    after the other. The first solve is, and so are failing ones.
    """

    def __init__(self, asked: Asked, task: Task) -> None:
        self._asked, self._task, self._solver = asked, task, asked.chosen()
        self._shape = tuple(task.y0.shape[1:])
        self._field: Field = task.rhs.at if len(self._shape) == 1 else self._flattened
        self._sequential = Sequential(asked, task)
        self._grid: Grid | None = None
        self._common: Trajectory = Trajectory(task.ts, None, (), (), {})  # what all solves have in common
        self._front: Front | None = None
        self._transverse: Transverse | None = None
        self._differences: Differences  # where there is a transverse search
        self._past: np.ndarray | None = None  # the pools of the last solves, the latest first
        self._slopes: np.ndarray = np.empty(0)  # f at the starts of the latest one's steps
        self._far = False  # the last solve was far from the one before
        self._joined: Recursion | None = None
        self._replaying: Replaying | None = None
        self._useless = False  # there are too few or too many steps
        self._missed = self._resting = 0

    def __call__(self, y0: Any) -> Solution:
        """The solution from y0."""
        if self._useless or torch.is_inference_mode_enabled():
            return self._sequential(y0)
        task = self._task.again(y0)
        found = self._at_once(task)
        if found is None:
            return self._one_by_one(task)
        return self._solution(task, found, self._stats(found))

    def _at_once(self, task: Task) -> Joined | None:
        """The steps by Newton's method from the last solve; None where there is none or it does not converge."""
        if self._grid is None or self._past is None:
            return None
        if self._resting:
            self._resting -= 1
            return None
        start = task.y0.detach().reshape(self._grid.rows, -1)
        found = None
        if self._replaying is not None:
            found = self._replayed(self._replaying, start, self._past)
        if found is None and self._replaying is None:
            found = None if self._far else self._nearby(start, self._past)
            if found is None and self._transverse is not None:
                found = self._beside(self._transverse, start, self._past)
        if found is None and self._front is not None:
            found = self._along(self._front, start, self._past)
        self._missed = 0 if found is not None else self._missed + 1
        self._resting = min(2**self._missed - 2, REST) if self._missed else 0
        return found

    def _replayed(self, replaying: Replaying, start: torch.Tensor, past: np.ndarray) -> Joined | None:
        """The steps from the last solve or beside it, with f replayed."""
        found = replaying.solve(start, past, self._slopes, self._far)
        self._far = found is not None and found.sweeps > 1
        if not replaying.holds:
            self._replaying = None
        return found

    def _nearby(self, start: torch.Tensor, past: np.ndarray) -> Joined | None:
        """The steps from the last solve."""
        assert self._grid is not None
        guess = torch.from_numpy(past[0]).to(start.device, copy=True)
        guess[: self._grid.rows] = start
        return join(self._grid, self._field, guess, self._joined, patient=self._front is None)

    def _beside(self, transverse: Transverse, start: torch.Tensor, past: np.ndarray) -> Joined | None:
        """The steps beside the last solve, at times of their own."""
        assert self._grid is not None
        self._far = False
        with torch.no_grad(), np.errstate(all="ignore"):
            reached = transverse.advance(self._differences, start.cpu().numpy(), past, self._slopes)
        if reached is None:
            return None
        found = join(self._grid, self._field, torch.from_numpy(reached.pool).to(start.device), None)
        if found is None:
            return None
        self._far = reached.passes > 1
        return replace(found, sweeps=reached.passes, lines=reached.lines)

    def _along(self, front: Front, start: torch.Tensor, past: np.ndarray) -> Joined | None:
        """The steps from where a front arrives."""
        assert self._grid is not None
        with torch.no_grad(), np.errstate(all="ignore"):
            reached = front.advance(self._field, start.cpu().numpy(), past)
        self._far = False
        if reached is None:
            return None
        pool = torch.from_numpy(reached.pool).to(start.device)
        found = join(self._grid, self._field, pool, reached.joined, own=True, patient=False)
        if found is None:
            return None
        self._far = reached.sweeps * STRETCH > NEAR * self._grid.lines
        return replace(found, sweeps=reached.sweeps, lines=reached.lines)

    def _flattened(
        self, time: torch.Tensor, y: torch.Tensor, t: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> torch.Tensor:
        """f over lines of flat states (line, entry)."""
        return self._task.rhs.at(time, y.reshape(-1, *self._shape), t, row, middle).reshape(y.shape)

    def _one_by_one(self, task: Task) -> Solution:
        """The solution by one step after the other, which the next solve starts from."""
        grid, solver = self._grid, self._solver
        if grid is not None and isinstance(solver, TableauSolver) and task.y0.device.type == "cpu":
            pool = in_turn(solver.tableau, grid, self._field, task.y0.detach().reshape(grid.rows, -1).numpy())
            if pool is not None:
                found = Joined(pool, Linearized(grid, self._field, pool), 0)
                calls = grid.used * grid.n_steps
                return self._solution(task, found, {**self._stats(found), "rhs": calls, "rhs_calls": calls.max()})
        return self._by_loop(task)

    def _by_loop(self, task: Task) -> Solution:
        """The solution by the loop over steps, which says how it failed; the next solve starts from it."""
        options = self._asked.options(task)
        rhs = TorchRhs(task.rhs, task.y0.detach(), [])
        trajectory = solve_untracked(task, self._solver, rhs, replace(options, keep=True))
        if trajectory.ok.all() and self._grid is None:
            self._prepare(trajectory)
        if self._useless or not trajectory.ok.all():
            self._past = self._joined = None
            return counted(solve_tensors(task, self._solver, options, self._asked.backwards, trajectory), 0)
        grid = self._grid
        assert grid is not None, "there is one since the first solve that reached its end"
        steps = torch.as_tensor(trajectory.steps).to(task.y0.device)
        pool = grid.pool(steps.reshape(*steps.shape[:2], -1))
        found = Joined(pool, Linearized(grid, self._field, pool), 0)
        return self._solution(task, found, {**trajectory.stats, "newton": np.array(0)})

    def _prepare(self, trajectory: Trajectory) -> None:
        """The grid of the solver's steps, which are the same in every solve that reaches its end."""
        mesh = trajectory.mesh
        assert mesh is not None, "solvers of the loop give it"
        assert isinstance(self._solver, TableauSolver), "see `fits`"
        steps, entries = mesh.n_steps, self._task.y0[0].numel()
        lines = int(steps.sum())
        large = lines > MOST_LINES or lines * self._solver.tableau.n_stages * entries**2 > MOST_ENTRIES
        self._useless = large or int(steps.max()) < LEAST
        if not self._useless:
            start = self._task.y0.detach().reshape(len(steps), -1)
            self._grid = Grid(self._solver, mesh, trajectory.ts, start)
            self._common = replace(trajectory, ys=None, steps=None, stats={})
            if self._grid.rows == 1:
                states = torch.as_tensor(trajectory.steps).to(start)[0, :-1].reshape(lines, -1)
                timeless = self._timeless(states)
                self._front = Front(self._grid, timeless)
                if timeless and self._grid.even and lines * (entries + 1) <= MOST_LINES:
                    self._transverse = Transverse(self._grid)
                    self._differences = Differences(self._grid, self._field)
                # inputs are looked up outside of torch
                if self._asked.inputs is None and can_be_replayed(self._grid, start.device):
                    self._replaying = Replaying(self._grid, self._field, self._task.f, self._transverse)

    def _timeless(self, y: torch.Tensor) -> bool:
        """Whether f says the same of these states (line, entry), of the steps of one row, at other times."""
        assert self._grid is not None
        node = self._grid.steps.nodes[0]
        other = replace(node, time=node.time.flip(0), t=node.t[::-1], middle=node.middle[::-1])
        with torch.no_grad():
            return torch.equal(node.value(self._field, y), other.value(self._field, y))

    def _stats(self, found: Joined) -> dict[str, np.ndarray]:
        assert self._grid is not None
        grid = self._grid
        steps, none = grid.n_steps, np.zeros_like(grid.n_steps)
        calls = (found.evaluations + found.sweeps) * grid.used
        return {
            "accepted": steps,
            "rejected": none,
            "rhs": grid.used * found.evaluations * steps + found.lines,
            "jacobians": none,
            "rhs_calls": np.array(calls),
            "newton": np.array(found.evaluations + found.sweeps),
        }

    def _solution(self, task: Task, found: Joined, stats: dict[str, np.ndarray]) -> Solution:
        """The solution in torch's graph where something takes gradients; the next solve starts from it."""
        grid = self._grid
        assert grid is not None, "there is one since the first solve that reached its end"
        pool = found.pool.cpu().numpy()[None]
        self._past = pool if self._past is None else np.concatenate([pool, self._past[: PAST - 1]])
        linearized = found.linearized
        self._slopes = linearized.slopes
        ys = linearized.observed(found.pool).reshape(*task.ts.shape, *self._shape)
        ys = ys[0] if task.single else ys
        if torch.is_grad_enabled():
            leaves = linearized.leaves(partial(leaves_of, task.f))
            if leaves or task.y0.requires_grad:
                ys = AllAtOnce.apply(self, linearized, ys, task.y0, *leaves)
        trajectory = replace(self._common, ys=ys.detach()[None] if task.single else ys, stats=stats)
        return Solution(task.given_ts, ys.detach().cpu().numpy() if task.back_to_numpy else ys, trajectory, task.single)

    def pull(
        self, linearized: Linear, gys: torch.Tensor, leaves: Sequence[torch.Tensor], by_y0: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """The gradients by y0 (rows, entry), unless not wanted, and by the leaves."""
        found = linearized.pullback(gys, leaves, by_y0)
        self._joined = linearized.joined
        return found


class AllAtOnce(torch.autograd.Function):
    """ys of all steps at once, differentiable in y0 and in the leaves of f, once."""

    @staticmethod
    def forward(
        ctx: Any, engine: ParallelInTime, linearized: Linear, ys: torch.Tensor, y0: torch.Tensor, *leaves: Any
    ) -> torch.Tensor:
        """The solution as it is."""
        ctx.engine, ctx.linearized = engine, linearized
        ctx.save_for_backward(y0, *leaves)
        return ys.clone()  # to be written over, if one likes

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """Gradients in y0 and the leaves."""
        y0, *leaves = ctx.saved_tensors
        again = torch.is_grad_enabled()  # somebody wants to differentiate these
        with torch.no_grad():
            by_y0, by_leaves = ctx.engine.pull(ctx.linearized, gradients[0], leaves, again or y0.requires_grad)
        found = [None if by_y0 is None else by_y0.reshape(y0.shape), *by_leaves]
        if again:
            return None, None, None, *Once.apply("discrete", len(found), *found, *gradients, y0, *leaves)
        return None, None, None, *found
