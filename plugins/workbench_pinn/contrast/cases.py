"""The data that all models are given: a known system, observed with noise, its last fifth held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

import workbench as wb

TIGHT = 1e-10
HELD_OUT = 0.2
WRONG = 2.0  # a start value is at most by this factor off


@cache
def system_of(problem: str) -> wb.System:
    """The equations of a problem of the library, read once."""
    system = wb.read_problem(problem).system
    assert system is not None
    return system


@dataclass(frozen=True)
class Case:
    """A problem of the library on [0, end], and a start that no model is shown."""

    title: str
    problem: str
    end: float
    samples: int
    noise: float  # standard deviation, as a share of each state's
    other: Mapping[str, float]
    values: Mapping[str, float] = field(default_factory=dict)
    stiff: bool = False

    @property
    def solver(self) -> str:
        """What steps in fits."""
        return "rodas5p" if self.stiff else "dopri5"

    @property
    def tight(self) -> str:
        """What the truth and recovered parameters are solved with, at TIGHT."""
        return "rodas5p" if self.stiff else "dop853"

    @property
    def true(self) -> dict[str, float]:
        """The parameters' values."""
        return system_of(self.problem).values | dict(self.values)

    def solved(
        self, parameters: Mapping[str, float], t: np.ndarray, x0: Mapping[str, float] | None = None
    ) -> np.ndarray:
        """The equations' trajectory (time, state) at t, from their own start or x0; NaN where there is no solution."""
        graph, p = system_of(self.problem).graph(), np.array([parameters[name] for name in self.true])
        start = graph.function("initial")(t[:1], np.zeros((1, len(graph.states))), None, None, p)
        y0 = np.array(start, dtype=float).reshape(-1) if x0 is None else np.array(list(x0.values()))
        ready = wb.prepare(graph, t, self.tight, rtol=TIGHT, atol=TIGHT)
        return np.asarray(ready(y0, p).ys)


CASES = {
    "spiral": Case("Damped spiral", "damped_spiral", 12.5, 126, 0.01, {"x": 1.0, "y": 1.0}),
    "lotka-volterra": Case("Lotka and Volterra", "lotka_volterra", 10.0, 101, 0.01, {"prey": 1.5, "predator": 1.5}),
    "van-der-pol": Case("Van der Pol, μ = 1", "van_der_pol", 20.0, 101, 0.01, {"x": 0.5, "y": 0.0}),
    "stiff": Case(
        "Van der Pol, μ = 100", "van_der_pol", 200.0, 401, 0.002, {"x": -1.5, "y": 0.0}, {"mu": 100.0}, stiff=True
    ),
    "sparse": Case(
        "Lotka and Volterra, sparse and noisy", "lotka_volterra", 10.0, 26, 0.1, {"prey": 1.5, "predator": 1.5}
    ),
}


@dataclass(frozen=True)
class Data:
    """One seed's observations of a case, the truth behind them, and where parameters begin."""

    case: Case
    t: np.ndarray  # (time,)
    truth: np.ndarray  # (time, state)
    observed: np.ndarray  # (time, state)
    elsewhere: np.ndarray  # (training time, state): the truth from the other start
    guess: Mapping[str, float]

    @classmethod
    def of(cls, case: Case, seed: int) -> Data:
        """Noise and start values follow the seed."""
        t = np.linspace(0.0, case.end, case.samples)
        truth = case.solved(case.true, t)
        rng = np.random.default_rng([seed, 8])
        observed = truth + case.noise * truth.std(axis=0) * rng.standard_normal(truth.shape)
        guess = {name: value * WRONG ** rng.uniform(-1, 1) for name, value in case.true.items()}
        elsewhere = case.solved(case.true, t[: _training(t)], case.other)
        return cls(case, t, truth, observed, elsewhere, guess)

    @property
    def n(self) -> int:
        """How many times are in the training part."""
        return _training(self.t)

    @property
    def dataset(self) -> wb.Dataset:
        """The training part."""
        names = tuple(self.case.other)
        return wb.Dataset(self.t[: self.n], self.observed[: self.n], np.array([self.n]), names)

    def error(self, found: np.ndarray, truth: np.ndarray) -> float:
        """Root mean square over times and states, in units of each state's spread; inf where `found` is not finite."""
        error = float(np.sqrt(np.mean(((found - truth) / self.truth.std(axis=0)) ** 2)))
        return error if np.isfinite(error) else np.inf


def _training(t: np.ndarray) -> int:
    return round((1 - HELD_OUT) * len(t))
