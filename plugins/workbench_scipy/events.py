"""Events of one row on the dense output of SciPy's integrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.contracts import SolveOptions
from workbench.engine.events import EPSILON, FROM_ZERO, INSIDE
from workbench.engine.failure import Failures
from workbench.engine.flow import Flow
from workbench.engine.roots import locate
from workbench.engine.sides import Sides

Dense = Callable[[np.ndarray], Any]  # y (entry, point) at t (point,)


class RowEvents:
    """Where a row meets an event; the state there is that of the dense output, as in scipy.integrate.solve_ivp."""

    def __init__(self, flow: Flow, number: int, options: SolveOptions, failures: Failures) -> None:
        self._flow, self._number, self._events, self._failures = flow, number, options.events, failures
        self._sides = Sides(flow.rows, np.array([event.direction for event in options.events]))
        self._row, self._after = np.array([number]), options.after
        self.index, self.t, self.resolution = -1, np.nan, 0.0
        self.y: np.ndarray = np.full(flow.entries, np.nan)

    def _values(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """g (point, event) at t (point,) and y (point, entry)."""
        row = np.full(len(t), self._number)
        states = y.reshape(len(t), *self._flow.shape).astype(self._flow.y0.dtype)
        return np.stack([np.asarray(event.function(t, states, row), float) for event in self._events], axis=1)

    def begin(self, t: float, y: np.ndarray) -> bool:
        """Note the sides at the start; whether the row has ended, an event being no number there."""
        g = self._values(np.array([t]), y[None])
        self._sides.begin(self._row, g, self._after)
        return self._lost(t, g[0])

    def _lost(self, t: float, g: np.ndarray) -> bool:
        bad = np.flatnonzero(~np.isfinite(g))
        if len(bad):
            name = self._events[bad[0]].name
            self._failures.say(self._number, "not_finite", f"event {name!r} is not a number at t = {t:.10g}")
        return len(bad) > 0

    def end(self, start: float, stop: float, y1: np.ndarray, dense: Dense) -> bool:
        """Whether the row ends in the step to `stop` and y1 (entry,): at an event (then `index` is set), or without
        one because it is no number.
        """
        shares = FROM_ZERO if self._sides.undecided(self._row) else INSIDE
        t = np.concatenate([[start], start + shares * (stop - start), [stop]])
        g = self._values(t[1:], np.concatenate([dense(t[1:-1]).T, y1[None]]))
        values = np.concatenate([self._sides.last[self._row], g])
        found = self._sides.follow(self._row, g[:, None, :])[0]
        self._sides.last[self._number] = g[-1]
        met = [(self._root(int(i), int(found[i]), t, values[:, i], dense), i) for i in np.flatnonzero(found >= 0)]
        if not met:
            return self._lost(stop, g[-1])
        self.t, index = min(met, key=lambda one: abs(one[0] - start))
        self.index, self.y = int(index), dense(np.array([self.t]))[:, 0]
        before = self.t + 1e-4 * (start - self.t)
        near = np.abs(np.diff(self._values(np.array([before, self.t]), dense(np.array([before, self.t])).T)[:, index]))
        rate = float(near[0]) / max(abs(self.t - before), 1e-300)
        g = self._values(np.array([self.t]), self.y[None])[0, index]
        self.resolution = max(abs(float(g)), rate * 4 * EPSILON * max(abs(start), abs(stop)))
        name = self._events[index].name
        self._failures.say(self._number, "event", f"event {name!r} at t = {self.t:.10g}")
        return True

    def _root(self, index: int, at: int, t: np.ndarray, g: np.ndarray, dense: Dense) -> float:
        """The time of an event between the points `at` and `at` + 1."""

        def value(line: np.ndarray, x: np.ndarray) -> np.ndarray:
            return self._values(x, dense(x).T)[:, index]

        fine = 2 * EPSILON * max(abs(t[0]), abs(t[-1]))
        bracket = (t[at : at + 1], t[at + 1 : at + 2], g[at : at + 1], g[at + 1 : at + 2])
        return float(locate(value, *bracket, np.array([fine]))[0])
