"""The loop over steps that are known beforehand: fixed steps, and a solve repeated on its mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts import Mesh
from .events import Watch
from .march import Active, March
from .stepper import Slopes

Array = Any


def follow(march: March, mesh: Mesh) -> Active:
    """Take the steps of `mesh` in every row, with no error control."""
    flow, every = march.flow, np.arange(march.flow.rows)
    active = Active(flow, march.arrays)
    plan = Plan(flow.since(every, mesh.t), mesh.clipped, mesh.n_steps)
    march.begin(active, 0.5 * np.where(plan.n_steps > 0, plan.tau[:, min(1, plan.tau.shape[1] - 1)], 0.0))
    active.keep(plan.n_steps[active.row] > 0)
    k = march.stepper.room(len(active), flow.entries)
    number = 0
    while len(active) and not march.cap(active, number, plan.tau[active.row, number + 1] - active.tau):
        before = len(active)
        _step(march, active, plan, number, k)
        number += 1
        if len(active) != before:
            k = march.stepper.room(len(active), flow.entries)
    return active


@dataclass(frozen=True)
class Plan:
    """A mesh in shifted time."""

    tau: np.ndarray
    clipped: np.ndarray
    n_steps: np.ndarray


@dataclass(frozen=True)
class Taken:
    """One step of every active row: where it went, whether it was clipped, and whether it is the row's last."""

    tau1: np.ndarray
    clipped: np.ndarray
    last: np.ndarray
    y1: Array
    k: Slopes

    def part(self, which: np.ndarray) -> Taken:
        """The rows in `which` (mask)."""
        i = np.flatnonzero(which)
        k = [slope[i] for slope in self.k] if isinstance(self.k, list) else self.k[:, i]
        return Taken(self.tau1[i], self.clipped[i], self.last[i], self.y1[i], k)


def _step(march: March, active: Active, plan: Plan, number: int, k: Slopes) -> None:
    """Step `number` of every active row; rows that end leave `active`."""
    arrays, stepper = march.arrays, march.stepper
    tau1, clipped = plan.tau[active.row, number + 1], plan.clipped[active.row, number]
    last = plan.n_steps[active.row] == number + 1
    t, middle, signed = active.clock.times(active.tau, tau1 - active.tau, stepper.c)
    k[0] = active.k
    y1, _ = stepper.step(march.flow, active.row, t, middle, arrays.column(signed), active.y, k)
    active.count(stepper)
    good = arrays.finite(y1)
    if not stepper.closed:
        march.close(active, k, t, middle, tau1, y1, good if march.looking else good & ~last & ~clipped, good)
    taken = Taken(tau1, clipped, last, y1, k)
    if np.count_nonzero(good) < len(good):
        march.collapse(active, ~good, tau1 - active.tau, k, y1)
        active.keep(good)
        taken = taken.part(good)
    if march.watch is not None and len(active):
        taken = _stop_at_events(march, march.watch, active, taken)
    march.record.add(active.row, active.tau, taken.tau1, taken.clipped, active.y, taken.y1, taken.k)
    active.tau, active.y, active.k = taken.tau1, taken.y1, arrays.copy(taken.k[stepper.end])
    active.accepted += 1
    _pass_breaks(active, plan, number, taken.last, taken.clipped)


def _stop_at_events(march: March, watch: Watch, active: Active, taken: Taken) -> Taken:
    """Rows with an event in this step end there and leave `active`; what the others have taken."""
    every = np.ones(len(active), dtype=bool)
    if not march.looking:
        early = taken.last & taken.clipped & (taken.tau1 < march.flow.end[active.row])
        watch.repeat(active, early, taken.tau1, taken.y1)
        return taken
    hits, gone = watch.look(active, every, taken.tau1, taken.y1, taken.k)
    if not np.count_nonzero(gone):
        return taken
    if len(hits.place):
        watch.land(active, hits, taken.tau1)
    active.keep(~gone)
    return taken.part(~gone)


def _pass_breaks(active: Active, plan: Plan, number: int, last: np.ndarray, clipped: np.ndarray) -> None:
    """Rows at their last step leave; at a break f may be another on its far side."""
    if np.count_nonzero(last):
        active.keep(~last)
        clipped = clipped[~last]
    if np.count_nonzero(clipped):
        some = np.flatnonzero(clipped)
        active.slopes(some, 0.5 * (active.tau[some] + plan.tau[active.row[some], number + 2]))
