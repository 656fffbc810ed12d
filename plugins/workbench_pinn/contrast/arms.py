"""The models of the contrast, each as what it makes of the same data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench as wb
from workbench.errors import WorkbenchError

from . import curves
from .cases import Data
from .curves import Inverse

HARD, SOFT, CAUSAL, BEYOND = (
    "PINN, hard start",
    "PINN, soft start",
    "PINN, soft, causal",
    "PINN, soft, points to the end",
)
NEURAL, GREY, MATCHED = "neural ODE", "grey box", "gradient matching"
PINNS = (HARD, SOFT, CAUSAL, BEYOND)
ARMS = (*PINNS, NEURAL, GREY, MATCHED)
EPSILON = 1.0  # of the causal weights


@dataclass(frozen=True)
class Effort:
    """What every fit may use."""

    hidden: int
    points: int
    iterations: int
    seconds: float

    @property
    def neurons(self) -> int:
        """Of the neural ODE of two states: 5 weights a unit where the curve has 4."""
        return round(0.8 * self.hidden)


@dataclass(frozen=True)
class Outcome:
    """What a model says of the whole time, of the other start, and its parameters put back into the equations."""

    curve: np.ndarray  # (time, state)
    elsewhere: np.ndarray  # (training time, state)
    put_back: np.ndarray | None  # (time, state), from the true start; None without parameters
    parameters: dict[str, float] | None
    unknowns: int
    seconds: float
    iterations: int | None = None
    defect: float | None = None  # of a curve


@dataclass(frozen=True)
class Scores:
    """Errors in units of the spread (see Data.error); `worst` is the largest relative error of a parameter."""

    fit: float
    later: float
    elsewhere: float
    put_back: float
    worst: float

    @classmethod
    def of(cls, data: Data, outcome: Outcome) -> Scores:
        """NaN where there are no parameters."""
        n, true = data.n, data.case.true
        again, worst = np.nan, np.nan
        if outcome.parameters is not None and outcome.put_back is not None:
            again = data.error(outcome.put_back, data.truth)
            worst = max(abs(outcome.parameters[name] / value - 1) for name, value in true.items())
        return cls(
            data.error(outcome.curve[:n], data.truth[:n]),
            data.error(outcome.curve[n:], data.truth[n:]),
            data.error(outcome.elsewhere, data.elsewhere),
            again,
            float(worst),
        )


def outcome(arm: str, data: Data, effort: Effort, seed: int) -> Outcome:
    """One arm on one seed's data."""
    if arm in PINNS:
        return _pinn(arm, data, effort, seed)
    return _fitted(arm, data, effort, seed)


def _pinn(arm: str, data: Data, effort: Effort, seed: int) -> Outcome:
    causal = EPSILON if arm == CAUSAL else 0.0
    how = Inverse(effort.hidden, effort.points, arm == HARD, causal, arm == BEYOND)
    case, n, began = data.case, data.n, time.process_time()
    found = curves.fit(
        how,
        case.problem,
        data.t[:n],
        data.observed[:n],
        case.end,
        data.guess,
        effort.iterations,
        effort.seconds,
        seed,
    )
    seconds = time.process_time() - began
    return Outcome(
        found.at(data.t),
        _retrained(data, found.parameters, effort, seed),
        _put_back(data, found.parameters),
        found.parameters,
        len(found.weights) + len(found.parameters),
        seconds,
        found.iterations,
        found.defect,
    )


def _retrained(data: Data, parameters: Mapping[str, float], effort: Effort, seed: int) -> np.ndarray:
    """A new curve from the other start, the parameters frozen; NaN where its training ended without a solution."""
    if not np.isfinite(list(parameters.values())).all():
        return np.full_like(data.elsewhere, np.nan)
    t = data.t[: data.n]
    options = {"hidden": effort.hidden, "points": effort.points, "iterations": effort.iterations, "seed": seed}
    found = wb.simulate(
        data.case.problem,
        solver="pinn",
        settings={f"solver.{name}": value for name, value in options.items()},
        span=(float(t[0]), float(t[-1])),
        samples=len(t),
        values=parameters,
        x0=data.case.other,
        strict=False,
    )
    return found.ys[0]


def _put_back(data: Data, parameters: Mapping[str, float]) -> np.ndarray:
    if not np.isfinite(list(parameters.values())).all():
        return np.full_like(data.truth, np.nan)
    return data.case.solved(parameters, data.t)


def _fitted(arm: str, data: Data, effort: Effort, seed: int) -> Outcome:
    asked: dict[str, Any]
    if arm == NEURAL:
        asked = {"dynamics": "mlp", "settings": {"dynamics.hidden": (effort.neurons,)}}
    else:
        asked = {"dynamics": "equations", "problem": data.case.problem, "start_values": dict(data.guess)}
    if arm == MATCHED:
        asked["strategy"] = "gradient-matching"
    began = time.process_time()
    try:
        fitted = wb.fit(
            data.dataset,
            solver=data.case.solver,
            split="none",
            iterations=effort.iterations,
            max_time=effort.seconds,
            seed=seed,
            **asked,
        )
    except WorkbenchError:
        return Outcome(
            np.full_like(data.truth, np.nan),
            np.full_like(data.elsewhere, np.nan),
            None,
            None,
            0,
            time.process_time() - began,
        )
    seconds = time.process_time() - began
    values = {name: float(each["value"]) for name, each in fitted.parameters.items() if name in data.guess}
    known = arm != NEURAL
    return Outcome(
        _followed(fitted, data.t, None, data.truth),
        _followed(fitted, data.t[: data.n], list(data.case.other.values()), data.elsewhere),
        _put_back(data, values) if known else None,
        values if known else None,
        len(fitted.run.model["x"]),
        seconds,
    )


def _followed(fitted: wb.Fitted, t: np.ndarray, x0: Any, like: np.ndarray) -> np.ndarray:
    """What a fitted model says at t, from its own start or from x0; NaN where it has no finite solution."""
    try:
        return np.asarray(fitted.predict(t, x0=x0).observed).reshape(like.shape)
    except WorkbenchError:
        return np.full_like(like, np.nan)
