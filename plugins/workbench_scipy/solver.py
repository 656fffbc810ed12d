"""A whole solver around one of SciPy's integrators, row by row, with statuses that do not lie."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate

from workbench.contracts import Ending, Mesh, Rhs, SolveOptions, Trajectory
from workbench.engine.arrays import library
from workbench.engine.failure import Failures
from workbench.engine.flow import Flow
from workbench.engine.settings import require_settings
from workbench.errors.numerics import GradientUnavailable

from .events import RowEvents
from .guard import Guard, Stopped

CHECKS = {1000 * 4**i for i in range(12)}  # steps after which it is asked whether a row can still arrive


@dataclass(frozen=True)
class ScipySolver:
    """contracts.Solver: each trajectory is solved by itself in float64 with scipy.integrate.<method>."""

    method: str
    order: int | None
    rtol: float = 1e-6
    atol: float | tuple[float, ...] = 1e-9
    first_step: float = 0.0
    max_step: float = 0.0

    adaptive = True
    differentiable = False

    def __post_init__(self) -> None:
        require_settings(self.rtol, self.atol, {"first_step": self.first_step, "max_step": self.max_step})

    @property
    def stiff(self) -> bool:
        """It is for stiff problems."""
        return self.method in ("Radau", "BDF", "LSODA")

    def solve(self, f: Rhs, y0: Any, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        """y(t0) = y0 (rows, *state) as NumPy arrays, followed to ts (rows, time), NaN-padded."""
        if options.replay is not None:
            raise GradientUnavailable(
                f"{self.method} of SciPy cannot repeat its steps",
                help="take an explicit Runge–Kutta solver, such as tsit5",
            )
        flow = Flow(f, y0, t0, ts)
        failures = Failures(flow, library(flow.y0))
        rows = [Row(self, flow, f, i, options, failures) for i in range(flow.rows)]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy warns where the status says more
            for row in rows:
                row.run()
        return _assemble(flow, rows, failures, options)


class Row:
    """One trajectory on its way: the mesh points reached so far, the states there and at the times asked for."""

    def __init__(
        self, solver: ScipySolver, flow: Flow, f: Rhs, number: int, options: SolveOptions, failures: Failures
    ) -> None:
        self.solver, self.flow, self.number, self.options, self.failures = solver, flow, number, options, failures
        self.guard = Guard(flow, f, number, options, tolerant=solver.method != "LSODA")
        self.t, self.states = [float(flow.t0[number])], [np.array(flow.y0[number], dtype=float)]
        self.events = RowEvents(flow, number, options, failures) if options.events else None
        self.clipped: list[bool] = []
        self.ys = np.full((flow.ts.shape[1], flow.entries), np.nan)
        self._observe(self.t[0], self.t[0], None)

    def run(self) -> None:
        """Go to the end, or say why not."""
        failures, number = self.failures, self.number
        if not np.isfinite(self.states[0]).all():
            failures.start(number, self.states[0], None)
            return
        try:
            for stop in self._stops():
                if self._segment(stop):
                    return
        except Stopped as stopped:
            self._say(stopped)

    def _stops(self) -> Iterator[float]:
        flow, i = self.flow, self.number
        t1 = float(flow.t0[i] + flow.sign[i] * flow.end[i])
        last = flow.ts[i][np.isfinite(flow.ts[i])]
        t1 = float(last[-1]) if len(last) else t1
        inner = [t for t in self.options.breaks if flow.low[i] < t < flow.high[i]]
        if t1 != self.t[0]:
            yield from sorted(inner, reverse=bool(flow.sign[i] < 0))
            yield t1

    def _segment(self, stop: float) -> bool:
        """SciPy's own loop from the present point to `stop`; whether the row has ended before, at an event."""
        guard, solver, t, y = self.guard, self.solver, self.t[-1], self.states[-1]
        guard.segment(t, stop)
        if not np.isfinite(guard(t, y)).all():
            raise Stopped("not_finite")
        if self.events is not None and t == self.t[0] and self.events.begin(t, y):
            return True
        settings: dict[str, Any] = {"rtol": max(solver.rtol, 2.3e-14), "atol": np.asarray(solver.atol)}
        if solver.first_step > 0:
            settings["first_step"] = min(solver.first_step, abs(stop - t))
        if solver.max_step > 0:
            settings["max_step"] = solver.max_step
        if solver.method != "DOP853":
            settings["jac"] = guard.jacobian()
        integrator = getattr(integrate, solver.method)(guard, t, y, stop, **settings)
        while integrator.status == "running":
            self._cap()
            try:
                integrator.step()
            except (ValueError, np.linalg.LinAlgError) as error:
                if guard.bad is None:
                    raise  # f's own
                raise Stopped("not_finite") from error  # the linear algebra met what f had given
            if integrator.status == "failed" or not np.isfinite(integrator.y).all():
                raise Stopped("step_too_small")
            guard.accepted()
            wanted = self.events is not None or self._between(self.t[-1], integrator.t).any()
            dense: Any = integrator.dense_output() if wanted else None
            if self.events is not None and self.events.end(self.t[-1], integrator.t, integrator.y, dense):
                if self.events.index >= 0:
                    self._reach(self.events.t, self.events.y, dense, clipped=True)
                return True
            self._reach(integrator.t, integrator.y, dense, integrator.status == "finished")
        return False

    def _reach(self, t: float, y: np.ndarray, dense: Any, clipped: bool) -> None:
        """Note a step to t and y."""
        self._observe(self.t[-1], t, dense)
        self.ys[self.flow.ts[self.number] == t] = y
        self.t.append(float(t))
        self.states.append(np.array(y, dtype=float))
        self.clipped.append(clipped)

    def _cap(self) -> None:
        """Raise Stopped when the steps are used up, or clearly will be."""
        taken, most = len(self.clipped), self.options.max_steps
        if taken >= most:
            raise Stopped("too_many_steps")
        if self.solver.method == "DOP853" and taken in CHECKS:  # stability holds no implicit method
            tau, h, slope = self._now()
            if self.failures.hopeless(self.number, tau, h, most - taken, self.states[-1][None], slope):
                raise Stopped("too_many_steps")

    def _now(self) -> tuple[float, float, np.ndarray]:
        """The time since the start, the last step, and f (1, entry)."""
        t, y, rows = self.t[-1], self.states[-1], np.array([self.number])
        h = abs(t - self.t[-2]) if len(self.t) > 1 else 0.0
        return abs(t - self.t[0]), h, np.asarray(self.flow(np.array([t]), y[None], rows, np.array([t])))

    def _between(self, start: float, stop: float) -> np.ndarray:
        """Which times lie strictly inside a step (time,)."""
        ts = self.flow.ts[self.number]
        return (ts > min(start, stop)) & (ts < max(start, stop))

    def _observe(self, start: float, stop: float, dense: Any) -> None:
        if dense is None:
            if start == stop:
                self.ys[self.flow.ts[self.number] == start] = self.states[0]
            return
        inside = self._between(start, stop)
        self.ys[inside] = dense(self.flow.ts[self.number][inside]).T

    def _say(self, stopped: Stopped) -> None:
        """Tell apart what SciPy calls failed."""
        failures, number, y, bad = self.failures, self.number, self.states[-1], self.guard.bad
        tau, h, slope = self._now()
        if bad is not None and bad[0] == self.t[0]:
            failures.start(number, y, bad[1])
        elif stopped.status in ("too_many_steps", "time_out"):
            failures.unfinished(number, stopped.status, tau, len(self.clipped), h, y[None], slope)
        elif bad is not None:
            failures.collapse(number, abs(bad[0] - self.t[0]), 0.0, y, slope[0], bad[1][None])
        else:
            failures.collapse(number, tau, float(np.spacing(abs(self.t[-1]))), y, slope[0], slope)


