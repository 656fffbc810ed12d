"""Solves that go on after events: segment after segment, for all trajectories at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..contracts import Ending, Event, Mesh, SolveOptions, Status, Trajectory
from ..engine.arrays import library
from ..errors.numerics import EventsUnavailable
from .recurring import Recurring

Array = Any
Run = Callable[[Array, np.ndarray, np.ndarray, SolveOptions], Trajectory]  # y0, t0, ts, options


@dataclass(frozen=True)
class Segment:
    """The solve between two events of each row in `going` (rows,), and what it ended with.

    Its times ts (rows, time) are those asked for from column `first` (rows,) on, `counts` (rows,) of them reached
    before the event; `hit` (rows,) says which rows met one, with the states `after` it (rows, *state).
    """

    going: np.ndarray
    t0: np.ndarray
    ts: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    found: Trajectory
    hit: np.ndarray
    after: Array

    @property
    def ending(self) -> Ending:
        """The events at its end."""
        assert self.found.event is not None
        return self.found.event


@dataclass
class Chain:
    """The segments of a solve, one after the other, until every row has come to an end."""

    run: Run
    events: Sequence[Event]
    asked: np.ndarray  # ts (rows, time), NaN-padded
    options: SolveOptions
    max_events: int
    segments: list[Segment] = field(default_factory=list)

    def solve(self, y0: Array, t0: np.ndarray) -> Chain:
        """Follow y(t0) = y0 (rows, *state)."""
        rows = len(y0)
        self.status: list[Status] = ["ok"] * rows
        self.message = [""] * rows
        self._recurring = Recurring(self.asked, len(self.events), self.max_events, "raise max_events")
        self._way = np.where(np.nanmax(self.asked, axis=1) > t0, 1.0, -1.0)
        going, first, after = np.ones(rows, dtype=bool), np.zeros(rows, dtype=int), None
        while going.any():
            segment = self._segment(y0, t0, going, first, after)
            self.segments.append(segment)
            going, first = self._who_goes_on(segment), segment.first + segment.counts
            going &= first < np.isfinite(self.asked).sum(axis=1)
            ending = segment.ending
            t0, after = np.where(going, ending.t, t0), replace(ending, index=np.where(going, ending.index, -1))
            y0 = _where(going, segment.after, y0)
        return self

    def _segment(
        self, y0: Array, t0: np.ndarray, going: np.ndarray, first: np.ndarray, after: Ending | None
    ) -> Segment:
        left = np.where(going, np.isfinite(self.asked).sum(axis=1) - first, 0)
        column = first[:, None] + np.arange(int(left.max()))
        inside = np.arange(column.shape[1]) < left[:, None]
        ts = np.where(
            inside, np.take_along_axis(self.asked, np.minimum(column, self.asked.shape[1] - 1), axis=1), np.nan
        )
        found = self.run(y0, t0, ts, replace(self.options, events=tuple(self.events), after=after))
        if found.event is None:
            raise EventsUnavailable("this solver looks for no events", help="take tsit5, or another solver of the loop")
        hit = going & (found.event.index >= 0)
        with np.errstate(invalid="ignore"):
            before = self._way[:, None] * (ts - found.event.t[:, None]) <= 0
        counts = np.where(hit, before.sum(axis=1), left)
        return Segment(going, t0, ts, first, counts, found, hit, self._mapped(found, hit))

    def _mapped(self, found: Trajectory, hit: np.ndarray) -> Array:
        """The states after the events (rows, *state); those before them where there is no map."""
        assert found.event is not None
        ending = found.event
        after = ending.y
        for index in np.unique(ending.index[hit]):
            state_map = self.events[index].state_map
            if state_map is not None:
                some = np.flatnonzero(hit & (ending.index == index))
                y = ending.y[some]
                after = _put(after, some, state_map(ending.t[some], y, some))
        return after

    def _who_goes_on(self, segment: Segment) -> np.ndarray:
        """Rows (rows,) with another segment before them; what stops the others is noted."""
        ending, going = segment.ending, segment.hit.copy()
        for row in np.flatnonzero(segment.going):
            self.status[row], self.message[row] = segment.found.status[row], segment.found.message[row]
        for row in np.flatnonzero(segment.hit):
            event, index, t = self.events[ending.index[row]], int(ending.index[row]), float(ending.t[row])
            self._recurring.note(int(row), index, t)
            going[row] = not event.terminate
            if event.terminate:
                continue
            self.status[row], self.message[row] = "ok", ""
            stop = self._stop(int(row), event.name, t, segment.after)
            if stop is not None:
                going[row] = False
                self.status[row], self.message[row] = stop
        return going

    def _stop(self, row: int, name: str, t: float, after: Array) -> tuple[Status, str] | None:
        state = after[row] if isinstance(after, np.ndarray) else after[row].detach().cpu().numpy()
        if not np.isfinite(state).all():
            return "not_finite", f"the state map of event {name!r} gives a state that is not finite at t = {t:.10g}"
        return self._recurring.stop(row, name, t)

    def trajectory(self, ys: Sequence[Array] | None = None) -> Trajectory:
        """All in one piece; `ys` are the segments' states (rows, time, *state), where they are not those found."""
        found = [segment.found for segment in self.segments]
        states = [one.ys for one in found] if ys is None else ys
        rows, columns, values = [], [], []
        for segment, y in zip(self.segments, states, strict=True):
            row, place = np.nonzero(
                np.arange(segment.ts.shape[1]) < np.where(segment.going, segment.counts, 0)[:, None]
            )
            rows.append(row)
            columns.append(segment.first[row] + place)
            values.append(y[row, place])
        like = values[0]
        arrays = library(like)
        entries = int(np.prod(like.shape[1:]))
        flat = arrays.concatenate([value.reshape(len(value), entries) for value in values])
        joined = arrays.scatter((*self.asked.shape, entries), (np.concatenate(rows), np.concatenate(columns)), flat)
        mesh, steps = self._mesh()
        return replace(
            found[-1],
            ts=self.asked,
            ys=joined.reshape(*self.asked.shape, *like.shape[1:]),
            status=tuple(self.status),
            message=tuple(self.message),
            stats={key: sum((one.stats[key] for one in found[1:]), found[0].stats[key]) for key in found[0].stats},
            mesh=mesh,
            steps=steps,
            event=None,
        )

    def _mesh(self) -> tuple[Mesh | None, Array | None]:
        """The steps of all segments; the states at events are those before them."""
        meshes = [segment.found.mesh for segment in self.segments]
        rows = len(self.asked)
        ends = np.zeros(rows, dtype=int)
        total = np.sum([mesh.n_steps for mesh in meshes if mesh is not None], axis=0)
        if any(mesh is None for mesh in meshes):
            return None, None
        t = np.full((rows, int(np.max(total)) + 1), np.nan)
        clipped = np.zeros((rows, t.shape[1] - 1), dtype=bool)
        pieces: list[tuple[np.ndarray, np.ndarray, Array]] = []
        for number, segment in enumerate(self.segments):
            mesh = segment.found.mesh
            assert mesh is not None
            row, place = np.nonzero(np.isfinite(mesh.t) & (np.arange(mesh.t.shape[1]) > (0 if number else -1)))
            t[row, ends[row] + place] = mesh.t[row, place]
            inner = place > 0
            clipped[row[inner], ends[row[inner]] + place[inner] - 1] = mesh.clipped[row[inner], place[inner] - 1]
            if segment.found.steps is not None:
                pieces.append((row, ends[row] + place, segment.found.steps[row, place]))
            ends = ends + mesh.n_steps
        if not pieces:
            return Mesh(t, clipped), None
        like = pieces[0][2]
        arrays = library(like)
        entries = int(np.prod(like.shape[1:]))
        flat = arrays.concatenate([piece[2].reshape(len(piece[0]), entries) for piece in pieces])
        index = tuple(np.concatenate([piece[i] for piece in pieces]) for i in (0, 1))
        steps = arrays.scatter((*t.shape, entries), index, flat)
        return Mesh(t, clipped), steps.reshape(*t.shape, *like.shape[1:])


def _put(y: Array, rows: np.ndarray, values: Array) -> Array:
    """A copy of y with some of its rows replaced."""
    out = y.copy() if isinstance(y, np.ndarray) else y.clone()
    out[rows] = values
    return out


def _where(mask: np.ndarray, a: Array, b: Array) -> Array:
    """Rows of a where mask (rows,), else those of b."""
    some = np.flatnonzero(mask)
    return _put(b, some, a[some])
