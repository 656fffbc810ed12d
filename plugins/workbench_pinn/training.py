"""The defect of a curve, lowered by Levenberg and Marquardt's method."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from .curve import Curve

Slope = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""f (point, state) at t (point,) and y (point, state)."""

STEP = np.finfo(float).eps ** (1 / 3)


class Squares(Protocol):
    """What training lowers: the sum of the squares of a defect (point, state), weighted, and of further rows."""

    @property
    def t(self) -> np.ndarray:
        """The collocation points (point,)."""

    def residuals(self, w: np.ndarray) -> np.ndarray:
        """The defect (point, state); not finite where f is not."""

    def weights(self, r: np.ndarray) -> np.ndarray:
        """Of the points (point,), held while a step is taken."""

    def beside(self, w: np.ndarray) -> np.ndarray:
        """The further rows (row,)."""

    def linear(self, w: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All rows, and their Jacobian (row, weight)."""


def causal_weights(r: np.ndarray, causal: float) -> np.ndarray:
    """exp(−½ε Σ r² of what is before) of each point (point,), for the square roots of the paper's weights.

    Wang, Sankaran & Perdikaris (2022), arXiv 2203.07404, eq. 3.11; r (point, state) in the order of time.
    """
    if causal == 0:
        return np.ones(len(r))
    before = np.concatenate([[0.0], np.cumsum(np.sum(r * r, axis=1))[:-1]])
    return np.asarray(np.exp(-0.5 * causal * before))


@dataclass(frozen=True)
class Defect:
    """dy/dt − f at collocation points, in units of the slopes' size; with a soft start also y(t0) − y0.

    With `causal` ε > 0 the points weigh exp(−ε Σ of what is before them), so that times are learned in their order.
    """

    curve: Curve
    slope: Slope
    jacobian: Slope | None  # f_y (point, state, state); differences without one
    t: np.ndarray  # (point,)
    size: np.ndarray  # (state,)
    causal: float = 0.0

    def residuals(self, w: np.ndarray) -> np.ndarray:
        """(point, state); not finite where f is not."""
        y, rate = self.curve.at(w, self.t)
        return (rate - self.slope(self.t, y)) / self.size

    def weights(self, r: np.ndarray) -> np.ndarray:
        """Of the points (point,), held while a step is taken."""
        return causal_weights(r, self.causal)

    def beside(self, w: np.ndarray) -> np.ndarray:
        """What a soft start misses y0 by (state,), in units of slope times length; empty where it is exact."""
        if self.curve.exact:
            return np.zeros(0)
        y, _ = self.curve.at(w, np.array([self.curve.t0]))
        return (y[0] - self.curve.y0) / (self.size * abs(self.curve.length)) * np.sqrt(len(self.t))

    def linear(self, w: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All rows and their Jacobian (row, weight)."""
        y, rate = self.curve.at(w, self.t)
        by_y, by_rate = self.curve.by_weights(w, self.t)
        f_y = self._f_y(y)
        j = (by_rate - np.einsum("pde,pew->pdw", f_y, by_y)) / self.size[:, None]
        r = (rate - self.slope(self.t, y)) / self.size
        rows = [(r * weights[:, None]).ravel(), self.beside(w)]
        columns = [(j * weights[:, None, None]).reshape(-1, j.shape[2])]
        if not self.curve.exact:
            at_start, _ = self.curve.by_weights(w, np.array([self.curve.t0]))
            scale = np.sqrt(len(self.t)) / (self.size * abs(self.curve.length))
            columns.append(at_start[0] * scale[:, None])
        return np.concatenate(rows), np.concatenate(columns)

    def _f_y(self, y: np.ndarray) -> np.ndarray:
        if self.jacobian is not None:
            return self.jacobian(self.t, y)
        n, d = y.shape
        found = np.empty((n, d, d))
        for k in range(d):
            h = STEP * np.maximum(np.abs(y[:, k]), 1e-3)
            up, down = y.copy(), y.copy()
            up[:, k] += h
            down[:, k] -= h
            found[:, :, k] = (self.slope(self.t, up) - self.slope(self.t, down)) / (2 * h)[:, None]
        return found


@dataclass(frozen=True)
class Trained:
    """The weights, the root mean square of the defect in units of the slopes, the iterations, and how it ended."""

    weights: np.ndarray
    rms: float
    iterations: int
    ended: Literal["", "time_out", "not_finite"]


def train(
    defect: Squares,
    w: np.ndarray,
    iterations: int,
    tolerance: float,
    deadline: float | None,
    enough: float = 1e-3,
) -> Trained:
    """Levenberg–Marquardt steps until the defect is below `tolerance`, does not fall any more, or time is up.

    It does not fall where eight steps in a row lower the squares by less than the share `enough` each.
    The damping follows the ratio of actual to predicted fall (Nielsen 1999, eq. 2.5).
    """
    damping, growth, still = 1e-2, 2.0, 0
    r = defect.residuals(w)
    taken = 0
    while np.isfinite(r).all() and taken < iterations and still < 8:
        rms = float(np.sqrt(np.mean(r * r)))
        if rms <= tolerance and np.abs(defect.beside(w)).max(initial=0.0) <= tolerance * np.sqrt(len(defect.t)):
            break
        if deadline is not None and time.monotonic() > deadline:
            return Trained(w, rms, taken, "time_out")
        taken += 1
        weights = defect.weights(r)
        rows, j = defect.linear(w, weights)
        if not (np.isfinite(rows).all() and np.isfinite(j).all()):
            break
        found = _step(rows, j, damping)
        if found is None:
            damping, growth = damping * growth, growth * 2
            continue
        step, predicted = found
        new, value = w + step, float(rows @ rows)
        after = defect.residuals(new)
        trial = np.concatenate([(after * weights[:, None]).ravel(), defect.beside(new)])
        fall = value - float(trial @ trial) if np.isfinite(trial).all() else -np.inf
        if fall > 1e-4 * predicted:
            gain = fall / predicted
            damping = max(damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 1e-14)
            growth, still = 2.0, still + 1 if fall < enough * value else 0
            w, r = new, after
        else:
            damping, growth = damping * growth, growth * 2
            if damping > 1e12:
                break
    if not np.isfinite(r).all():
        return Trained(w, float("inf"), taken, "not_finite")
    return Trained(w, float(np.sqrt(np.mean(r * r))), taken, "")


def _step(rows: np.ndarray, j: np.ndarray, damping: float) -> tuple[np.ndarray, float] | None:
    """The damped Gauss–Newton step, by the smaller of the two normal equations, and the fall that it predicts.

    None where rounding leaves the equations singular: more damping is wanted.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    scale: Any = damping * float(np.mean(np.sum(j * j, axis=0)))
    try:
        if j.shape[0] >= j.shape[1]:
            step = -cho_solve(cho_factor(j.T @ j + scale * np.eye(j.shape[1])), j.T @ rows)
        else:
            step = -j.T @ cho_solve(cho_factor(j @ j.T + scale * np.eye(j.shape[0])), rows)
    except LinAlgError:
        return None
    left = rows + j @ step
    return step, float(rows @ rows - left @ left)
