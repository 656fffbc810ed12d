"""A solve on the compiled engine: its times, settings and memory, made once and used as often as wanted."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from ..contracts import Mesh, SolveOptions, Status, Trajectory
from ..engine.arrays import NumpyArrays
from ..engine.equal_steps import equal_steps
from ..engine.failure import Failures
from ..engine.flow import Flow
from ..engine.solver import RosenbrockSolver, TableauSolver
from ..errors.numerics import ShapeOfRhs
from .abi import Task, address
from .choose import march_of
from .kernel import Kernel
from .pieces import Pieces

BAD_STATE, BAD_SLOPE, COLLAPSED, TOO_MANY_STEPS, TIME_OUT = range(1, 6)
SHORT = 256  # steps for which there is memory before more are needed
TAPE = 2**24  # bytes up to which the stages of one trajectory are kept for the way back


@dataclass
class Steps:
    """The steps that were taken: τ (row, step + 1), which ends were forced, the states where kept."""

    tau: np.ndarray
    clipped: np.ndarray
    n_steps: np.ndarray
    states: np.ndarray | None
    number: int  # of the solve: the handle holds the stages of its last one

    @cached_property
    def order(self) -> np.ndarray:
        """The rows by their number of steps, longest first."""
        return _longest_first(self.n_steps)


class Handle:
    """Solves and derivatives of one kernel at given times, from any y0 and parameters.

    `flow` holds the times; `threads` share the rows.
    """

    def __init__(
        self,
        kernel: Kernel,
        solver: TableauSolver | RosenbrockSolver,
        t0: np.ndarray,
        ts: np.ndarray,
        options: SolveOptions,
        threads: int = 1,
    ) -> None:
        self.kernel, self.solver, self.options, self.threads = kernel, solver, options, threads
        self.march = march_of(solver, options.replay)
        rows = len(ts)
        self.flow = Flow(_no_rhs, np.zeros((rows, kernel.n_states), kernel.dtype), t0, ts)
        self.rows, self.times = rows, ts.shape[1]
        self._kept: dict[str, np.ndarray] = {}
        constants = kernel.constants.astype(kernel.dtype)
        self._constants = np.tile(constants, (rows, 1)) if len(constants) else None
        self.task = Task()
        self._settings()
        self.task.keep = int(options.keep)
        self._plan(options)
        self._number = 0
        self._order: np.ndarray | None = None  # rows of about as many steps stand beside each other
        self._room()

    # --- what stays the same

    def _settings(self) -> None:
        task, solver, flow = self.task, self.solver, self.flow
        task.rows, task.times, task.max_steps = self.rows, self.times, self.options.max_steps
        control = solver.control(flow)
        task.rtol, task.first_step, task.min_step = control.rtol, solver.first_step, solver.min_step
        task.cap = solver.max_step / 1.01 if solver.max_step > 0 else np.inf
        task.safety, task.shrink, task.grow = control.safety, control.shrink, control.grow
        task.start, task.retry = control.controller.start, int(control.controller.retry)
        task.error_power, task.beta = float(control.k), control.exponents
        self._give("atol", np.broadcast_to(control.atol, (self.kernel.n_states,)), float)
        for name in ("t0", "sign", "low", "high", "end", "tau"):
            self._give(name, getattr(flow, name), float)
        self._give("n_times", np.isfinite(flow.tau).sum(axis=1), np.int64)
        breaks = np.array(sorted({float(at) for at in self.options.breaks}))  # np.unique would import numpy.ma
        task.n_breaks = len(breaks)
        self._give("breaks", breaks, float)

    def _give(self, name: str, array: np.ndarray, dtype: Any) -> np.ndarray:
        kept = self._kept[name] = np.ascontiguousarray(array, dtype=dtype)
        setattr(self.task, name, address(kept))
        return kept

    def _plan(self, options: SolveOptions) -> None:
        """The steps, where they are known beforehand: a mesh to replay, or equal ones."""
        mesh = options.replay
        if mesh is None and self.march == "follow":
            mesh = equal_steps(self.flow, self.solver.step, options.breaks)
        elif mesh is not None:
            self.flow.reach(mesh.t[np.arange(self.rows), mesh.n_steps])
            self._give("low", self.flow.low, float)
            self._give("high", self.flow.high, float)
        self.mesh = mesh
        self.width = SHORT
        if mesh is None:
            return
        self._plan_tau = self._give("plan", self.flow.since(np.arange(self.rows), mesh.t), float)
        self.width = self.task.plan_width = self._plan_tau.shape[1]
        clipped = np.zeros((self.rows, self.width), np.uint8)
        clipped[:, 1:] = mesh.clipped
        self._plan_clipped = self._give("plan_clipped", clipped, np.uint8)
        self._give("plan_steps", mesh.n_steps, np.int64)

    # --- solving

    def solve(
        self,
        y0: np.ndarray,
        p: np.ndarray,
        c: np.ndarray | None = None,
        pieces: Pieces | None = None,
        deadline: float | None = None,
    ) -> Solved:
        """y(t0) = y0 (row, state) with parameters p (parameter,) or (row, parameter), covariates and inputs by row.

        `deadline` is a time.monotonic() at which to give up.
        """
        self._require(np.shape(y0), np.shape(p), None if c is None else np.shape(c), pieces)
        self.task.deadline = deadline or 0.0
        held = Held(self.kernel.dtype, y0, p, c, pieces, self._constants)
        held.point(self.task)
        while (found := self._attempt(held)) is None:
            self.width = min(4 * self.width, self.options.max_steps + 2)
            self._room()
        return found

    def _require(
        self, y0: tuple[int, ...], p: tuple[int, ...], c: tuple[int, ...] | None, pieces: Pieces | None
    ) -> None:
        """Raises ShapeOfRhs for arrays that a kernel would read beyond their end."""
        graph, rows = self.kernel.graph, self.rows
        wanted = (rows, len(graph.states)), (len(graph.parameters),)
        if y0 != wanted[0] or p[-1:] != wanted[1] or p[:-1] not in ((), (rows,)):
            raise ShapeOfRhs(
                f"y0 {y0} and parameters {p} do not fit {rows} trajectories of {wanted[0][1]} states and "
                f"{wanted[1][0]} parameters",
                help=f"the parameters are {', '.join(graph.parameters[:6])}{' …' if len(graph.parameters) > 6 else ''}",
            )
        if graph.covariates and c != (rows, len(graph.covariates)):
            raise ShapeOfRhs(f"covariates {c} do not fit {rows} trajectories", help=", ".join(graph.covariates))
        if graph.inputs and (pieces is None or pieces.shape != (rows, len(graph.inputs))):
            found = "none" if pieces is None else f"{pieces.shape[1]} for {pieces.shape[0]}"
            raise ShapeOfRhs(
                f"{rows} trajectories need the inputs {', '.join(graph.inputs)}, and there are {found}",
                help="inputs=wb.Signal(ts, values)",
            )

    def _room(self) -> None:
        """Memory that is used by every solve anew: what went wrong, and the steps where they are not known before."""
        rows, d = self.rows, self.kernel.n_states
        self.failure = {name: self._give(f"failure_{name}", np.zeros(rows), float) for name in ("tau", "h")}
        self.failure |= {
            name: self._give(f"failure_{name}", np.zeros((rows, d)), float) for name in ("y", "k", "tried")
        }
        self.failure["steps"] = self._give("failure_steps", np.zeros(rows), np.int64)
        if self.mesh is not None:
            self._give("mesh", np.zeros((rows, self.width)), float)
            self._give("clipped", np.zeros((rows, self.width)), np.uint8)
        self.task.width = self.width
        size = self.kernel.tape_bytes(self.march, self.width) + 64 if self._tapeable() else 0
        self._tapes = np.zeros(size if size <= TAPE else 0, np.uint8)
        self._tapes_at = (address(self._tapes) + 63) // 64 * 64 if len(self._tapes) else None

    def _tapeable(self) -> bool:
        """The stages of all steps may be kept: there is one trajectory, and f is the same on both sides of a step."""
        plain = self.rows == 1 and not self.task.n_breaks and not self.kernel.graph.inputs and not self.kernel.wide
        return plain and self.options.keep and self.kernel.tapes

    def _attempt(self, held: Held) -> Solved | None:
        """A solve; None where the mesh was too long for its memory."""
        kernel, task, rows, width = self.kernel, self.task, self.rows, self.width
        ys = np.empty((rows, self.times, kernel.n_states), kernel.dtype)
        counts = np.zeros((5, rows), np.int64)
        task.ys, base, each = address(ys), address(counts), 8 * rows
        task.n_steps, task.n_rejected, task.n_rhs = base, base + each, base + 2 * each
        task.n_jacobians, task.status = base + 3 * each, base + 4 * each
        states = None
        if self.options.keep:
            states = np.empty((rows, width, kernel.n_states), kernel.dtype)
            task.states = address(states)
        if self.mesh is None:
            tau, clipped = np.empty((rows, width)), np.zeros((rows, width), np.uint8)
            task.mesh, task.clipped = address(tau), address(clipped)
        else:
            tau, clipped = self._plan_tau, self._plan_clipped
        task.tapes, task.order = self._tapes_at, address(self._order)
        self._number += 1
        results = self._share(self.march, [task] * self._jobs)
        if 2 in results:
            return None
        if 1 in results:
            raise MemoryError("no memory for the compiled solve")
        if self.kernel.wide:
            self._order = _longest_first(counts[0] + counts[1])  # likely so the next time, too
        return Solved(self, held, ys, counts, Steps(tau, clipped, counts[0], states, self._number))

    @property
    def _jobs(self) -> int:
        """Shares of the rows: more than threads, so that one that was held up leaves its next ones to others."""
        return 1 if self.threads == 1 else min(4 * self.threads, -(-self.rows // self.kernel.lanes(self.march)))

    def _share(self, purpose: str, tasks: list[Task]) -> list[int]:
        """The rows, one task a share; the threads take them as they come."""
        if len(tasks) == 1:
            return [self.kernel.call(purpose, tasks[0], 0, self.rows)]
        unit, many = self.kernel.lanes(self.march), len(tasks)
        blocks = -(-self.rows // unit)
        bounds = [min(self.rows, unit * (blocks * i // many)) for i in range(many)] + [self.rows]
        jobs = iter([(task, bounds[i], bounds[i + 1]) for i, task in enumerate(tasks)])

        def work(_: int) -> list[int]:
            return [self.kernel.call(purpose, *job) for job in jobs]

        others = [_pool().submit(work, i) for i in range(1, min(self.threads, many))]
        return work(0) + [result for other in others for result in other.result()]

    # --- differentiating

    def pull(self, solved: Solved, gys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ gysᵀ ∂ys/∂y0 (row, state) and Σ gysᵀ ∂ys/∂p (row or 1, parameter), for gys (row, time, state)."""
        kernel, d = self.kernel, self.kernel.n_states
        if gys.shape != solved.ys.shape:
            raise ShapeOfRhs(
                f"gradients by ys of shape {solved.ys.shape} are given as {gys.shape}", help="give one each"
            )
        gys = np.ascontiguousarray(gys, kernel.dtype)
        g_y0 = np.zeros((self.rows, d), kernel.dtype)
        shared = solved.held.p.ndim == 1
        many = self._jobs if shared else 1
        g_p = np.zeros((many, 1 if shared else self.rows, kernel.n_parameters), kernel.dtype)
        tasks = []
        for i in range(many):
            task = self._back(solved)
            task.gys, task.g_y0, task.g_p = address(gys), address(g_y0), address(g_p[i])
            tasks.append(task)
        if any(self._share("pull", tasks if shared else tasks * self._jobs)):
            raise MemoryError("no memory for the compiled gradient")
        return g_y0, g_p[0] if many == 1 else g_p.sum(axis=0)

    def push(self, solved: Solved) -> tuple[np.ndarray, np.ndarray]:
        """∂ys/∂y0 (row, time, state, state) and ∂ys/∂p (row, time, state, parameter), NaN where not reached."""
        kernel, d = self.kernel, self.kernel.n_states
        by = np.zeros((self.rows, self.times, d, d + kernel.n_parameters), kernel.dtype)
        task = self._back(solved)
        task.by = address(by)
        if any(self._share("push", [task] * self._jobs)):
            raise MemoryError("no memory for the compiled sensitivities")
        by[~np.isfinite(solved.ys).all(axis=2)] = np.nan
        return by[..., :d], by[..., d:]

    def _back(self, solved: Solved) -> Task:
        task = Task.from_buffer_copy(self.task)
        solved.held.point(task)
        steps = solved.steps
        assert steps.states is not None, "solve with SolveOptions(keep=True) to differentiate"
        task.plan, task.plan_steps, task.plan_width = address(steps.tau), address(steps.n_steps), steps.tau.shape[1]
        task.states = address(steps.states)
        task.tapes = self._tapes_at if steps.number == self._number else None
        task.order = address(steps.order) if self.kernel.wide else None
        return task


