"""The discrete gradient from few states: every √n-th mesh state is kept, and the steps between are taken again.

A piece of the mesh is replayed from its checkpoint, differentiated by `pullback`, and forgotten (Griewank & Walther
2008, Evaluating Derivatives, 2nd ed., ch. 12, with one level). That takes two more solves than keeping all states. The
replay of a piece counts time from the piece's start, so its states are those of the whole to the rounding of time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts import Mesh, Rhs, SolveOptions, Solver, Trajectory
from .gradients import AdjointRhs, pullback


@dataclass(frozen=True)
class Checkpoints:
    """Every `stride`-th state of a solve: states (rows, piece, *state), NaN behind a row's last one."""

    mesh: Mesh
    stride: int
    states: np.ndarray

    @classmethod
    def along(cls, solver: Solver, f: Rhs, y0: np.ndarray, mesh: Mesh, options: SolveOptions) -> Checkpoints:
        """The states at every ⌈√n⌉-th of the n steps of `mesh` from y0 (rows, *state), by one replay piece by piece."""
        steps = int(mesh.n_steps.max(initial=0))
        stride = max(1, int(np.ceil(np.sqrt(steps))))
        n = -(-steps // stride)
        states = np.full((len(y0), max(n, 1), *y0.shape[1:]), np.nan, y0.dtype)
        states[:, 0] = y0
        for i in range(n - 1):
            piece = Piece(mesh, i * stride, stride)
            found = piece.replay(solver, f, states[piece.rows, i], piece.end[:, None], options, keep=False)
            full = piece.end == mesh.t[piece.rows, min(piece.first + stride, mesh.t.shape[1] - 1)]
            states[piece.rows[full], i + 1] = found.ys[full, -1]
        return cls(mesh, stride, states)


class Piece:
    """Some steps of a mesh: `rows` are the trajectories that take any of them, from `start` to `end` (row,)."""

    def __init__(self, mesh: Mesh, first: int, stride: int) -> None:
        self.first = first
        self.rows = np.flatnonzero(mesh.n_steps > first)
        stop = min(first + stride, mesh.t.shape[1] - 1)
        self.t = mesh.t[self.rows, first : stop + 1]
        self.clipped = mesh.clipped[self.rows, first:stop]
        steps = np.minimum(mesh.n_steps[self.rows] - first, stop - first)
        self.start, self.end = self.t[:, 0], self.t[np.arange(len(self.rows)), steps]

    def replay(
        self, solver: Solver, f: Rhs, y: np.ndarray, ts: np.ndarray, options: SolveOptions, keep: bool
    ) -> Trajectory:
        """The steps again from y (row, *state), observed at ts (row, time)."""
        limits = replace(options, replay=Mesh(self.t, self.clipped), keep=keep)
        return solver.solve(SomeRows(f, self.rows), y, self.start, ts, limits)


class SomeRows:
    """A right-hand side on some of its rows, numbered from 0; what else it can do it still can."""

    def __init__(self, f: Any, rows: np.ndarray) -> None:
        self.f, self.rows = f, rows

    def __call__(self, t: np.ndarray, y: Any, row: np.ndarray, middle: np.ndarray) -> Any:
        """f (line, *state)."""
        return self.f(t, y, self.rows[row], middle)

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, state) and Σ gᵀf_p (trajectory or 1, parameter), of these trajectories."""
        by_y, by_p = self.f.pullback(t, y, self.rows[row], middle, g)
        return by_y, self._own(by_p)

    def _own(self, by_p: np.ndarray) -> np.ndarray:
        """These rows of a sum over each trajectory's lines, which ends with the last trajectory that had any."""
        return by_p if len(by_p) == 1 else by_p[self.rows[self.rows < len(by_p)]]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.f, name)
        if name.startswith("_") or not callable(found):
            return found

        def on_rows(t: np.ndarray, y: Any, row: np.ndarray, middle: np.ndarray, *more: Any, **options: Any) -> Any:
            value = found(t, y, self.rows[row], middle, *more, **options)
            return (value[0], self._own(value[1])) if name == "second_products" else value

        return on_rows


def checkpointed_pullback(
    solver: Solver,
    f: AdjointRhs,
    checkpoints: Checkpoints,
    ts: np.ndarray,
    gys: np.ndarray,
    options: SolveOptions | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """`pullback` of the solve whose checkpoints these are: gradients by y0 (rows, state) and p (rows or 1, parameter).

    `solver`, `f` and `options` are those of the solve. gys (rows, time, *state) are gradients at ts (rows, time); those
    at times that were not reached are left out.
    """
    mesh, options = checkpoints.mesh, options or SolveOptions()
    rows = len(ts)
    g = np.asarray(gys, checkpoints.states.dtype).reshape(*ts.shape, -1)
    g_y = np.zeros((rows, g.shape[2]), g.dtype)
    g_p = np.zeros((1 if getattr(f, "pooled", False) else rows, f.n_parameters), g.dtype)
    sign = np.where(mesh.t[np.arange(rows), mesh.n_steps] < mesh.t[:, 0], -1.0, 1.0)[:, None]
    tau = sign * (ts - mesh.t[:, :1])
    for i in reversed(range(checkpoints.states.shape[1])):
        piece = Piece(mesh, i * checkpoints.stride, checkpoints.stride)
        if not len(piece.rows):
            continue
        some, towards = piece.rows, sign[piece.rows]
        begin, end = (towards * (t[:, None] - mesh.t[some, :1]) for t in (piece.start, piece.end))
        inside = (tau[some] > begin) & (tau[some] <= end)
        times, at_times = _packed(inside, ts[some], g[some])
        times = np.concatenate([times, piece.end[:, None]], axis=1)
        times, at_times = _last_moved_up(times, np.concatenate([at_times, g_y[some][:, None]], axis=1))
        found = piece.replay(solver, f, checkpoints.states[some, i], times, options, keep=True)
        g_y[some], by_p = pullback(solver, SomeRows(f, some), found, at_times)
        if len(g_p) == 1:
            g_p[0] += by_p.sum(axis=0)
        else:
            g_p[some] += by_p
    at_start = np.flatnonzero((tau == 0).any(axis=1))
    for row in at_start:
        g_y[row] += g[row, tau[row] == 0].sum(axis=0)
    return g_y, g_p


def _packed(inside: np.ndarray, ts: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chosen times of each row at its front, NaN behind them, with their gradients."""
    width = int(inside.sum(axis=1).max(initial=0))
    order = np.argsort(~inside, axis=1, kind="stable")[:, :width]
    there = np.take_along_axis(inside, order, axis=1)
    times = np.where(there, np.take_along_axis(ts, order, axis=1), np.nan)
    return times, np.where(there[:, :, None], np.take_along_axis(g, order[:, :, None], axis=1), 0.0)


def _last_moved_up(times: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last column of each row put right behind its finite ones, so that only padding follows."""
    order = np.argsort(np.isnan(times), axis=1, kind="stable")
    return np.take_along_axis(times, order, axis=1), np.take_along_axis(g, order[:, :, None], axis=1)
