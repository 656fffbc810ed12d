"""A solve under way: the rows still going, and how they start and end (the loops: adaptive, follow)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..contracts import SolveOptions, Status, Trajectory
from .arrays import NumpyArrays, TorchArrays
from .events import Watch
from .failure import FAR, Failures
from .flow import Flow
from .record import Record
from .stepper import Slopes, Stepper

Array = Any


class Active:
    """Rows still going, side by side: their number, time τ, state y, slope k = f(τ, y), |y|, and counts."""

    COUNTS = ("accepted", "rejected", "rhs", "jacobians")
    FIELDS: tuple[str, ...] = ("row", "tau", "y", "k", "size", *COUNTS)

    def __init__(self, flow: Flow, arrays: NumpyArrays | TorchArrays) -> None:
        self.flow, self.arrays = flow, arrays
        self.row, self.tau = np.arange(flow.rows), np.zeros(flow.rows)
        self.y = self.k = flow.y0
        self.size = arrays.magnitude(flow.y0)
        self.accepted, self.rejected, self.rhs, self.jacobians = (np.zeros(flow.rows, dtype=int) for _ in self.COUNTS)
        self.totals = {name: np.zeros(flow.rows, dtype=int) for name in self.COUNTS}
        self.clock = flow.clock(self.row)

    def __len__(self) -> int:
        return len(self.row)

    def keep(self, mask: np.ndarray) -> None:
        """Only the rows where mask (rows,) holds go on; the counts of all are noted."""
        self.note()
        chosen = np.flatnonzero(mask)
        for name in self.FIELDS:
            setattr(self, name, getattr(self, name)[chosen])
        self.clock = self.flow.clock(self.row)

    def note(self) -> None:
        """Write the counts of these rows among those of all."""
        for name, total in self.totals.items():
            total[self.row] = getattr(self, name)

    def count(self, stepper: Stepper) -> None:
        """Note what the step that was just tried has cost."""
        self.rhs += stepper.rhs_per_step
        self.jacobians += stepper.jacobians_per_step

    def slopes(self, some: np.ndarray, ahead: np.ndarray) -> None:
        """Evaluate k anew for `some` (index) rows, as f is from here on: inputs are looked up at τ = ahead."""
        everyone = len(some) == len(self.row)
        clock = self.clock if everyone else self.flow.clock(self.row[some])
        k = self.flow(clock.at(self.tau[some]), self.y[some], self.row[some], clock.at(ahead))
        self.k = k if everyone else self.arrays.put(self.k, some, k)
        self.rhs[some] += 1


class March:
    """What both loops share: the problem, the method, what is recorded and what failed."""

    def __init__(self, flow: Flow, arrays: NumpyArrays | TorchArrays, stepper: Stepper, options: SolveOptions) -> None:
        self.flow, self.arrays, self.stepper, self.options = flow, arrays, stepper, options
        self.record = Record(flow, arrays, stepper, options.keep)
        self.failures = Failures(flow, arrays)
        self.watch = Watch(self, options.events, options.after) if options.events else None
        self.looking = self.watch is not None and options.replay is None  # a replay knows where its events are

    def begin(self, active: Active, ahead: np.ndarray) -> None:
        """Drop rows with nowhere to go or without a finite start; `ahead` (rows,) is a τ in the first step."""
        finite = self.arrays.finite(active.y)
        for row in np.flatnonzero(~finite):
            self.failures.start(int(row), self.arrays.numpy(active.y[row]), None)
        going = finite & (self.flow.end > 0)
        active.keep(going)
        if not len(active):
            return
        active.slopes(np.arange(len(active)), ahead[going])
        finite = self.arrays.finite(active.k)
        if not finite.all():
            for i in np.flatnonzero(~finite):
                y, k = (self.arrays.numpy(x[i]) for x in (active.y, active.k))
                self.failures.start(int(active.row[i]), y, k)
            active.keep(finite)
        if self.watch is not None and len(active):
            active.keep(self.watch.begin(active))

    def close(
        self,
        active: Active,
        k: Slopes,
        t: np.ndarray,
        middle: np.ndarray,
        tau1: np.ndarray,
        y1: Array,
        onward: np.ndarray,
        accepted: np.ndarray,
    ) -> np.ndarray:
        """Evaluate the slope at the step's end into k, for rows that go `onward` or are observed inside it, `accepted`.

        Returns in which rows (rows,) it was evaluated.
        """
        end, need = self.stepper.end, onward
        if np.count_nonzero(onward) < len(onward):
            need = onward | (accepted & self.record.observed.inside(active.row, active.tau, tau1))
        some = np.flatnonzero(need)
        if len(some) == len(need):
            k[end] = self.flow(t[end], y1, active.row, middle)
        elif len(some):
            found = self.flow(t[end][some], y1[some], active.row[some], middle[some])
            k[end] = self.arrays.put(0.0 * y1, some, found)
        elif self.arrays.graph:
            k[end] = 0.0 * y1
        active.rhs += need
        return need

    def cap(self, active: Active, steps: int, h: np.ndarray) -> bool:
        """Whether a cap on steps or time is reached; if so the active rows end unfinished, about to take steps h."""
        options = self.options
        late = options.deadline is not None and time.monotonic() >= options.deadline
        if not late and steps < options.max_steps:
            return False
        status: Status = "time_out" if late else "too_many_steps"
        for i, row in enumerate(active.row):
            y, k = active.y[i : i + 1], active.k[i : i + 1]
            self.failures.unfinished(int(row), status, float(active.tau[i]), steps, float(h[i]), y, k)
        return True

    def give_up(self, active: Active, steps: int, h: np.ndarray) -> None:
        """Rows that stiffness keeps from ever arriving end before they have used up all their steps."""
        if self.stepper.stiff:
            return
        left, lost = self.options.max_steps - steps, np.zeros(len(active), dtype=bool)
        far = self.flow.end[active.row] - active.tau > FAR * h * left
        for i in np.flatnonzero(far):
            row, tau = int(active.row[i]), float(active.tau[i])
            y, k = active.y[i : i + 1], active.k[i : i + 1]
            lost[i] = self.failures.hopeless(row, tau, float(h[i]), left, y, k)
            if lost[i]:
                self.failures.unfinished(row, "too_many_steps", tau, steps, float(h[i]), y, k)
        if lost.any():
            active.keep(~lost)

    def collapse(self, active: Active, which: np.ndarray, h: np.ndarray, k: Slopes, y1: Array) -> None:
        """The rows in `which` (mask) end here: no step of length h leads on; k and y1 are what the last one gave."""
        numpy, unsolved = self.arrays.numpy, self.stepper.unsolved
        for i in np.flatnonzero(which):
            tried = np.stack([*[numpy(slope[i]) for slope in k], numpy(y1[i])])
            y, slope = numpy(active.y[i]), numpy(active.k[i])
            open_ = unsolved is not None and bool(unsolved[i])
            self.failures.collapse(int(active.row[i]), float(active.tau[i]), float(h[i]), y, slope, tried, open_)

    def trajectory(self, active: Active) -> Trajectory:
        """What came out, in the shape of the problem."""
        flow = self.flow
        active.note()
        ys = self.record.solution()
        mesh, steps = self.record.mesh()
        every = np.arange(flow.rows)
        last = mesh.t[every, mesh.n_steps]
        for row in np.flatnonzero(flow.since(every, last) < flow.end):
            if self.failures.status[row] == "ok":
                message = f"the mesh to replay ends at t = {last[row]:.10g}, before the last time asked for"
                self.failures.say(int(row), "step_too_small", message)
        totals = active.totals
        return Trajectory(
            ts=flow.ts,
            ys=ys.reshape(*ys.shape[:2], *flow.shape),
            status=tuple(self.failures.status),
            message=tuple(self.failures.message),
            stats={**totals, "rhs": totals["rhs"] + self.record.more, "rhs_calls": np.array(flow.calls)},
            mesh=mesh,
            steps=None if steps is None else steps.reshape(*steps.shape[:2], *flow.shape),
            event=None if self.watch is None else self.watch.ending(),
        )
