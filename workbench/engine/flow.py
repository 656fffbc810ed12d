"""The problem as the loop sees it: flat rows, and time that starts at 0 and runs forward."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts import Rhs
from ..errors.numerics import ShapeOfRhs, TimesOutOfOrder

Array = Any


class Flow:
    """dy/dt = f from t0 along ts, in shifted time τ = ±(t − t0) ≥ 0, kept in float64.

    States are flat, (rows, entry). `end` (rows,) is the last τ of each row, `sign` its direction.
    """

    def __init__(self, f: Rhs, y0: Array, t0: np.ndarray, ts: np.ndarray) -> None:
        self.f, self.shape, self.calls = f, tuple(y0.shape[1:]), 0
        self.rows, self.entries = len(y0), int(np.prod(self.shape))
        self.y0 = y0.reshape(self.rows, self.entries)
        self.t0 = np.broadcast_to(np.asarray(t0, dtype=float), (self.rows,))
        self.ts = np.asarray(ts, dtype=float)
        since = self.ts - self.t0[:, None]
        wanted = np.isfinite(since)
        far = np.where(wanted, since, 0.0)
        last = np.take_along_axis(far, np.abs(far).argmax(axis=1)[:, None], axis=1)[:, 0] if far.size else self.t0 * 0
        self.sign = np.where(last < 0, -1.0, 1.0)
        self.tau = self.sign[:, None] * since  # (rows, time), NaN where padded
        self.end = np.abs(last)
        self.shifted = bool(self.t0.any())
        self._check(wanted)
        t1 = self.t0 + last
        self.low, self.high = np.minimum(self.t0, t1), np.maximum(self.t0, t1)

    def _check(self, wanted: np.ndarray) -> None:
        padded = wanted[:, 1:] & ~wanted[:, :-1]
        with np.errstate(invalid="ignore"):
            back = (np.diff(self.tau, axis=1) < 0) | padded
            bad = back.any(axis=1) | (self.tau < 0).any(axis=1) | ~np.isfinite(self.t0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise TimesOutOfOrder(
                f"the times of trajectory {row} do not go one way from t0 = {self.t0[row]:g}",
                help="sort them; missing times stand as NaN after the last one",
            )

    def __call__(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray) -> Array:
        """f over lines (rows, entry), at physical times t (rows,)."""
        if len(self.shape) != 1:
            out = self.f(t, y.reshape(len(row), *self.shape), row, middle)
            self._accept(out, (len(row), *self.shape))
            out = out.reshape(len(row), self.entries)
        else:
            out = self.f(t, y, row, middle)
            self._accept(out, y.shape)
        self.calls += 1
        return out

    def _accept(self, out: Array, wanted: tuple[int, ...]) -> None:
        if out.shape != wanted:
            raise ShapeOfRhs(
                f"f returned shape {tuple(out.shape)} for states of shape {tuple(wanted)}",
                help="return dy/dt with the shape of y",
            )

    def reach(self, t1: np.ndarray) -> None:
        """f may be evaluated as far as t1 (rows,), NaN for no change: a mesh can go beyond the times asked for."""
        self.low, self.high = np.fmin(self.low, t1), np.fmax(self.high, t1)

    def physical(self, row: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """The times t whose distance from t0 rounds to τ exactly, so that a mesh can be followed to the bit."""
        t0, sign = self.t0[row], self.sign[row]
        t = t0 + sign * tau
        for neighbour in (np.nextafter(t, np.inf), np.nextafter(t, -np.inf)):
            t = np.where((sign * (t - t0) != tau) & (sign * (neighbour - t0) == tau), neighbour, t)
        return t

    def since(self, row: np.ndarray, t: np.ndarray) -> np.ndarray:
        """τ of physical times t (rows,) or (rows, …)."""
        shape = (-1,) + (1,) * (t.ndim - 1)
        return self.sign[row].reshape(shape) * (t - self.t0[row].reshape(shape))

    def clock(self, row: np.ndarray) -> Clock:
        """The times of some rows."""
        return Clock(self.t0[row], self.sign[row], self.low[row], self.high[row])


class Clock:
    """From shifted time to the physical times at which f is evaluated, never outside [t0, t1]."""

    def __init__(self, t0: np.ndarray, sign: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        self.t0, self.sign, self.low, self.high = t0, sign, low, high

    def times(
        self, tau: np.ndarray, h: np.ndarray, c: np.ndarray, ending: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Physical times (node, rows) of the nodes c (node, 1), the step's middle (rows,) and the signed step (rows,).

        Only a step that may be `ending` at t1 can round beyond it.
        """
        step = self.sign * h
        start = self.t0 + self.sign * tau
        t = c * step
        t += start
        if ending:
            np.maximum(t, self.low, out=t)
            np.minimum(t, self.high, out=t)
        return t, start + 0.5 * step, step

    def representable(self, tau: np.ndarray) -> np.ndarray:
        """τ rounded so that t0 ± τ is a float64 and τ its exact distance from t0."""
        return self.sign * ((self.t0 + self.sign * tau) - self.t0)

    def at(self, tau: np.ndarray) -> np.ndarray:
        """Physical times (rows,)."""
        return np.minimum(np.maximum(self.t0 + self.sign * tau, self.low), self.high)
