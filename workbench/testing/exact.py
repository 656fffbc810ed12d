"""Initial value problems with known solutions: nonlinear and not autonomous, so that no order condition is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Exact:
    """dy/dt = f(t, y) over rows (line, state), t (line, 1), with y(t) (time, state) for times t (time,)."""

    name: str
    f: Callable[[Array, Array], Array]
    y: Callable[[Array], Array]
    t1: float

    def rhs(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """contracts.Rhs"""
        return self.f(t[:, None].astype(y.real.dtype), y)

    @property
    def y0(self) -> Array:
        """y(0) as one row (1, state)."""
        return self.y(np.zeros(1))


def _rational(t: Array, y: Array) -> Array:
    return -2 * t * y**2


def _coupled(t: Array, y: Array) -> Array:
    """The terms in brackets vanish on the solution but not beside it."""
    u, v = y[:, :1], y[:, 1:]
    du = u * np.cos(t) + (v * (1 + t**2) - 1) * (1 + u)
    dv = -2 * t * v**2 + 0.5 * (u * np.exp(-np.sin(t)) - 1) * v
    return np.concatenate([du, dv], axis=1)


def _turning(t: Array, y: Array) -> Array:
    """Turns at a rate that depends on time and on the radius, which is 1 on the solution."""
    u, v = y[:, :1], y[:, 1:]
    rate = (1 + 0.5 * np.cos(t)) * (u**2 + v**2)
    return np.concatenate([-v * rate, u * rate], axis=1)


def _pair(t: Array, y: Array) -> Array:
    """The terms in brackets vanish on the solution but not beside it."""
    u, v = y[:, :1], y[:, 1:]
    du = np.cos(t) * u * (1 + 0.5 * (v**2 + np.cos(t) ** 2 - 1))
    dv = np.cos(t) - 0.5 * (u * np.exp(-np.sin(t)) - 1)
    return np.concatenate([du, dv], axis=1)


def _spring(t: Array, y: Array) -> Array:
    """A hardening spring, pulled so that u = sin t."""
    u, v = y[:, :1], y[:, 1:]
    return np.concatenate([v, -u - 0.6 * (u**3 - np.sin(t) ** 3)], axis=1)


def _followed(t: Array, y: Array) -> Array:
    """The last term vanishes on the solution but not beside it."""
    wave = np.sin(2 * t)
    return 2 * np.cos(2 * t) + 0.5 * np.sin(y - wave)


def _angle(t: Array) -> Array:
    return t + 0.5 * np.sin(t)


RATIONAL = Exact("dy/dt = −2 t y²", _rational, lambda t: 1 / (1 + t[:, None] ** 2), 2.0)
COUPLED = Exact(
    "u = exp(sin t), v = 1/(1 + t²)",
    _coupled,
    lambda t: np.stack([np.exp(np.sin(t)), 1 / (1 + t**2)], axis=1),
    1.5,
)
DECAY = Exact("dy/dt = −y", lambda t, y: -y, lambda t: np.exp(-t)[:, None], 2.0)
TURNING = Exact("a turning vector", _turning, lambda t: np.stack([np.cos(_angle(t)), np.sin(_angle(t))], axis=1), 10.0)
PAIR = Exact("u = exp(sin t), v = sin t", _pair, lambda t: np.stack([np.exp(np.sin(t)), np.sin(t)], axis=1), 10.0)
SPRING = Exact("a spring", _spring, lambda t: np.stack([np.sin(t), np.cos(t)], axis=1), 10.0)
FOLLOWED = Exact("u = sin 2t", _followed, lambda t: np.sin(2 * t)[:, None], 10.0)
SHORT = (RATIONAL, COUPLED)
LONG = (SPRING, FOLLOWED)
"""Entire functions over several periods: errors are asymptotic from 1e-4 down, unlike near poles.

On them the leading term of an efficient pair such as vern7, small on purpose, is the largest; on TURNING, PAIR not.
"""
