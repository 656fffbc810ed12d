"""Solves through events: piece after piece, each an ordinary solve, for all trajectories at once.

A given time ends a piece exactly; a triggered event is looked for and located by the solver. A value asked for at the
very time of an event is the one before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ..contracts import Ending, Mesh, Status, Trajectory
from ..contracts import Event as Watched
from ..errors.numerics import EventsUnavailable
from ..solving.recurring import Recurring
from .events import Events

MOST = 1000  # triggered events of a trajectory
NEAR = 4  # roundings of a time: formulas of the same time that differ by fewer leave no room for a step between them


class Piece(Protocol):
    """A solve between two events."""

    @property
    def trajectory(self) -> Trajectory:
        """What it found."""

    def until(self, trajectory: Trajectory) -> Piece:
        """The same solve, seen at the times of `trajectory`."""


Solve = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[Watched, ...], Ending | None], Piece]
"""A piece of trajectories (row,) from y0 (row, state) at t0 (row,) to ts (row, time), with events and their Ending."""


@dataclass(frozen=True)
class Happening:
    """An event that has happened to a trajectory."""

    row: int
    name: str
    t: float
    before: np.ndarray  # (state,)
    after: np.ndarray  # (state,)


@dataclass(frozen=True)
class Link:
    """A piece of some trajectories `rows` (line,) and the event that ended it, −1 where none did.

    The trajectories' times from column `first` (line,) on are the piece's first `counts` (line,); its column `at`
    (line,) is the event, at t (line,), which took the state from `before` to `after` (line, state). Without a piece the
    event happens where the trajectories stand.
    """

    rows: np.ndarray
    piece: Piece | None
    first: np.ndarray
    counts: np.ndarray
    event: np.ndarray
    moment: np.ndarray  # of given times; −1 for triggered events
    at: np.ndarray
    t: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def asked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Line, column of the piece and column of the whole for each time asked for in this piece."""
        line = np.repeat(np.arange(len(self.rows)), self.counts)
        column = np.arange(len(line)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        return line, column, self.first[line] + column


class Chain:
    """y(t0) = y0 (row, state) followed to ts (row, time), NaN-padded, rising, through events."""

    def __init__(self, events: Events, solve: Solve, y0: np.ndarray, t0: np.ndarray, ts: np.ndarray) -> None:
        self.events, self.ts, self._solve = events, ts, solve
        rows = len(y0)
        self.status: list[Status] = ["ok"] * rows
        self.message = [""] * rows
        self.links: list[Link] = []
        self._wanted = np.isfinite(ts).sum(axis=1)
        self._last = np.nanmax(ts, axis=1, initial=-np.inf)
        self._t, self._y = np.array(t0, dtype=float), np.array(y0)
        self._first, self._next = np.zeros(rows, dtype=int), np.zeros(rows, dtype=int)
        given, self._moments = events.given(rows)
        self._given = np.concatenate([given, np.full((rows, 1), np.inf)], axis=1)
        asked = np.concatenate([ts, self._t[:, None]], axis=1)
        self._recurring = Recurring(asked, len(events), MOST, "let one of them end the solve, or make them rarer")
        self._ending = Ending(np.full(rows, -1), self._t.copy(), self._y.copy(), np.zeros(rows))
        self._follow()

    def _follow(self) -> None:
        going = self._start()
        while len(going):
            due = self._due(going)
            standing = due - self._t[going] <= NEAR * np.spacing(np.abs(self._t[going]))
            link = self._stand(going[standing]) if standing.any() else self._move(going, due)
            self.links.append(link)
            self._pass(link)
            going = self._unfinished(going)

    def _start(self) -> np.ndarray:
        """The trajectories that set out; times before their start are passed over."""
        for row in np.flatnonzero(np.isnan(self._given).any(axis=1)):
            moment = int(self._moments[row, np.flatnonzero(np.isnan(self._given[row]))[0]])
            name = self.events.declared[int(self.events.event_of(np.array([moment]))[0])].name
            self.status[row], self.message[row] = "not_finite", f"the time of event {name!r} is not a number"
        self._next = (self._given < self._t[:, None]).sum(axis=1)
        return self._unfinished(np.arange(len(self._t)))

    def _unfinished(self, rows: np.ndarray) -> np.ndarray:
        """Those with times before them."""
        return np.array([r for r in rows if self.status[r] == "ok" and self._first[r] < self._wanted[r]], dtype=int)

    def _due(self, rows: np.ndarray) -> np.ndarray:
        """The next given time (line,), inf where nothing is asked for after it."""
        due = self._given[rows, self._next[rows]]
        return np.where(due < self._last[rows], due, np.inf)

    def _stand(self, rows: np.ndarray) -> Link:
        """The events that happen where trajectories stand."""
        t, first = self._t[rows], self._first[rows]
        counts = ((self.ts[rows] <= t[:, None]).sum(axis=1) - first).clip(0)
        return self._linked(rows, None, counts, self._take(rows), np.zeros(len(rows), int), t, self._y[rows])

    def _take(self, rows: np.ndarray) -> np.ndarray:
        """The next moments (line,), which are used up."""
        moment = self._moments[rows, self._next[rows]]
        self._next[rows] += 1
        return moment

    def _move(self, rows: np.ndarray, due: np.ndarray) -> Link:
        """A piece up to the next given time, or to a triggered event before it."""
        ts, counts = self._times(rows, due)
        last = self._ending
        after = Ending(last.index[rows], last.t[rows], last.y[rows], last.resolution[rows])
        watched = self.events.watched(rows)
        piece = self._solve(rows, self._y[rows], self._t[rows], ts, watched, after if watched else None)
        found = piece.trajectory
        moment, event = np.full(len(rows), -1), np.full(len(rows), -1)
        arrived = np.array([status == "ok" for status in found.status])
        t, before = np.where(np.isfinite(due), due, self._t[rows]), self._y[rows]
        if watched:
            if found.event is None:
                raise EventsUnavailable(
                    "this solver looks for no events", help="take tsit5, or another solver of the loop"
                )
            hit = found.event.index >= 0
            event[hit] = np.array(self.events.triggers)[found.event.index[hit]]
            t = np.where(hit, found.event.t, t)
            before = np.where(hit[:, None], found.event.y, before)
            self._ending = replace(last, resolution=_put(last.resolution, rows, found.event.resolution))
            found, counts = _cut(found, counts, hit, t)
            piece = piece.until(found)
        timed = arrived & np.isfinite(due)
        moment[timed] = self._take(rows[timed])
        at = (np.isfinite(found.ts).sum(axis=1) - 1).clip(0)
        before[timed] = found.ys[timed, at[timed]]
        for line in np.flatnonzero(~arrived & (event < 0)):
            self.status[rows[line]], self.message[rows[line]] = found.status[line], found.message[line]
        return self._linked(rows, piece, counts, moment, at, t, before, event)

    def _times(self, rows: np.ndarray, due: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The piece's times (line, time): those asked for up to the one that is due, and this; and how many of them."""
        upto = (self.ts[rows] <= due[:, None]).sum(axis=1)
        counts = upto - self._first[rows]
        ts = np.full((len(rows), int(counts.max()) + 1), np.nan)
        line = np.repeat(np.arange(len(rows)), counts)
        column = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
        ts[line, column] = self.ts[rows[line], self._first[rows[line]] + column]
        every = np.arange(len(rows))
        latest = np.where(counts > 0, ts[every, np.maximum(counts - 1, 0)], -np.inf)
        more = np.isfinite(due) & (latest < due)
        ts[more, counts[more]] = due[more]
        return ts[:, : max(1, int(np.isfinite(ts).sum(axis=1).max()))], counts

    def _linked(
        self,
        rows: np.ndarray,
        piece: Piece | None,
        counts: np.ndarray,
        moment: np.ndarray,
        at: np.ndarray,
        t: np.ndarray,
        before: np.ndarray,
        event: np.ndarray | None = None,
    ) -> Link:
        event = np.full(len(rows), -1) if event is None else event
        event[moment >= 0] = self.events.event_of(moment[moment >= 0])
        after, met = before.copy(), np.flatnonzero(event >= 0)
        after[met] = self.events.after(event[met], t[met], before[met], rows[met])
        return Link(rows, piece, self._first[rows], counts, event, moment, at, t, before, after)

    def _pass(self, link: Link) -> None:
        """Set trajectories behind the events of a link, and note which of them end there."""
        rows, met = link.rows, link.event >= 0
        self._first[rows] += link.counts
        self._t[rows[met]], self._y[rows[met]] = link.t[met], link.after[met]
        number = np.array([self.events.triggers.index(e) if e in self.events.triggers else -1 for e in link.event], int)
        where = np.where(link.moment < 0, number, -1)
        self._ending = replace(
            self._ending,
            index=_put(self._ending.index, rows, where),
            t=_put(self._ending.t, rows, link.t),
            y=_put(self._ending.y, rows, link.before),
        )
        for line in np.flatnonzero(met):
            self._note(int(rows[line]), int(link.event[line]), float(link.t[line]), link, int(line))

    def _note(self, row: int, event: int, t: float, link: Link, line: int) -> None:
        declared = self.events.declared[event]
        if declared.terminate:
            self.status[row], self.message[row] = "event", f"event {declared.name!r} at t = {t:.10g}"
            return
        if not np.isfinite(link.after[line]).all():
            self.status[row] = "not_finite"
            self.message[row] = f"the map of event {declared.name!r} gives a state that is not finite at t = {t:.10g}"
            return
        if link.moment[line] < 0:
            self._recurring.note(row, event, t)
            stop = self._recurring.stop(row, declared.name, t)
            if stop is not None:
                self.status[row], self.message[row] = stop

    # --- what came out

    @cached_property
    def trajectory(self) -> Trajectory:
        """All in one; without a mesh, for the steps are those of the pieces."""
        ys = np.full((*self.ts.shape, self._y.shape[1]), np.nan, self._y.dtype)
        stats: dict[str, np.ndarray] = {}
        for link in self.links:
            line, column, whole = link.asked
            rows = link.rows[line]
            if link.piece is None:
                ys[rows, whole] = link.before[line]
                continue
            found = link.piece.trajectory
            ys[rows, whole] = found.ys[line, column]
            for key, value in found.stats.items():
                total = stats.setdefault(key, np.zeros(len(self.ts) if np.ndim(value) else (), int))
                stats[key] = _put(total, link.rows, total[link.rows] + value) if np.ndim(value) else total + value
        return Trajectory(self.ts, ys, tuple(self.status), tuple(self.message), stats)

    @property
    def meshes(self) -> list[Mesh] | None:
        """The steps of each piece; None where the solver does not tell them."""
        found = [link.piece.trajectory.mesh for link in self.links if link.piece is not None]
        return None if any(mesh is None for mesh in found) else [mesh for mesh in found if mesh is not None]

    @cached_property
    def happenings(self) -> tuple[Happening, ...]:
        """What has happened, trajectory by trajectory in order of time."""
        told = [
            Happening(int(row), self.events.declared[event].name, float(t), before, after)
            for link in self.links
            for row, event, t, before, after in zip(link.rows, link.event, link.t, link.before, link.after, strict=True)
            if event >= 0
        ]
        return tuple(sorted(told, key=lambda one: one.row))

    def jumps(self, link: Link) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The lines of a link with an event, and ∂y⁺/∂(y⁻, p) of each (see `Events.jumps`)."""
        met = np.flatnonzero(link.event >= 0)
        parts = (link.event, link.moment, link.t, link.before, link.after, link.rows)
        return met, *self.events.jumps(*(part[met] for part in parts))


def _cut(found: Trajectory, counts: np.ndarray, hit: np.ndarray, t: np.ndarray) -> tuple[Trajectory, np.ndarray]:
    """The trajectory with its times up to the events at t of the lines that were hit, and these as the last ones."""
    assert found.event is not None
    ts, ys, counts = found.ts.copy(), np.array(found.ys), counts.copy()
    ts = np.concatenate([ts, np.full((len(ts), 1), np.nan)], axis=1)
    ys = np.concatenate([ys, np.full_like(ys[:, :1], np.nan)], axis=1)
    for line in np.flatnonzero(hit):
        n = int((ts[line] <= t[line]).sum())
        counts[line] = min(counts[line], n)
        again = n > 0 and ts[line, n - 1] == t[line]
        ts[line, n:], ys[line, n:] = np.nan, np.nan
        ts[line, n - again], ys[line, n - again] = t[line], found.event.y[line]
    width = max(1, int(np.isfinite(ts).sum(axis=1).max()))
    status: tuple[Status, ...] = tuple("ok" if h else s for h, s in zip(hit, found.status, strict=True))
    return replace(found, ts=ts[:, :width], ys=ys[:, :width], status=status), counts


def _put(array: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A copy with other values in some rows."""
    out = array.copy()
    out[rows] = values
    return out