def _assemble(flow: Flow, rows: list[Row], failures: Failures, options: SolveOptions) -> Trajectory:
    width = max(len(row.t) for row in rows)
    t = np.full((flow.rows, width), np.nan)
    clipped = np.zeros((flow.rows, width - 1), dtype=bool)
    steps = np.full((flow.rows, width, flow.entries), np.nan)
    for i, row in enumerate(rows):
        t[i, : len(row.t)], steps[i, : len(row.t)] = row.t, row.states
        clipped[i, : len(row.clipped)] = row.clipped
    dtype = flow.y0.dtype
    ys = np.stack([row.ys for row in rows]).reshape(*flow.ts.shape, *flow.shape).astype(dtype)
    counts = {
        "accepted": np.array([len(row.clipped) for row in rows]),
        "rejected": np.zeros(flow.rows, dtype=int),  # SciPy does not say
        "rhs": np.array([row.guard.evaluations for row in rows]),
        "rhs_calls": np.array(flow.calls),
    }
    kept = steps.reshape(flow.rows, width, *flow.shape).astype(dtype) if options.keep else None
    status, message = tuple(failures.status), tuple(failures.message)
    ending = _ending(flow, [row.events for row in rows if row.events is not None])
    return Trajectory(flow.ts, ys, status, message, counts, mesh=Mesh(t, clipped), steps=kept, event=ending)


def _ending(flow: Flow, rows: list[RowEvents]) -> Ending | None:
    if not rows:
        return None
    y = np.stack([row.y for row in rows]).reshape(flow.rows, *flow.shape).astype(flow.y0.dtype)
    index, t = np.array([row.index for row in rows]), np.array([row.t for row in rows])
    return Ending(index, t, y, np.array([row.resolution for row in rows]))
