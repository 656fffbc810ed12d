"""Sensitivities as a plain solve: y with S = ∂y/∂(y0, p), so that a black box too can be differentiated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts import LinearRhs, SolveOptions, Solver, Trajectory
from .tolerances import absolute, relative, with_tolerances

TOGETHER = 32  # lines whose shifted copies are evaluated in one call


class VariationalRhs:
    """d(y, S)/dt = (f, f_y S + f_p), S (state, state + parameter) a row (Hairer, Nørsett & Wanner 1993, I.14)."""

    def __init__(self, rhs: LinearRhs, n_states: int) -> None:
        self.rhs, self.d, self.n = rhs, n_states, n_states + rhs.n_parameters
        self.n_parameters = 0

    def start(self, y0: np.ndarray) -> np.ndarray:
        """(row, state·(1 + state + parameter)): y0 with ∂y0/∂y0 = 1 and ∂y0/∂p = 0."""
        s = np.zeros((len(y0), self.d, self.n), y0.dtype)
        s[:, range(self.d), range(self.d)] = 1.0
        return np.concatenate([y0, s.reshape(len(y0), -1)], axis=1)

    def split(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y, ∂y/∂y0 and ∂y/∂p from (…, state·(1 + state + parameter))."""
        s = z[..., self.d :].reshape(*z.shape[:-1], self.d, self.n)
        return z[..., : self.d], s[..., : self.d], s[..., self.d :]

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """(line, state·(1 + state + parameter))"""
        y, by_y0, by_p = self.split(y)
        f_y, f_p = self.rhs.jacobians(t, y, row, middle)
        s = np.concatenate([f_y @ by_y0, f_y @ by_p + f_p], axis=2)
        return np.concatenate([self.rhs(t, y, row, middle), s.reshape(len(y), -1)], axis=1)

    def state_jacobian(self, t: np.ndarray, z: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """∂/∂z (line, entry, entry): f_y beside S, in which the equations are linear; by y central differences."""
        lines, entries = z.shape
        f_y, _ = self.rhs.jacobians(t, z[:, : self.d], row, middle)
        full = np.zeros((lines, entries, entries), z.dtype)
        of_s = np.einsum("lij,kc->likjc", f_y, np.eye(self.n, dtype=z.dtype))
        full[:, self.d :, self.d :] = of_s.reshape(lines, self.d * self.n, self.d * self.n)
        h = np.cbrt(np.finfo(z.dtype).eps) * np.maximum(np.abs(z[:, : self.d]), 1e-3)
        side = max(1, TOGETHER // lines)  # shifted copies a call: the Jacobians of many lines take room by their square
        for first in range(0, self.d, side):
            some = np.arange(first, min(first + side, self.d))
            step = np.zeros((len(some), lines, entries), z.dtype)
            step[np.arange(len(some)), :, some] = h.T[some]
            copies = [np.tile(x, 2 * len(some)) for x in (t, row, middle)]
            shifted = np.concatenate([z + step, z - step]).reshape(-1, entries)
            up, down = self(copies[0], shifted, copies[1], copies[2]).reshape(2, len(some), lines, entries)
            full[:, :, some] = np.moveaxis((up - down) / (2.0 * h.T[some, :, None]), 0, 2)
        return full


def forward_sensitivities(
    solver: Solver, f: LinearRhs, y0: np.ndarray, t0: np.ndarray, ts: np.ndarray, options: SolveOptions
) -> tuple[Trajectory, np.ndarray, np.ndarray]:
    """The solve of (y, S), then ∂ys/∂y0 (rows, time, state, state) and ∂ys/∂p (rows, time, state, parameter).

    For flat y0 (rows, state) at t0 (rows,), ts (rows, time), f with its Jacobians, any solver and its `options`. The
    trajectory's ys and steps are those of y alone; S takes part in the error control.
    """
    system = VariationalRhs(f, y0.shape[1])
    atol = absolute(solver, y0.shape[1:])
    of_s = np.repeat(atol, system.n)
    tolerant = with_tolerances(solver, relative(solver), np.concatenate([atol, of_s]))
    found = tolerant.solve(system, system.start(y0), t0, ts, options)
    ys, by_y0, by_p = system.split(found.ys)
    steps = None if found.steps is None else found.steps[..., : system.d]
    return replace(found, ys=ys, steps=steps), by_y0, by_p
