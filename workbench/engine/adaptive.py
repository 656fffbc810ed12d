"""The adaptive loop: every row chooses its own steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .control import Control
from .flow import Flow
from .march import Active, March
from .stepper import Slopes

Array = Any
EPSILON = float(np.finfo(float).eps)
MARGIN = 1e3  # a first step is at least this many of the shortest ones: there must be room for shorter ones
CHECKS = {1000 * 4**i for i in range(12)}  # attempts after which it is asked whether a row can still arrive
AHEAD = 1e-6  # where inputs are looked up for the slope at a step's start: this fraction of the way to the next stop


class Stops:
    """Where steps must end: the declared breaks on each row's way, and its end."""

    def __init__(self, flow: Flow, breaks: tuple[float, ...]) -> None:
        self._flow, self._breaks = flow, np.unique(np.asarray(breaks, dtype=float))

    def after(self, row: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """The first stop beyond τ (rows,); the row's end when there is no break."""
        flow, breaks = self._flow, self._breaks
        end = flow.end[row]
        if not len(breaks):
            return end
        near = np.searchsorted(breaks, flow.t0[row] + flow.sign[row] * tau)
        candidates = np.clip(near[:, None] + np.array([-2, -1, 0, 1]), 0, len(breaks) - 1)  # whatever rounding
        stops = flow.since(row, breaks[candidates])
        return np.minimum(np.where(stops > tau[:, None], stops, np.inf).min(axis=1), end)


class Adaptive(Active):
    """Active rows: the step h to try, the last one, the last two errors, how much h may grow, where a step must end."""

    FIELDS = (*Active.FIELDS, "h", "last", "previous", "before", "ceiling", "stop", "ended")

    def __init__(self, march: March, start: float) -> None:
        super().__init__(march.flow, march.arrays)
        n = len(self)
        self.stops = Stops(march.flow, march.options.breaks)
        self.h, self.ceiling = np.zeros(n), np.full(n, np.inf)
        self.last = np.full(n, np.nan)  # of the steps accepted; there is none yet
        self.previous, self.before = np.full(n, start), np.full(n, start)
        self.stop = self.stops.after(self.row, self.tau)
        self.ended = np.zeros(n, dtype=bool)  # at an event, or because of one


class Attempt:
    """One step tried in every active row: where it would end, and whether its error allows that."""

    def __init__(self, march: March, active: Adaptive, control: Control, k: Slopes) -> None:
        arrays, stepper = march.arrays, march.stepper
        tau1 = active.tau + active.h
        if march.flow.shifted:
            tau1 = active.clock.representable(tau1)
        self.clipped = active.tau + 1.01 * active.h >= active.stop
        self.ending = bool(np.count_nonzero(self.clipped))
        self.tau1 = np.where(self.clipped, active.stop, tau1) if self.ending else tau1
        self.h = self.tau1 - active.tau
        t, middle, signed = active.clock.times(active.tau, self.h, stepper.c, self.ending)
        k[0] = active.k
        self.y1, errors = stepper.step(march.flow, active.row, t, middle, arrays.column(signed), active.y, k)
        active.count(stepper)
        self.size1 = arrays.magnitude(self.y1)
        self.error = control.error(arrays, errors, active.size, self.size1)
        self.accept = self.error <= 1.0
        self.iterations = stepper.iterations
        if self.iterations is not None:
            self.accept &= np.isfinite(self.iterations)
        if not stepper.closed and np.count_nonzero(self.accept):
            onward = self.accept & ~self.clipped if self.ending and not march.looking else self.accept
            need = march.close(active, k, t, middle, self.tau1, self.y1, onward, self.accept)
            self.accept &= ~need | arrays.finite(k[stepper.end])


@dataclass(frozen=True)
class Steps:
    """How long steps may be: the first one (0: chosen from f), the least, and the most (0: any)."""

    first: float = 0.0
    least: float = 0.0
    most: float = 0.0

    @property
    def cap(self) -> float:
        """The longest step to aim for; one that ends at a stop may be 1 % longer."""
        return self.most / 1.01 if self.most > 0 else np.inf


def adaptive(march: March, control: Control, steps: Steps) -> Active:
    """Carry every row to its end, or to the reason why not."""
    active = Adaptive(march, control.controller.start)
    march.begin(active, AHEAD * active.stop)
    if len(active):
        _choose_first_step(march, active, control, steps)
    k = march.stepper.room(len(active), march.flow.entries)
    attempts = 0
    while len(active) and not march.cap(active, attempts, active.h):
        attempts, before = attempts + 1, len(active)
        attempt = Attempt(march, active, control, k)
        accepted = np.count_nonzero(attempt.accept)
        h = _next_steps(active, attempt, control)
        if accepted:
            _move(march, active, attempt, k, everyone=accepted == before)
        active.h = np.minimum(h, steps.cap)
        if accepted < before:
            _drop_collapsed(march, active, attempt, k, steps.least)
        if accepted and attempt.ending:
            _arrive(march, active)
        if np.count_nonzero(active.ended):
            active.keep(~active.ended)
        if attempts in CHECKS and len(active):
            march.give_up(active, attempts, active.h)
        if len(active) != before:
            k = march.stepper.room(len(active), march.flow.entries)
    return active


def _choose_first_step(march: March, active: Adaptive, control: Control, steps: Steps) -> None:
    if steps.first > 0:
        active.h = np.minimum(min(steps.first, steps.cap), active.stop)
        return
    h = control.first_step(march.arrays, march.flow, active.clock, active.row, active.y, active.k, active.stop)
    active.h = np.minimum(np.maximum(h, MARGIN * _resolved(march, active)), np.minimum(active.stop, steps.cap))
    active.rhs += 1


def _resolved(march: March, active: Adaptive) -> np.ndarray:
    """The shortest step (rows,) that the rounding of time leaves well defined."""
    flow, row = march.flow, active.row
    return 16 * EPSILON * np.maximum(np.abs(flow.t0[row]), np.maximum(active.tau, 1e-8 * flow.end[row]))


def _next_steps(active: Adaptive, attempt: Attempt, control: Control) -> np.ndarray:
    """The steps to try next (rows,): a rejected one shrinks, one that was clipped does not hold the next one short."""
    accept, error = attempt.accept, attempt.error
    factor = control.factor(error, active.previous, active.before, attempt.h / active.last)
    factor = np.fmin(factor, active.ceiling)
    h = attempt.h * control.held(factor, attempt.iterations)
    floored = np.maximum(error, control.controller.floor)
    if np.count_nonzero(accept) == len(accept):
        active.before, active.previous, active.last = active.previous, floored, attempt.h
        active.ceiling = np.full(len(accept), control.grow)
    else:
        h = np.where(accept, h, np.minimum(h, control.retry(error) * attempt.h))
        active.before = np.where(accept, active.previous, active.before)
        active.previous = np.where(accept, floored, active.previous)
        active.last = np.where(accept, attempt.h, active.last)
        active.ceiling = np.where(accept, control.grow, 1.0)
        active.rejected += ~accept
    if attempt.ending:
        h = np.where(attempt.clipped & accept, np.maximum(h, active.h), h)
    return h


def _move(march: March, active: Adaptive, attempt: Attempt, k: Slopes, everyone: bool) -> None:
    """Accepted rows move to the end of their step, or to an event in it, which is their end."""
    if not march.looking or march.watch is None:
        _advance(march, active, attempt, k, attempt.accept, everyone)
        return
    hits, gone = march.watch.look(active, attempt.accept, attempt.tau1, attempt.y1, k)
    onward = attempt.accept & ~gone
    if np.count_nonzero(onward):
        _advance(march, active, attempt, k, onward, everyone and not np.count_nonzero(gone))
    if len(hits.place):
        march.watch.land(active, hits, attempt.tau1)
    active.ended = gone


def _advance(march: March, active: Adaptive, attempt: Attempt, k: Slopes, accept: np.ndarray, everyone: bool) -> None:
    """The rows in `accept` (mask) move to the end of their step."""
    tau1, y1, size1, k1 = attempt.tau1, attempt.y1, attempt.size1, k[march.stepper.end]
    if everyone:
        march.record.add(active.row, active.tau, tau1, attempt.clipped, active.y, y1, k)
        active.tau, active.y, active.size, active.k = tau1, y1, size1, march.arrays.copy(k1)
        active.accepted += 1
        return
    some, where = np.flatnonzero(accept), march.arrays.where
    march.record.add(
        active.row[some], active.tau[some], tau1[some], attempt.clipped[some], active.y[some], y1[some], k[:, some]
    )
    active.tau = np.where(accept, tau1, active.tau)
    active.y, active.size, active.k = (
        where(accept, y1, active.y),
        where(accept, size1, active.size),
        where(accept, k1, active.k),
    )
    active.accepted += accept


def _drop_collapsed(march: March, active: Adaptive, attempt: Attempt, k: Slopes, min_step: float) -> None:
    """Rows whose rejected step cannot be made smaller end here."""
    smallest = np.maximum(min_step, _resolved(march, active))
    over = ~attempt.accept & (active.h < smallest)
    if np.count_nonzero(over):
        march.collapse(active, over, smallest, k, attempt.y1)
        active.keep(~over)


def _arrive(march: March, active: Adaptive) -> None:
    """Rows at their end leave; rows at a break evaluate f anew on its far side."""
    done = active.tau >= march.flow.end[active.row]
    some = np.flatnonzero((active.tau >= active.stop) & ~done)
    if len(some):
        active.stop[some] = active.stops.after(active.row[some], active.tau[some])
        ahead = active.tau + AHEAD * (active.stop - active.tau)
        active.slopes(some, ahead[some])
        lost = ~march.arrays.finite(active.k) & ~done
        march.collapse(active, lost, np.zeros(len(active)), active.k[None], active.y)
        done |= lost
    if np.count_nonzero(done):
        active.keep(~done)
