"""The PINN of the inverse problem: curve and parameters from observations of all states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..curve import Curve, Shape
from ..joint import Equations, Joint, Observations
from ..training import train
from .cases import system_of

STILL = 1e-5  # fall of the squares below which eight steps in a row end the training
DONE = 1e-9


@dataclass(frozen=True)
class Inverse:
    """How the curve is made and trained; `beyond` sets collocation points over the held-out time as well."""

    hidden: int
    points: int
    exact: bool = False
    causal: float = 0.0
    beyond: bool = False


@dataclass(frozen=True)
class Found:
    """A trained curve and the parameters found with it."""

    curve: Curve
    weights: np.ndarray
    parameters: dict[str, float]
    defect: float  # root mean square, in units of the slopes
    iterations: int
    ended: str  # "", time_out or not_finite

    def at(self, t: np.ndarray) -> np.ndarray:
        """y (time, state)."""
        return self.curve.at(self.weights, t)[0]


def equations_of(problem: str) -> Equations:
    """f, f_y and f_p of a problem of the library, without inputs."""
    f = system_of(problem).graph().function("rhs", ("y", "p"))

    def equations(t: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        value, f_y, f_p = f(t, y, None, None, p)
        return value, f_y, f_p

    return equations


def fit(
    how: Inverse,
    problem: str,
    t: np.ndarray,
    y: np.ndarray,
    end: float,
    guess: Mapping[str, float],
    iterations: int,
    seconds: float,
    seed: int,
) -> Found:
    """From observations y (time, state) at t and parameters that begin at `guess`, all positive.

    Slopes are measured by the root mean square of the observations' differences, misfits by the observations' spread.
    """
    curve = Curve(Shape(how.hidden, y.shape[1]), y[0], t[0], (end if how.beyond else t[-1]) - t[0], how.exact)
    slopes = np.diff(y, axis=0) / np.diff(t)[:, None]
    size = np.sqrt(np.mean(slopes * slopes, axis=0))
    question = Joint(
        curve, equations_of(problem), curve.points(how.points), size, Observations(t, y, y.std(axis=0)), 1.0, how.causal
    )
    start = curve.start(np.random.default_rng([seed, 9]), steepness=0.5 * how.hidden)
    x = question.joined(start, np.array(list(guess.values())))
    with np.errstate(all="ignore"):
        trained = train(question, x, iterations, DONE, time.monotonic() + seconds, STILL)
    w, p = question.split(trained.weights)
    defect = trained.rms * float(np.sqrt(how.points))
    return Found(curve, w, dict(zip(guess, p.tolist(), strict=True)), defect, trained.iterations, trained.ended)
