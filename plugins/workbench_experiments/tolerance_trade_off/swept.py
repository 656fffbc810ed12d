"""One trained model solved again and again: by tolerance, and by step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench as wb


@dataclass(frozen=True)
class Question:
    """The data of a problem of the library: times (time,), states (time, state) without noise."""

    ts: np.ndarray
    ys: np.ndarray
    data: wb.Dataset

    @classmethod
    def of(cls, problem: str, samples: int) -> Question:
        """`samples` equally spaced observations of all states."""
        made = wb.simulate(problem, samples=samples, solver="dop853", settings={"solver.rtol": 1e-10})
        return cls(made.ts[0], made.ys[0], made.dataset())

    @property
    def h(self) -> float:
        """The time between two samples."""
        return float(self.ts[1] - self.ts[0])

    def distance(self, ys: np.ndarray, wanted: np.ndarray) -> float:
        """Root mean square over times and states of (ys − wanted)/spread; infinite where ys is not finite."""
        with np.errstate(all="ignore"):
            found = float(np.sqrt(np.mean(((ys - wanted) / self.ys.std(axis=0)) ** 2)))
        return found if np.isfinite(found) else float("inf")


@dataclass(frozen=True)
class Evaluated:
    """One solve of a trained model."""

    setting: float  # tolerance, or step in units of that of the training
    error: float  # to the truth
    apart: float  # from the model's own tight solution
    evaluations: int
    seconds: float


class Model:
    """A network fitted to the data through one solver, as a right-hand side."""

    def __init__(self, question: Question, solver: str, hidden: int, seed: int, **settings: Any) -> None:
        chosen = {"dynamics.hidden": (hidden,)} | {f"solver.{name}": value for name, value in settings.items()}
        self.question, self.solver = question, solver
        self.fitted = wb.fit(question.data, dynamics="mlp", solver=solver, split="none", seed=seed, settings=chosen)
        self.y0 = np.asarray(self.fitted.run.states)[:1]
        self.tight = self._solve(question.ts, "dop853", rtol=1e-11, atol=1e-11).ys[0]

    def _solve(self, ts: np.ndarray, solver: str, **options: Any) -> Any:
        return wb.solve(lambda t, y: self.fitted.slopes(y), self.y0, ts, solver, **options)

    def evaluated(self, setting: float, solver: str, every: int = 1, **options: Any) -> Evaluated:
        """The error, work and time of one way to solve the model, seen at every so many samples."""
        with np.errstate(all="ignore"):
            began = time.perf_counter()
            found = self._solve(self.question.ts[::every], solver, **options)
            seconds = time.perf_counter() - began
        ys, rhs = np.asarray(found.ys[0]), int(np.max(found.stats["rhs"]))
        error, apart = (self.question.distance(ys, each[::every]) for each in (self.question.ys, self.tight))
        return Evaluated(setting, error, apart, rhs, seconds)

    def by_tolerance(self, tolerances: tuple[float, ...]) -> list[Evaluated]:
        """By dopri5 at rtol = atol, seen at the samples."""
        return [self.evaluated(rtol, "dopri5", rtol=rtol, atol=rtol) for rtol in tolerances]

    def by_step(self, ratios: tuple[float, ...]) -> list[Evaluated]:
        """By the solver of the training, with steps of so many times that of the training; long ones skip samples."""
        h = self.question.h
        return [self.evaluated(ratio, self.solver, max(1, round(ratio)), step=ratio * h) for ratio in ratios]
