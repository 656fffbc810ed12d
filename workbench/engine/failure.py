"""How a row can fail, told apart and said in words: the time, the component, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts import Status
from .arrays import NumpyArrays, TorchArrays
from .flow import Flow

Array = Any
STEEP = 1e8  # a state that would change by its own size in this fraction of the time covered is on its way to infinity
FAR = 10.0  # a stiff row that would need this many times the permitted steps gives up early


class Failures:
    """The status and message of each row; "ok" until something else is said."""

    def __init__(self, flow: Flow, arrays: NumpyArrays | TorchArrays) -> None:
        self._flow, self._arrays = flow, arrays
        self.status: list[Status] = ["ok"] * flow.rows
        self.message = [""] * flow.rows

    def say(self, row: int, status: Status, message: str) -> None:
        """Row ends with this status."""
        self.status[row], self.message[row] = status, message

    def time(self, row: int, tau: float) -> str:
        """The physical time in words."""
        return f"t = {self._flow.t0[row] + self._flow.sign[row] * tau:.10g}"

    def component(self, entry: int) -> str:
        """The entry of a flat state in words, counted from 0."""
        if len(self._flow.shape) == 1:
            return f"component {entry}"
        return f"component {tuple(int(i) for i in np.unravel_index(entry, self._flow.shape))}"

    def start(self, row: int, y: np.ndarray, k: np.ndarray | None) -> None:
        """The initial state, or f there, is not finite."""
        bad = y if k is None else k
        entry = int(np.flatnonzero(~np.isfinite(bad))[0])
        what = "the initial state" if k is None else "the right-hand side at the start"
        self.say(row, "not_finite", f"{what} is {bad[entry]} in {self.component(entry)} at {self.time(row, 0.0)}")

    def collapse(
        self, row: int, tau: float, h: float, y: np.ndarray, k: np.ndarray, tried: np.ndarray, unsolved: bool = False
    ) -> None:
        """No step is small enough, or a fixed one failed; y, k are the last good state and slope, tried what came.

        `unsolved`: the equations of the step have no solution that was found, though f is finite.
        """
        size = max(float(np.abs(y).max()), float(np.abs(self._arrays.numpy(self._flow.y0[row])).max()))
        steep = float(np.abs(k).max()) * tau > STEEP * size
        huge = float(np.finfo(tried.real.dtype).max) ** 0.25
        finite = np.isfinite(tried)
        where = self.time(row, tau)
        if steep or size > huge or np.isinf(tried.real).any() or np.isinf(tried.imag).any():
            entry = int(np.argmax(np.abs(k)))
            self.say(
                row,
                "blew_up",
                f"the solution grows without bound: {self.component(entry)} is {y[entry]:.4g} at {where}",
            )
        elif unsolved:
            entry = int(np.argmax(np.abs(k)))
            self.say(
                row,
                "step_too_small",
                f"the equations of a step of {h:.2g} could not be solved at {where}, where {self.component(entry)} "
                "changes fastest; take smaller steps",
            )
        elif not finite.all():
            entry = int(np.flatnonzero(~finite.all(axis=0))[0])
            self.say(row, "not_finite", f"the right-hand side is NaN in {self.component(entry)} from {where} on")
        else:
            entry = int(np.argmax(np.abs(k)))
            self.say(
                row,
                "step_too_small",
                f"no step above {h:.2g} meets the tolerance in {self.component(entry)} at {where}; "
                "declare jumps of f as breaks, or loosen rtol",
            )

    def unfinished(self, row: int, status: Status, tau: float, steps: int, h: float, y: Array, k: Array) -> None:
        """The caps on steps or time were reached; y and k are (1, entry)."""
        end = float(self._flow.end[row])
        reached = f"{self.time(row, tau)} of {self.time(row, end)} reached after {steps} steps"
        rate = self._rate_if_stiff(row, tau, h, y, k)
        if rate:
            self.say(
                row,
                status,
                f"{reached}, about {(end - tau) / h:.1g} more to go; it looks stiff (a rate of {rate:.2g} "
                f"holds the step at {h:.2g}): try an implicit solver such as rodas5p",
            )
        else:
            entry = int(np.argmax(np.abs(self._arrays.numpy(k)[0])))
            self.say(row, status, f"{reached}; {self.component(entry)} changes fastest")

    def hopeless(self, row: int, tau: float, h: float, left: int, y: Array, k: Array) -> bool:
        """Stability, not accuracy, holds the step where the way to go takes far more than the steps that are left."""
        far = float(self._flow.end[row]) - tau > FAR * h * left
        return far and self._rate_if_stiff(row, tau, h, y, k) > 0

    def _rate_if_stiff(self, row: int, tau: float, h: float, y: Array, k: Array) -> float:
        """The fastest rate of f, if steps h are as long as it allows and short for the solution itself; else 0."""
        rate = self._fastest_rate(row, tau, y, k)
        slope, size = (float(np.linalg.norm(self._arrays.numpy(x))) for x in (k, y))
        return rate if rate * h > 0.5 and slope * h < 0.1 * size else 0.0

    def _fastest_rate(self, row: int, tau: float, y: Array, k: Array) -> float:
        """The size of the largest eigenvalue of f_y, by five power iterations on differences of f."""
        numpy = self._arrays.numpy
        rows = np.array([row])
        t = self._flow.clock(rows).at(np.array([tau]))
        length = 1e-7 * (float(np.linalg.norm(numpy(y))) + 1e-3)
        direction, rate = k, 0.0
        for _ in range(5):
            size = float(np.linalg.norm(numpy(direction)))
            if not 0.0 < size < np.inf:
                return rate
            direction = self._flow(t, y + direction * (length / size), rows, t) - k
            rate = float(np.linalg.norm(numpy(direction))) / length
        return rate
