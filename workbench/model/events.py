"""The events of a System on trajectories: when they happen, what they do to states, and their derivatives.

At an event of time t_e the state goes from y⁻ to y⁺ = m(t_e, y⁻, p). Where t_e moves with the start and p by dt_e, the
state before moves by f⁻ dt_e more than at a fixed time, and what starts at t_e from y⁺ is, seen from a fixed time,
y⁺ − f⁺ dt_e. So sensitivities S⁻ before it become S⁺ = m_y S⁻ + m_p + (m_y f⁻ + m_t − f⁺) dt_e. A time that is given is
a constant or a formula of p; a triggered one is where g(t, y, p) = 0, with dt_e = −(g_y S⁻ + g_p)/(g_t + g_y f⁻).
(Saltation: Hiskens & Pai 2000, IEEE Trans. Circuits Syst. I 47, 204–220.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from ..contracts import Event as Watched
from ..system import Event
from .graph_rhs import GraphRhs

DIRECTIONS: dict[str, Literal[-1, 0, 1]] = {"rising": 1, "falling": -1, "both": 0}


class Events:
    """Events whose formulas stand in a right-hand side's graph, for the trajectories of that right-hand side.

    Inputs have their left value in maps and triggers: the one that they had until then.
    """

    def __init__(self, declared: Sequence[Event], rhs: GraphRhs) -> None:
        self.declared, self.rhs = tuple(declared), rhs
        self.triggers = tuple(i for i, event in enumerate(self.declared) if event.trigger)

    def __len__(self) -> int:
        return len(self.declared)

    @cached_property
    def _timed(self) -> list[tuple[int, int]]:
        """Each given time, as its event and its place among that event's times."""
        return [(i, j) for i, event in enumerate(self.declared) for j in range(len(event.times))]

    @property
    def fixed(self) -> bool:
        """They happen at times that nothing moves."""
        return not any(event.trigger or self._moves(event) for event in self.declared)

    def given(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """The given times (row, moment) of trajectories, in order, and which moment each is; equal ones as declared."""
        row = np.arange(rows)
        columns = [self._value(f"times {e.name}", np.zeros(rows), None, row, None) for e in self.declared if e.times]
        t = np.concatenate([np.zeros((rows, 0)), *columns], axis=1).real
        order = np.argsort(t, axis=1, kind="stable")
        return np.take_along_axis(t, order, axis=1), order

    def given_by_p(self, rows: int) -> np.ndarray:
        """∂/∂p of the given times, in the order of declaration (row, moment, parameter)."""
        row, t = np.arange(rows), np.zeros(rows)
        timed = [each.name for each in self.declared if each.times]
        parts = [self._function(f"times {name}", ("p",), t, None, row, None)[1] for name in timed]
        return np.concatenate([np.zeros((rows, 0, self.rhs.n_parameters)), *parts], axis=1)

    def event_of(self, moment: np.ndarray) -> np.ndarray:
        """The events (line,) that moments (line,) belong to."""
        return np.array([self._timed[m][0] for m in moment], dtype=int)

    def watched(self, rows: np.ndarray) -> tuple[Watched, ...]:
        """The triggered events as a solver looks for them, on trajectories `rows` that it numbers from 0."""

        def event(index: int) -> Watched:
            declared = self.declared[index]

            def function(t: np.ndarray, y: np.ndarray, row: np.ndarray) -> np.ndarray:
                return self._value(f"trigger {declared.name}", t, y, rows[row], t)[:, 0]

            return Watched(declared.name, function, DIRECTIONS[declared.direction])

        return tuple(event(index) for index in self.triggers)

    def after(self, event: np.ndarray, t: np.ndarray, y: np.ndarray, row: np.ndarray) -> np.ndarray:
        """The states after events (line,) that happen at t (line,) to y (line, state)."""
        found = y.copy()
        for index in np.unique(event):
            some, declared = np.flatnonzero(event == index), self.declared[index]
            if not declared.terminate:
                found[some] = self._value(f"map {declared.name}", t[some], y[some], row[some], _before(t[some]))
        return found

    def jumps(
        self, event: np.ndarray, moment: np.ndarray, t: np.ndarray, y: np.ndarray, after: np.ndarray, row: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """∂y⁺/∂y⁻ (line, state, state) and ∂y⁺/∂p (line, state, parameter), seen from fixed times.

        For events (line,) at t (line,) that took y (line, state) to `after`; `moment` (line,) is −1 where one was
        triggered.
        """
        d, n = y.shape[1], self.rhs.n_parameters
        by_y, by_p = np.zeros((len(t), d, d)), np.zeros((len(t), d, n))
        for index in np.unique(event):
            some = np.flatnonzero(event == index)
            parts = t[some], y[some], row[some]
            by_y[some], by_p[some] = self._jump(int(index), moment[some], *parts, after[some])
        return by_y, by_p

    def _jump(
        self, index: int, moment: np.ndarray, t: np.ndarray, y: np.ndarray, row: np.ndarray, after: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        declared = self.declared[index]
        m_t, m_y, m_p = self._derivatives(f"map {declared.name}", t, y, row)
        if not declared.trigger and not self._moves(declared):
            return m_y, m_p
        f = self.rhs(t, y, row, _before(t))
        if declared.trigger:
            g_t, g_y, g_p = (part[:, 0] for part in self._derivatives(f"trigger {declared.name}", t, y, row))
            rate = g_t + np.einsum("li,li->l", g_y, f)
            t_y, t_p = -g_y / rate[:, None], -g_p / rate[:, None]
        else:
            place = np.array([self._timed[m][1] for m in moment], dtype=int)
            times_p = self._function(f"times {declared.name}", ("p",), t, None, row, None)[1]
            t_y, t_p = np.zeros_like(y), times_p[np.arange(len(t)), place]
        shift = np.einsum("lij,lj->li", m_y, f) + m_t - self.rhs(t, after, row, _after(t))
        return m_y + shift[:, :, None] * t_y[:, None], m_p + shift[:, :, None] * t_p[:, None]

    def _moves(self, declared: Event) -> bool:
        """Its times depend on parameters."""
        return "p" in self.rhs.graph.depends(f"times {declared.name}")

    def _derivatives(
        self, group: str, t: np.ndarray, y: np.ndarray, row: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By time with inputs moving (line, output), by y (line, output, state), by p (line, output, parameter)."""
        driven = self.rhs.inputs is not None and self.rhs.inputs_slope is not None
        kinds = ("t", "y", "p", "u") if driven else ("t", "y", "p")
        _, by_t, by_y, by_p, *by_u = self._function(group, kinds, t, y, row, _before(t))
        if by_u and self.rhs.inputs_slope is not None:
            by_t = by_t + np.einsum("lou,lu->lo", by_u[0], self.rhs.inputs_slope(t, row, _before(t)))
        return by_t, by_y, by_p

    def _value(
        self, group: str, t: np.ndarray, y: np.ndarray | None, row: np.ndarray, middle: np.ndarray | None
    ) -> np.ndarray:
        value: np.ndarray = self._function(group, (), t, y, row, middle)
        return value

    def _function(self, group: str, kinds, t, y, row, middle):  # type: ignore[no-untyped-def]  # as Graph.function
        rhs = self.rhs
        u = rhs.inputs(t, row, middle) if rhs.inputs is not None and middle is not None else None
        c = rhs.c[row] if rhs.c is not None else None
        with np.errstate(all="ignore"):
            return rhs.graph.function(group, kinds)(t, y, u, c, rhs.p[row] if rhs.p.ndim == 2 else rhs.p)


def _before(t: np.ndarray) -> np.ndarray:
    return np.nextafter(t, -np.inf)


def _after(t: np.ndarray) -> np.ndarray:
    return np.nextafter(t, np.inf)
