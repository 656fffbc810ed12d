"""Events in the loop: a step in which one happens is taken again so that it ends there.

A change of sign is looked for at three points inside every accepted step and at its end, and located on the method's
dense output to a few rounding errors of the time. The step is then taken again with the length that ends there, and
that length corrected until g at the step's own end is as near to 0 as rounding allows, so that the state at the event
has the order of the method and not that of its dense output.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import Ending, Event
from ..errors.numerics import ShapeOfEvent
from .interpolant import Interpolant
from .roots import locate
from .sides import Sides
from .stepper import Slopes

if TYPE_CHECKING:
    from .march import Active, March

Array = Any
EPSILON = float(np.finfo(float).eps)
INSIDE = np.array([0.25, 0.5, 0.75])  # shares of a step at which a change of sign is looked for, beside its end
FROM_ZERO = np.concatenate([2.0 ** np.arange(-30, -2), [0.5, 0.75]])  # the same where a row has just started on g = 0
CORRECTIONS = 8  # of the length of the last step; two or three do


@dataclass(frozen=True)
class Hits:
    """The rows of a step that meet an event: their place among the active ones, the event, τ, and dg/dτ there."""

    place: np.ndarray
    event: np.ndarray
    tau: np.ndarray
    rate: np.ndarray


class Watch:
    """The events of a solve."""

    def __init__(self, march: March, events: tuple[Event, ...], after: Ending | None) -> None:
        self._march, self._events, self._after = march, events, after
        flow = march.flow
        self._sides = Sides(flow.rows, np.array([event.direction for event in events]))
        self._index = np.full(flow.rows, -1)
        self._t, self._resolution = np.full(flow.rows, np.nan), np.zeros(flow.rows)
        self._states: list[tuple[np.ndarray, Array]] = []

    def values(self, row: np.ndarray, tau: np.ndarray, y: Array) -> np.ndarray:
        """g of every event (line, event) at τ (line,) and y (line, entry)."""
        return np.stack([self._value(i, row, tau, y) for i in range(len(self._events))], axis=1)

    def _value(self, index: int, row: np.ndarray, tau: np.ndarray, y: Array) -> np.ndarray:
        flow, event = self._march.flow, self._events[index]
        t = flow.clock(row).at(tau)
        value = self._march.arrays.numpy(event.function(t, y.reshape(len(row), *flow.shape), row))
        if value.shape != t.shape:
            raise ShapeOfEvent(
                f"event {event.name!r} returned shape {tuple(value.shape)} for {len(t)} states",
                help="return one number a state",
            )
        return value.real.astype(float)

    def begin(self, active: Active) -> np.ndarray:
        """Note the sides of rows that start; returns those (rows,) where every g is a number."""
        g = self.values(active.row, active.tau, active.y)
        self._sides.begin(active.row, g, self._after)
        return self._numbers(active.row, active.tau, g)

    def _numbers(self, row: np.ndarray, tau: np.ndarray, g: np.ndarray) -> np.ndarray:
        good = np.isfinite(g)
        for i in np.flatnonzero(~good.all(axis=1)):
            name = self._events[int(np.flatnonzero(~good[i])[0])].name
            when = self._march.failures.time(int(row[i]), float(tau[i]))
            self._march.failures.say(int(row[i]), "not_finite", f"event {name!r} is not a number at {when}")
        return good.all(axis=1)

    def look(
        self, active: Active, moved: np.ndarray, tau1: np.ndarray, y1: Array, k: Slopes
    ) -> tuple[Hits, np.ndarray]:
        """The events in one step of the active rows in `moved` (mask), to τ1 (rows,) and y1 (rows, entry).

        And which rows (rows,) end in it: those with an event, and those in which some g is no number at its end.
        """
        some = np.flatnonzero(moved)
        row, tau, tau1, end = active.row[some], active.tau[some], tau1[some], y1[some]
        slopes = [slope[some] for slope in k] if isinstance(k, list) else k[:, some]
        march, n = self._march, len(some)
        inside = Interpolant(march.flow, march.arrays, march.stepper, row, tau, tau1, active.y[some], slopes)
        active.rhs[some] += march.stepper.more
        shares = FROM_ZERO if self._sides.undecided(row) else INSIDE
        points = inside.across(shares).reshape(len(shares) * n, march.flow.entries)
        when = np.concatenate([(tau + shares[:, None] * (tau1 - tau)).reshape(-1), tau1])
        along = march.arrays.concatenate([points, end])
        g = self.values(np.tile(row, len(shares) + 1), when, along).reshape(len(shares) + 1, n, -1)
        start = self._sides.last[row]
        found = self._sides.follow(row, g)
        self._sides.last[row] = g[-1]
        gone = np.zeros(len(moved), dtype=bool)
        gone[some] = ~self._numbers(row, tau1, g[-1]) | (found >= 0).any(axis=1)
        ends = np.concatenate([[0.0], shares, [1.0]])
        hits = self._located(inside, row, tau, tau1, found, ends, np.concatenate([start[None], g]))
        return Hits(some[hits.place], hits.event, hits.tau, hits.rate), gone

    def _located(
        self,
        inside: Interpolant,
        row: np.ndarray,
        tau: np.ndarray,
        tau1: np.ndarray,
        found: np.ndarray,
        ends: np.ndarray,
        g: np.ndarray,
    ) -> Hits:
        """The first event of each line in which one was found."""
        line, event = np.nonzero(found >= 0)
        at = found[line, event]
        h, theta, rate = tau1 - tau, np.empty(len(line)), np.empty(len(line))
        for index in np.unique(event):
            own = np.flatnonzero(event == index)
            mine, place = line[own], at[own]

            def value(i: np.ndarray, x: np.ndarray, mine: np.ndarray = mine, index: int = int(index)) -> np.ndarray:
                lines = mine[i]
                return self._value(index, row[lines], tau[lines] + x * h[lines], inside.at(lines, x))

            left, right = ends[place], ends[place + 1]
            fine = self._resolved(row[mine], tau1[mine]) / h[mine]
            theta[own] = locate(value, left, right, g[place, mine, index], g[place + 1, mine, index], fine)
            low, high = (np.clip(theta[own] + d, left, right) for d in (-1e-4 * (right - left), 1e-4 * (right - left)))
            every = np.arange(len(own))
            rate[own] = (value(every, high) - value(every, low)) / ((high - low) * h[mine])
        order = np.lexsort((event, theta, line))
        first = order[np.unique(line[order], return_index=True)[1]]
        place = line[first]
        return Hits(place, event[first], tau[place] + theta[first] * h[place], rate[first])

    def _resolved(self, row: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """How finely the time is told apart (line,)."""
        return 2 * EPSILON * np.maximum(np.abs(self._march.flow.t0[row]), tau)

    def land(self, active: Active, hits: Hits, tau1: np.ndarray) -> None:
        """End the rows of `hits` at their events; τ1 (rows,) is where their steps ended before."""
        march, place = self._march, hits.place
        landing = Landing(self, march, active, hits, tau1[place])
        landing.correct()
        row, good = active.row[place], march.arrays.finite(landing.y1)
        active.accepted[place] += good
        if not good.all():
            bad = np.zeros(len(active), dtype=bool)
            bad[place[~good]] = True
            march.collapse(active, bad, active.tau * 0, active.k[None], active.y)
        some = np.flatnonzero(good)
        k = landing.k[:, some]
        start = active.y[place[some]]
        clipped = np.ones(len(some), dtype=bool)
        march.record.add(row[some], active.tau[place[some]], landing.tau1[some], clipped, start, landing.y1[some], k)
        self._note(row[some], hits.event[some], landing.tau1[some], landing.y1[some])
        near = np.abs(hits.rate) * self._resolved(row, landing.tau1)
        self._resolution[row[some]] = np.fmax(np.abs(landing.g), np.nan_to_num(near))[some]

    def repeat(self, active: Active, early: np.ndarray, tau1: np.ndarray, y1: Array) -> None:
        """The rows in `early` (mask) end their mesh before their last time: at the event that is nearest to 0."""
        some = np.flatnonzero(early)
        if not len(some):
            return
        row = active.row[some]
        before = self.values(row, active.tau[some], active.y[some])
        g = self.values(row, tau1[some], y1[some])
        with np.errstate(all="ignore"):
            nearness = np.where(g == 0, 0.0, np.abs(g) / np.abs(g - before))
        self._note(row, np.argmin(np.nan_to_num(nearness, nan=np.inf), axis=1), tau1[some], y1[some])
        self._resolution[row] = np.abs(g).min(axis=1)

    def _note(self, row: np.ndarray, event: np.ndarray, tau1: np.ndarray, y1: Array) -> None:
        failures = self._march.failures
        self._index[row], self._t[row] = event, self._march.flow.physical(row, tau1)
        self._states.append((row, y1))
        for i, index in zip(row, event, strict=True):
            failures.say(int(i), "event", f"event {self._events[index].name!r} at t = {self._t[i]:.10g}")

    def ending(self) -> Ending:
        """The events that rows ended with."""
        flow, arrays = self._march.flow, self._march.arrays
        shape = (flow.rows, flow.entries)
        row = np.concatenate([np.zeros(0, dtype=int), *[row for row, _ in self._states]])
        states = arrays.concatenate([flow.y0[:0], *[y for _, y in self._states]])
        y = arrays.scatter(shape, (row,), states)
        return Ending(self._index, self._t, y.reshape(flow.rows, *flow.shape), self._resolution)


class Landing:
    """The last step of rows that meet an event, taken again until it ends there."""

    def __init__(self, watch: Watch, march: March, active: Active, hits: Hits, latest: np.ndarray) -> None:
        self._watch, self._march, self._active, self._hits, self._latest = watch, march, active, hits, latest
        self._stepper = copy(march.stepper)  # what a step hands on is that of the steps taken, not of those tried here
        self._row, self._tau = active.row[hits.place], active.tau[hits.place]
        self._y, self._k0 = active.y[hits.place], active.k[hits.place]
        self.tau1 = self._within(hits.tau)
        every = np.arange(len(self._row))
        self.y1, self.k = self._step(every, self.tau1)
        self.g = self._value(every, self.tau1, self.y1)

    def _within(self, tau1: np.ndarray) -> np.ndarray:
        """τ1 as it can be told, after the start of the step and not beyond its former end."""
        least = self._tau + self._watch._resolved(self._row, self._latest)
        tau1 = np.minimum(np.maximum(tau1, least), self._latest)
        return self._march.flow.clock(self._row).representable(tau1) if self._march.flow.shifted else tau1

    def _step(self, some: np.ndarray, tau1: np.ndarray) -> tuple[Array, Slopes]:
        """y1 and the slopes of the step to τ1, in the lines `some`."""
        march, stepper = self._march, self._stepper
        row, y = self._row[some], self._y[some]
        t, middle, signed = march.flow.clock(row).times(self._tau[some], tau1 - self._tau[some], stepper.c)
        k = stepper.room(len(some), march.flow.entries)
        k[0] = self._k0[some]
        y1, _ = stepper.step(march.flow, row, t, middle, march.arrays.column(signed), y, k)
        if not stepper.closed:
            k[stepper.end] = march.flow(t[stepper.end], y1, row, middle)
        place = self._hits.place[some]
        self._active.rhs[place] += stepper.rhs_per_step + (not stepper.closed)
        self._active.jacobians[place] += stepper.jacobians_per_step
        return y1, k

    def _value(self, some: np.ndarray, tau1: np.ndarray, y1: Array) -> np.ndarray:
        """g of each line's event (line,)."""
        g = self._watch.values(self._row[some], tau1, y1)
        return g[np.arange(len(some)), self._hits.event[some]]

    def correct(self) -> None:
        """Newton's method on the length of the step, with dg/dτ of the dense output, as long as |g| falls."""
        for _ in range(CORRECTIONS):
            with np.errstate(all="ignore"):
                aim = self._within(self.tau1 - self.g / self._hits.rate)
            some = np.flatnonzero((self.g != 0) & np.isfinite(aim) & (aim != self.tau1))
            if not len(some):
                return
            y1, k = self._step(some, aim[some])
            g = self._value(some, aim[some], y1)
            better = np.abs(g) < np.abs(self.g[some])
            take, won = some[better], np.flatnonzero(better)
            if not len(won):
                return
            put = self._march.arrays.put
            self.tau1[take], self.g[take] = aim[take], g[won]
            self.y1 = put(self.y1, take, y1[won])
            for i in range(len(self.k)):
                self.k[i] = put(self.k[i], take, k[i][won])
