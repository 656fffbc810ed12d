"""The inverse problem of a PINN: the curve and the parameters of known equations, fitted together to observations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .curve import Curve
from .training import causal_weights

Equations = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""f (point, state), f_y (point, state, state), f_p (point, state, parameter) at t (point,), y (point, state), p."""


@dataclass(frozen=True)
class Observations:
    """What was measured: times (time,), values (time, state), and the unit of each state's misfit (state,)."""

    t: np.ndarray
    y: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class Joint:
    """The squares of a defect and of a misfit, in the curve's weights and behind them the parameters' logarithms.

    Raissi, Perdikaris & Karniadakis (2019), J. Comput. Phys. 378, section 4: mean squares, added up. The defect is in
    units of `size`, the misfit in units of the spread, and `physics` is the weight of the former. The start is hard in
    the form of the curve, or soft: an observation like the others.
    """

    curve: Curve
    equations: Equations
    t: np.ndarray  # (point,), ascending
    size: np.ndarray  # (state,)
    seen: Observations
    physics: float = 1.0
    causal: float = 0.0

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The curve's weights and the parameters (parameter,)."""
        n = self.curve.shape.n_weights
        with np.errstate(over="ignore"):
            return x[:n], np.exp(x[n:])

    def joined(self, w: np.ndarray, p: np.ndarray) -> np.ndarray:
        """The vector of weights and of parameters p > 0."""
        return np.concatenate([w, np.log(p)])

    @property
    def _unit(self) -> np.ndarray:
        """Of a row of the defect (state,): what makes the sum of its squares a mean, over points, times `physics`."""
        return self.size * np.sqrt(len(self.t) / self.physics)

    @property
    def _spread(self) -> np.ndarray:
        """Of a row of the misfit (state,): what makes the sum of its squares a mean, over times."""
        return self.seen.spread * np.sqrt(len(self.seen.t))

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """The defect (point, state)."""
        w, p = self.split(x)
        y, rate = self.curve.at(w, self.t)
        return np.asarray((rate - self.equations(self.t, y, p)[0]) / self._unit)

    def weights(self, r: np.ndarray) -> np.ndarray:
        """Of the points (point,), by the defect in units of the slopes."""
        return causal_weights(r * np.sqrt(len(self.t) / self.physics), self.causal)

    def beside(self, x: np.ndarray) -> np.ndarray:
        """The misfit (time × state,)."""
        y, _ = self.curve.at(self.split(x)[0], self.seen.t)
        return np.asarray((y - self.seen.y) / self._spread).ravel()

    def linear(self, x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All rows and their Jacobian (row, weight and parameter)."""
        w, p = self.split(x)
        y, rate = self.curve.at(w, self.t)
        by_y, by_rate = self.curve.by_weights(w, self.t)
        f, f_y, f_p = self.equations(self.t, y, p)
        share = weights[:, None] / self._unit
        by_w = (by_rate - f_y @ by_y) * share[:, :, None]
        by_p = -f_p * p * share[:, :, None]
        seen, _ = self.curve.by_weights(w, self.seen.t)
        below = (seen / self._spread[:, None]).reshape(-1, len(w))
        above = np.concatenate([by_w, by_p], axis=2).reshape(-1, len(x))
        rows = np.concatenate([((rate - f) * share).ravel(), self.beside(x)])
        return rows, np.concatenate([above, np.pad(below, ((0, 0), (0, len(p))))])
