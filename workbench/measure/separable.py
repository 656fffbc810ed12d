"""Separable systems q' = f(p), p' = g(q) with known solutions and a conserved energy; states are (q, p), q first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .exact import Exact, side_by_side, square

Array = np.ndarray


@dataclass(frozen=True)
class Separable(Exact):
    """An exact problem with an energy H(y) (line,) that its solutions keep; `period` is that of the solution."""

    energy: Callable[[Array], Array] = lambda y: np.zeros(len(y))
    period: float = 2 * np.pi


ECCENTRICITY = 0.3


def _kepler(t: Array, y: Array) -> Array:
    """q'' = −q/|q|³ (Hairer, Lubich & Wanner 2006, Geometric Numerical Integration, I.2)."""
    q, p = y[:, :2], y[:, 2:]
    return side_by_side(p, -q / _radius(q) ** 3)


def _radius(q: Array) -> Array:
    """|q| (line, 1), analytic in complex q."""
    return np.sqrt((q**2).sum(axis=1, keepdims=True))


def _kepler_y(t: Array, y: Array) -> Array:
    x, z, r = y[:, :1], y[:, 1:2], _radius(y[:, :2])
    o, one = 0 * x, 1 + 0 * x
    diagonal, cross = -1 / r**3, 3 * x * z / r**5
    return square(
        [
            [o, o, one, o],
            [o, o, o, one],
            [diagonal + 3 * x**2 / r**5, cross, o, o],
            [cross, diagonal + 3 * z**2 / r**5, o, o],
        ]
    )


def _ellipse(t: Array) -> Array:
    """The orbit of period 2π, from its nearest point: Kepler's equation t = E − e sin E by Newton's method."""
    e, anomaly = ECCENTRICITY, t + ECCENTRICITY * np.sin(t)
    for _ in range(8):  # quadratic from an error below e²: at rounding after five
        anomaly = anomaly - (anomaly - e * np.sin(anomaly) - t) / (1 - e * np.cos(anomaly))
    side, rate = np.sqrt(1 - e**2), 1 / (1 - e * np.cos(anomaly))
    c, s = np.cos(anomaly), np.sin(anomaly)
    return np.stack([c - e, side * s, -s * rate, side * c * rate], axis=1)


def _pendulum(t: Array) -> Array:
    """Swings of θ(0) = 1.2 from rest: sin(θ/2) = k sn(K + t), k = sin 0.6 (Abramowitz & Stegun 1964, 17.4, 22)."""
    from scipy.special import ellipj, ellipk

    m = np.sin(0.6) ** 2
    sn, cn, _, _ = ellipj(t + ellipk(m), m)
    return np.stack([2 * np.arcsin(np.sin(0.6) * sn), 2 * np.sin(0.6) * cn], axis=1)


HARMONIC = Separable(
    "harmonic oscillator",
    lambda t, y: side_by_side(y[:, 1:], -y[:, :1]),
    lambda t: np.stack([np.cos(t), -np.sin(t)], axis=1),
    10.0,
    lambda t, y: square([[0 * y[:, :1], 1 + 0 * y[:, :1]], [-1 + 0 * y[:, :1], 0 * y[:, :1]]]),
    lambda t, y: 0 * y,
    energy=lambda y: 0.5 * (y**2).sum(axis=1),
)
PENDULUM = Separable(
    "pendulum",
    lambda t, y: side_by_side(y[:, 1:], -np.sin(y[:, :1])),
    _pendulum,
    10.0,
    lambda t, y: square([[0 * y[:, :1], 1 + 0 * y[:, :1]], [-np.cos(y[:, :1]), 0 * y[:, :1]]]),
    lambda t, y: 0 * y,
    energy=lambda y: 0.5 * y[:, 1] ** 2 - np.cos(y[:, 0]),
    period=6.900257,  # 4 K(sin 0.6)
)
KEPLER = Separable(
    "Kepler's ellipse",
    _kepler,
    _ellipse,
    6.0,
    _kepler_y,
    lambda t, y: 0 * y,
    energy=lambda y: 0.5 * (y[:, 2:] ** 2).sum(axis=1) - 1 / _radius(y[:, :2])[:, 0],
)
SEPARABLE = (HARMONIC, PENDULUM, KEPLER)
