"""The largest Lyapunov exponent: how fast neighbouring trajectories part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fixed_points import Field

STEP = 0.5
"""Length of a step times the largest rate |λ| of the Jacobians at the starts; rk4 errs by some 1e-4 of a step there."""


@dataclass(frozen=True)
class Exponent:
    """The largest exponent per unit of time, its standard error over the trajectories, and how many there were."""

    value: float
    error: float
    trajectories: int


def largest_exponent(
    f: Field,
    jacobian: Field,
    starts: np.ndarray,
    span: float,
    transient: float,
    rng: np.random.Generator,
    most: int = 100_000,
) -> Exponent | None:
    """Mean growth rate of a tangent vector over `span` after `transient`, over trajectories from `starts` (row, state).

    d(y, v)/dt = (f, f_y v) by the classical method of order 4 with equal steps, all trajectories side by side, v drawn
    from `rng` and brought back to length 1 after every step (Benettin, Galgani, Giorgilli & Strelcyn 1980, Meccanica
    15, 9–20). Trajectories that leave the numbers are left out. None where none is left, or where more than
    `most` steps would be needed: the field is stiff then, or the span long.
    """
    rate = float(np.max(np.abs(np.linalg.eigvals(jacobian(starts)))))
    h = STEP / rate if rate > 0 else span / 100
    n, before = int(np.ceil(span / h)), int(np.ceil(transient / h))
    if not np.isfinite(rate) or n + before > most:
        return None
    h = span / n
    y, v = starts.copy(), rng.standard_normal(starts.shape)
    total = np.zeros(len(y))
    with np.errstate(all="ignore"):
        for number in range(before + n):
            y, v = _step(f, jacobian, y, v, h)
            length = np.sqrt(np.sum(v * v, axis=1))
            v /= length[:, None]
            if number >= before:
                total += np.log(length)
    rates = total[np.isfinite(total) & np.isfinite(y).all(axis=1)] / span
    if not len(rates):
        return None
    error = float(np.std(rates) / np.sqrt(max(len(rates) - 1, 1)))
    return Exponent(float(rates.mean()), error, len(rates))


def _step(f: Field, jacobian: Field, y: np.ndarray, v: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
    """One step of the classical fourth order method for (y, v)."""
    k: list[np.ndarray] = []
    w: list[np.ndarray] = []
    for share in (0.0, 0.5, 0.5, 1.0):
        at, along = (y + share * h * k[-1], v + share * h * w[-1]) if k else (y, v)
        k.append(f(at))
        w.append((jacobian(at) @ along[:, :, None])[:, :, 0])
    weights = (h / 6, h / 3, h / 3, h / 6)
    dy = sum(weight * slope for weight, slope in zip(weights, k, strict=True))
    dv = sum(weight * slope for weight, slope in zip(weights, w, strict=True))
    return y + dy, v + dv
