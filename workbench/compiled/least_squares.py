"""Levenberg–Marquardt in C: observations and unknowns of a handle, fitted from one start or from many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from .abi import Task, address
from .handle import Handle, _pool
from .pieces import Pieces

Ended = Literal["decrease", "step", "gradient", "stalled", "iterations", "no_finite_solution", "deadline"]
ENDED: tuple[Ended, ...] = ("decrease", "step", "gradient", "stalled", "iterations", "no_finite_solution", "deadline")
"""In the order of the statuses in kernels/least_squares.h."""
KINDS = {"identity": 0, "log": 1, "logit": 2}


@dataclass(frozen=True)
class Settings:
    """When a fit ends (see kernels/least_squares.h), and its first λ."""

    ftol: float
    xtol: float
    gtol: float
    damping: float
    max_iterations: int


@dataclass(frozen=True)
class Places:
    """Where the unknowns stand and what bounds x; places are −1 where a value is held."""

    p: np.ndarray  # (parameter,) int64: places in x
    y0: np.ndarray  # (row, state) int64
    kind: np.ndarray  # (unknown,) int64, see KINDS
    lower: np.ndarray  # (unknown,) of x
    upper: np.ndarray
    base: np.ndarray  # (unknown,) the lower bound of logit
    width: np.ndarray  # (unknown,) and how far above it the upper one is

    @cached_property
    def addresses(self) -> dict[str, int]:
        """Where the arrays are, by their names in C."""
        fields = {"p_unknown": self.p, "y0_unknown": self.y0, "kind": self.kind, "lower": self.lower}
        fields |= {"upper": self.upper, "base": self.base, "width": self.width}
        return {name: address(array) for name, array in fields.items()}


@dataclass(frozen=True)
class Found:
    """Where a fit from one start ended; mu (row, time, channel), gradient and hessian (JᵀJ) by x."""

    x: np.ndarray
    cost: float
    ended: Ended
    counts: np.ndarray  # solves, sensitivities, iterations
    mu: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


class Observations:
    """Values (row, time, channel) with weights, 0 where there is none, and held p (parameter,) and y0 (row, state)."""

    def __init__(
        self, values: np.ndarray, weights: np.ndarray, p: np.ndarray, y0: np.ndarray, pieces: Pieces | None
    ) -> None:
        self.values, self.weights, self.p, self.y0 = (
            np.ascontiguousarray(array, float) for array in (values, weights, p, y0)
        )
        self.pieces = pieces

    @cached_property
    def addresses(self) -> dict[str, int]:
        """Where the arrays are, by their names in C."""
        return {name: address(getattr(self, name)) for name in ("values", "weights", "p", "y0")}


def fits(
    handle: Handle,
    observations: Observations,
    places: Places,
    xs: Sequence[np.ndarray],
    settings: Settings,
    deadline: float | None = None,
    threads: int = 1,
) -> list[Found]:
    """A fit from each x (unknown,), `threads` of them at a time; the threads do not change what is found."""
    task = Task.from_buffer_copy(handle.task)
    task.deadline = deadline or 0.0
    if observations.pieces is not None:
        observations.pieces.point(task)
    handle.kernel.fitted(handle.march).fit()  # libraries are built now, by one thread
    if len(xs) == 1 or threads == 1:
        return [_fit(handle, task, observations, places, x, settings) for x in xs]
    jobs = [list(range(first, len(xs), threads)) for first in range(min(threads, len(xs)))]

    def run(job: list[int]) -> list[Found]:
        return [_fit(handle, task, observations, places, xs[i], settings) for i in job]

    found: dict[int, Found] = {}
    for job, results in zip(jobs, _pool().map(run, jobs), strict=True):
        found |= zip(job, results, strict=True)
    return [found[i] for i in range(len(xs))]


def _fit(
    handle: Handle, task: Task, observations: Observations, places: Places, x: np.ndarray, settings: Settings
) -> Found:
    n = len(x)
    x, numbers, counts = np.array(x, float), np.zeros(1 + n + n * n), np.zeros(3, np.int64)
    mu = np.full(observations.values.shape, np.nan)
    fit = handle.kernel.fitted(handle.march).fit()
    fit.n, fit.max_iterations, fit.damping = n, settings.max_iterations, settings.damping
    fit.ftol, fit.xtol, fit.gtol = settings.ftol, settings.xtol, settings.gtol
    for name, place in (*places.addresses.items(), *observations.addresses.items()):
        setattr(fit, name, place)
    fit.x, fit.counts, fit.mu, first = address(x), address(counts), address(mu), address(numbers)
    fit.cost, fit.gradient, fit.hessian = first, first + 8, first + 8 * (1 + n)
    status = handle.kernel.fit(task, fit)
    if status < 0:
        raise MemoryError("no memory for the compiled fit")
    return Found(x, float(numbers[0]), ENDED[status], counts, mu, numbers[1 : 1 + n], numbers[1 + n :].reshape(n, n))
