"""The system y' = A y with its exact solution, and what simple predictors score on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Convention = Literal["Ay", "yA"]

DAMPING, TURNING = 0.1, 2.0
START = np.array([2.0, 0.0])
END = 25.0
PRINTED = np.array([[2.0, -0.1], [-0.1, -2.0]])
"""The scalar system as it is printed, dx/dt = 2x − 0.1y and dy/dt = −2y − 0.1x."""


@dataclass(frozen=True)
class Spiral:
    """`samples` equally spaced points on [0, 25]; "yA" multiplies from the other side, which turns the other way."""

    samples: int = 500
    convention: Convention = "Ay"

    @property
    def matrix(self) -> np.ndarray:
        """M of y' = M y."""
        a = np.array([[-DAMPING, TURNING], [-TURNING, -DAMPING]])
        return a if self.convention == "Ay" else a.T

    @cached_property
    def ts(self) -> np.ndarray:
        """(time,)."""
        return np.linspace(0.0, END, self.samples)

    @property
    def h(self) -> float:
        """The time between two samples."""
        return END / (self.samples - 1)

    @cached_property
    def ys(self) -> np.ndarray:
        """(time, 2): 2 e^(−t/10) (cos 2t, ∓sin 2t)."""
        sign = -1.0 if self.convention == "Ay" else 1.0
        turned = np.stack([np.cos(TURNING * self.ts), sign * np.sin(TURNING * self.ts)], axis=1)
        return START[0] * np.exp(-DAMPING * self.ts)[:, None] * turned

    @property
    def zero(self) -> float:
        """Mean squared error of predicting 0 throughout."""
        return float(np.mean(self.ys**2))

    @property
    def variance(self) -> float:
        """Mean squared error of predicting each state's mean, averaged over states."""
        return float(np.mean(self.ys.var(axis=0)))

    def fit_percent(self, mse: float) -> float:
        """100 (1 − √(mse/variance)): 100 for a perfect prediction, 0 for the mean."""
        return float(100.0 * (1.0 - np.sqrt(mse / self.variance)))

    def euler_with_truth(self) -> tuple[float, float]:
        """Growth a step and mean squared error of Euler's method with the true matrix."""
        step = np.eye(2) + self.h * self.matrix
        y, worst = START, 0.0
        for true in self.ys:
            worst += float(np.sum((y - true) ** 2))
            y = step @ y
        return float(np.abs(np.linalg.eigvals(step)).max()), worst / self.ys.size

    def taught_by(self, solver: str) -> complex | None:
        """The eigenvalue that a perfect fit through a solver of one step a sample learns: R(hμ) = e^(hλ), μ near λ.

        R is the solver's stability function: 1 + z for euler, with z²/2 for midpoint, to z⁴/24 for four stages of
        order 4. None for a solver without such a formula here.
        """
        terms = {"euler": 1, "midpoint": 2, "rk4": 4, "rk4_38": 4}.get(solver)
        if terms is None:
            return None
        true = complex(-DAMPING, TURNING)
        coefficients = [1.0 / float(np.prod(np.arange(1, k + 1))) for k in range(terms, -1, -1)]
        coefficients[-1] -= np.exp(true * self.h)
        roots = np.roots(coefficients) / self.h
        return complex(roots[np.argmin(np.abs(roots - true))])