class Held:
    """The arrays of one solve, kept as long as its derivative may be asked for; constants (row, constant)."""

    def __init__(
        self,
        dtype: np.dtype,
        y0: np.ndarray,
        p: np.ndarray,
        c: np.ndarray | None,
        pieces: Pieces | None,
        constants: np.ndarray | None,
    ) -> None:
        self.y0 = np.ascontiguousarray(y0, dtype)
        self.p = np.ascontiguousarray(p, dtype)
        self.c = None if c is None else np.ascontiguousarray(c, dtype)
        self._given = self.c if constants is None else constants
        if self.c is not None and constants is not None:
            self._given = np.concatenate([self.c, constants], axis=1)
        self.pieces = pieces

    def point(self, task: Task) -> None:
        """Write the addresses into a task."""
        task.y0, task.p, task.c = address(self.y0), address(self.p), address(self._given)
        task.p_stride = self.p.shape[1] if self.p.ndim == 2 else 0
        if self.pieces is not None:
            self.pieces.point(task)


class Solved:
    """What a solve found: ys (row, time, state), NaN where not reached, and its steps."""

    def __init__(self, handle: Handle, held: Held, ys: np.ndarray, counts: np.ndarray, steps: Steps) -> None:
        self.handle, self.held, self.ys, self.counts, self.steps = handle, held, ys, counts, steps
        self._failure = None if not counts[4].any() else {name: array.copy() for name, array in handle.failure.items()}

    def pull(self, gys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ gysᵀ ∂ys/∂y0 (row, state) and Σ gysᵀ ∂ys/∂p (row or 1, parameter), for gys (row, time, state)."""
        return self.handle.pull(self, gys)

    def push(self) -> tuple[np.ndarray, np.ndarray]:
        """∂ys/∂y0 (row, time, state, state) and ∂ys/∂p (row, time, state, parameter), NaN where not reached."""
        return self.handle.push(self)

    @property
    def ok(self) -> np.ndarray:
        """Which rows arrived (row,)."""
        return self.counts[4] == 0

    def trajectory(self) -> Trajectory:
        """As the loop on NumPy gives it."""
        handle, flow, steps = self.handle, self.handle.flow, self.steps
        failures = self._failures()
        every = np.arange(handle.rows)
        width = int(steps.n_steps.max(initial=0)) + 1
        tau = np.where(np.arange(width) <= steps.n_steps[:, None], steps.tau[:, :width], np.nan)
        t = flow.physical(every[:, None], tau)
        mesh = Mesh(t, steps.clipped[:, 1:width].astype(bool))
        states = None
        if steps.states is not None:
            states = np.where(np.isfinite(tau)[..., None], steps.states[:, :width], np.nan).astype(steps.states.dtype)
        accepted, rejected, rhs, jacobians, _ = self.counts
        counts = {"accepted": accepted, "rejected": rejected, "rhs": rhs, "jacobians": jacobians}
        stats = {**counts, "rhs_calls": np.array(int(rhs.sum()))}
        short = np.flatnonzero((tau[every, steps.n_steps] < flow.end) & self.ok)
        for row in short:
            message = (
                f"the mesh to replay ends at t = {t[row, steps.n_steps[row]]:.10g}, before the last time asked for"
            )
            failures.say(int(row), "step_too_small", message)
        return Trajectory(flow.ts, self.ys, tuple(failures.status), tuple(failures.message), stats, mesh, states)

    def _failures(self) -> Failures:
        handle, held = self.handle, self.held
        graph, flow = handle.kernel.graph, handle.flow
        failures = Failures(flow, NumpyArrays(held.y0, rows=len(held.y0)))
        bad = np.flatnonzero(~self.ok)
        if not len(bad):
            return failures

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            u = held.pieces(t, row, middle) if held.pieces is not None else None
            c = held.c[row] if held.c is not None else None
            return graph.function("rhs")(t, y, u, c, held.p[row] if held.p.ndim == 2 else held.p)

        flow = Flow(f, held.y0, flow.t0, flow.ts)
        failures = Failures(flow, NumpyArrays(held.y0, rows=len(held.y0)))
        assert self._failure is not None, "something failed"
        steps, tau, h, y, k, tried = (self._failure[name] for name in ("steps", "tau", "h", "y", "k", "tried"))
        for row in map(int, bad):
            kind = int(self.counts[4, row])
            if kind in (BAD_STATE, BAD_SLOPE):
                failures.start(row, y[row], None if kind == BAD_STATE else k[row])
            elif kind == COLLAPSED:
                failures.collapse(row, tau[row], h[row], y[row], k[row], tried[row][None])
            else:
                status: Status = "too_many_steps" if kind == TOO_MANY_STEPS else "time_out"
                state, slope = (x[row][None].astype(held.y0.dtype) for x in (y, k))
                failures.unfinished(row, status, tau[row], int(steps[row]), h[row], state, slope)
        return failures


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1)


def _longest_first(steps: np.ndarray) -> np.ndarray:
    """Rows by their number of steps."""
    return np.argsort(-steps, kind="stable").astype(np.int64)


def _no_rhs(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
    raise AssertionError("the flow of a compiled solve is for its times only")
