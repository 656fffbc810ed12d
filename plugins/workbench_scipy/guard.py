"""What stands between SciPy and f: it counts, and it raises where SciPy would go on with NaN or without end."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from workbench.contracts import Rhs, SolveOptions, Status
from workbench.engine.flow import Flow

PER_STEP = (
    200  # evaluations of f per permitted step before a solve counts as endless: Newton iterations and differences
)
IN_VAIN = 1000  # values that are not finite within one step before it counts as endless


class Stopped(Exception):
    """The solve of a row ends here."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Guard:
    """f for one row over one segment (t0, t1) without breaks, as SciPy calls it: fun(t, y) on flat float64 states."""

    def __init__(self, flow: Flow, rhs: Rhs, row: int, options: SolveOptions, tolerant: bool) -> None:
        self.flow, self.rhs, self.options = flow, rhs, options
        self.tolerant = tolerant  # the method answers a value that is not finite with a shorter step
        self.bad: tuple[float, np.ndarray] | None = None  # the last such value since a step was accepted, and its time
        self._in_vain = 0
        self.row = np.array([row])
        self.evaluations, self.cap = 0, PER_STEP * options.max_steps
        self.inside = 0.0

    def accepted(self) -> None:
        """A step was accepted: what was not finite before is forgotten."""
        self.bad, self._in_vain = None, 0

    def segment(self, start: float, stop: float) -> None:
        """Inputs are looked up between these times from now on."""
        self.inside = 0.5 * (start + stop)

    def _middle(self, t: float) -> np.ndarray:
        return np.array([t + 1e-6 * (self.inside - t)])

    def __call__(self, t: float, y: np.ndarray) -> np.ndarray:
        """dy/dt; raises Stopped when it stays not finite, or when there have been too many calls or too much time."""
        self.evaluations += 1
        if self.options.deadline is not None and time.monotonic() >= self.options.deadline:
            raise Stopped("time_out")
        if self.evaluations > self.cap:
            raise Stopped("too_many_steps")
        value = np.asarray(self.flow(np.array([t]), y[None], self.row, self._middle(t)))[0].astype(float)
        if not np.isfinite(value).all():
            self.bad, self._in_vain = (t, value), self._in_vain + 1
            if not self.tolerant or self._in_vain > IN_VAIN:
                raise Stopped("not_finite")
        return value

    def jacobian(self) -> Any:
        """∂f/∂y as a function (t, y), where f knows it cheaply; None lets SciPy take differences."""
        own = getattr(self.rhs, "state_jacobian", None)
        full = getattr(self.rhs, "jacobians", None)
        if own is None and (full is None or getattr(self.rhs, "n_parameters", 0) > 64):
            return None

        def jac(t: float, y: np.ndarray) -> np.ndarray:
            arguments = (np.array([t]), y[None], self.row, self._middle(t))
            value = np.asarray(own(*arguments) if own is not None else full(*arguments)[0])[0]  # type: ignore[misc]  # one of them is there
            if not np.isfinite(value).all():
                self.bad = t, np.where(np.isfinite(value).all(axis=1), 0.0, np.nan)
                raise Stopped("not_finite")
            return value

        return jac
