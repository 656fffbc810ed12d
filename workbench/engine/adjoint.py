"""The continuous adjoint: a gradient by a solve backwards in time, with memory constant in the number of steps.

Between observations d(y, a, q)/dt = (f, −aᵀf_y, −aᵀf_p) is solved backwards; at an observation a jumps by the gradient
of the loss there (Chen, Rubanova, Bettencourt & Duvenaud 2018, arXiv 1806.07366, Algorithm 1). The states are computed
again backwards from the last one, which is another initial value problem and can go wrong: how far it came back from
where it had been is measured. Derivatives in times need no solve: gᵀf(t_i, y_i) at an observation, −a(t0)ᵀf at t0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..contracts import SolveOptions, Solver, Trajectory
from ..errors.numerics import NoFiniteSolution
from .adjoint_rhs import AdjointSystem, Apart, Together, apart
from .gradients import AdjointRhs
from .tolerances import NEVER, absolute, relative, with_tolerances

Norm = Literal["state", "full"]
TOO_FAR = 100.0
"""Reverse errors above this many times rtol are said."""


@dataclass(frozen=True)
class Adjoint:
    """Gradients y0 (rows, state) and p (rows or 1, parameter), and how far the states went astray (rows,).

    `reverse_error` is the largest |y backwards − y| / (atol/rtol + max over times of |y|) over entries and the times
    stopped at, t0 among them; it is 0 where nothing was to be solved.
    """

    y0: np.ndarray
    p: np.ndarray
    reverse_error: np.ndarray


def adjoint(
    solver: Solver,
    f: AdjointRhs,
    trajectory: Trajectory,
    gys: np.ndarray,
    y0: np.ndarray,
    t0: np.ndarray,
    options: SolveOptions | None = None,
    norm: Norm = "state",
) -> Adjoint:
    """Σ gysᵀ ∂ys/∂(y0, p) of a solve from y0 (rows, *state) at t0 (rows,), for gys (rows, time, *state).

    Any solver will do; it is used with its own tolerances. `norm` says what its error control sees: "full" is the whole
    of (y, a, q), "state" leaves q out, which nothing depends on (Kidger, Chen & Lyons 2021, arXiv 2009.09457); a solver
    without settings rtol and atol has its own norm. Of `options` the breaks and caps hold. Trajectories keep their own
    steps, but for an f that sums over all lines and has more than 64 parameters: there those with the same times share
    them. Raises NoFiniteSolution.
    """
    limits = replace(options or SolveOptions(), replay=None, keep=False, events=(), after=None)
    way = Backwards(solver, f, trajectory, gys, y0, t0, limits, norm)
    for members in _systems(f, way):
        way.go(members)
    return Adjoint(way.g_y0, way.g_p, way.reverse_error)


def _systems(f: AdjointRhs, way: Backwards) -> Iterator[np.ndarray]:
    """The trajectories that are solved side by side (system, member)."""
    rows = np.flatnonzero(way.stops.any(axis=1))
    if apart(f):
        if len(rows):
            yield rows[:, None]
        return
    alike: dict[bytes, list[int]] = {}
    for row in rows:
        times = np.where(way.reached[row], way.ts[row], np.nan)
        alike.setdefault(np.append(times, way.t0[row]).tobytes(), []).append(int(row))
    for group in alike.values():
        yield np.array([group])


class Backwards:
    """The way back of some trajectories, and what has been found."""

    def __init__(
        self,
        solver: Solver,
        f: AdjointRhs,
        trajectory: Trajectory,
        gys: np.ndarray,
        y0: np.ndarray,
        t0: np.ndarray,
        options: SolveOptions,
        norm: Norm,
    ) -> None:
        rows = len(y0)
        self.solver, self.f, self.options, self.norm = solver, f, options, norm
        self.shape, self.ts = y0.shape[1:], trajectory.ts
        self.y0, self.t0 = y0.reshape(rows, -1), np.broadcast_to(np.asarray(t0, dtype=float), (rows,))
        self.ys = np.asarray(trajectory.ys).reshape(*self.ts.shape, self.y0.shape[1])
        self.reached = reached = np.isfinite(self.ys).all(axis=2)
        g = np.asarray(gys, self.ys.dtype).reshape(self.ys.shape)
        self.g = np.where(reached[:, :, None], g, 0.0)
        self.stops = np.logical_or.reduce(self.g != 0, axis=2)
        self.g_y0 = np.zeros_like(self.y0)
        self.g_p = np.zeros((1 if getattr(f, "pooled", False) else rows, f.n_parameters), self.ys.dtype)
        self.reverse_error = np.zeros(rows)
        atol = absolute(solver, self.shape)
        seen = np.where(reached[:, :, None], np.abs(self.ys), 0.0).max(axis=1, initial=0.0)
        self.size = atol / relative(solver) + np.maximum(seen, np.abs(self.y0))

    def go(self, members: np.ndarray) -> None:
        """Solve from the last times at which the loss depends on each system's members back to t0."""
        d, n, p = self.y0.shape[1], members.size // len(members) * self.y0.shape[1], self.f.n_parameters
        z = np.zeros((len(members), 2 * n + p), self.ys.dtype)
        y, a = (z[:, i * n : (i + 1) * n].reshape(*members.shape, d) for i in (0, 1))  # views
        g = self.g[members]
        size = np.abs(g).max(axis=(1, 2, 3))  # the adjoint is linear in g: its tolerance is one of a largest jump of 1
        solver = self._tolerant(n, p)
        columns = _descending(self.stops[members].any(axis=1))
        for k in range(columns.shape[1]):
            some = np.flatnonzero(columns[:, k] >= 0)
            column = columns[some, k]
            there = self.ys[members[some], column[:, None]]
            if k == 0:
                y[some] = there
            else:
                self._measure(members[some], y[some], there)
            a[some] += g[some, :, column] / size[some, None, None]
            following = columns[some, k + 1] if k + 1 < columns.shape[1] else np.full(len(some), -1)
            start, first = self.ts[members[some, 0], column], self.t0[members[some, 0]]
            stop = np.where(following >= 0, self.ts[members[some, 0], following], first)
            moving = np.flatnonzero(start != stop)
            if len(moving):
                z[some[moving]] = self._leg(solver, z, members, some[moving], start[moving], stop[moving])
        self._measure(members, y, self.y0[members])
        self.g_y0[members] = a * size[:, None, None]
        found = z[:, 2 * n :] * size[:, None]
        if len(self.g_p) == 1:
            self.g_p[0] += found.sum(axis=0)
        else:
            self.g_p[members[:, 0]] += found

    def _leg(
        self,
        solver: Solver,
        z: np.ndarray,
        members: np.ndarray,
        some: np.ndarray,
        start: np.ndarray,
        stop: np.ndarray,
    ) -> np.ndarray:
        """(y, a, q) of some systems at `stop`, from `start`."""
        kind: type[AdjointSystem] = Apart if apart(self.f) else Together
        system = kind(self.f, members[some], self.y0.shape[1])
        with np.errstate(all="ignore"):  # what is not finite ends in a status
            found = solver.solve(system, z[some], start, stop[:, None], self.options)
        bad = np.flatnonzero(~found.ok)
        if len(bad):
            raise NoFiniteSolution(
                f"the adjoint of trajectory {members[some[bad[0]], 0]} ended early: {found.message[bad[0]]}",
                help="take the gradient discrete, or forward where the solver has no derivative of its own",
            )
        states: np.ndarray = found.ys[:, 0]
        return states

    def _measure(self, members: np.ndarray, y: np.ndarray, there: np.ndarray) -> None:
        error = (np.abs(y - there) / self.size[members]).max(axis=2)
        self.reverse_error[members] = np.fmax(self.reverse_error[members], error)

    def _tolerant(self, n: int, p: int) -> Solver:
        """The solver with tolerances for (y, a, q).

        Its norm is a root mean square over all entries. With an infinite atol for q, tolerances smaller by the root of
        how many more entries there are make it the norm over (y, a) alone.
        """
        rtol = relative(self.solver)
        own = np.tile(absolute(self.solver, self.shape), n // self.y0.shape[1])
        of_state = np.concatenate([own, np.full(n, 1e-3 * rtol)])
        if self.norm == "full":
            return with_tolerances(self.solver, rtol, np.concatenate([of_state, np.full(p, 1e-3 * rtol)]))
        narrow = np.sqrt(2 * n / (2 * n + p))
        atol = np.concatenate([of_state * narrow, np.full(p, NEVER)])
        return with_tolerances(self.solver, rtol * narrow, atol)


def _descending(stops: np.ndarray) -> np.ndarray:
    """The columns of True in each row (row, time), the last first; -1 behind them."""
    width = int(stops.sum(axis=1).max(initial=0))
    number = np.where(stops, np.arange(stops.shape[1]), -1)
    return -np.sort(-number, axis=1)[:, :width]
