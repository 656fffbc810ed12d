"""Initial value problems with known solutions: nonlinear and not autonomous, so that no order condition is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Exact:
    """dy/dt = f(t, y) over rows (line, state), t (line, 1), with y(t) (time, state) for times t (time,).

    `f_y` (line, state, state) and `f_t` (line, state) are f's own derivatives, for methods whose order rests on them.
    """

    name: str
    f: Callable[[Array, Array], Array]
    y: Callable[[Array], Array]
    t1: float
    f_y: Callable[[Array, Array], Array] | None = None
    f_t: Callable[[Array, Array], Array] | None = None

    def plain(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """contracts.Rhs that knows no derivative."""
        return self.f(column(t, y), y)

    @property
    def rhs(self) -> Any:
        """contracts.Rhs, with the derivatives by state and by time where they are known."""
        return self.plain if self.f_y is None or self.f_t is None else Differentiated(self.f, self.f_y, self.f_t)

    @property
    def y0(self) -> Array:
        """y(0) as one row (1, state)."""
        return self.y(np.zeros(1))

    def later(self, by: float) -> Exact:
        """The same problem on a clock that shows `by` where it showed 0."""
        f_y, f_t = self.f_y, self.f_t
        return replace(
            self,
            f=lambda t, y: self.f(t - by, y),
            y=lambda t: self.y(t - by),
            f_y=None if f_y is None else lambda t, y: f_y(t - by, y),
            f_t=None if f_t is None else lambda t, y: f_t(t - by, y),
        )


@dataclass(frozen=True)
class Differentiated:
    """A right-hand side with the two derivatives that implicit methods look for by name."""

    f: Callable[[Array, Array], Array]
    f_y: Callable[[Array, Array], Array]
    f_t: Callable[[Array, Array], Array]

    def __call__(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """f (line, state)."""
        return self.f(column(t, y), y)

    def state_jacobian(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """∂f/∂y (line, state, state)."""
        return self.f_y(column(t, y), y)

    def slope_in_time(self, t: Array, y: Array, row: Array, middle: Array) -> Array:
        """∂f/∂t (line, state)."""
        return self.f_t(column(t, y), y)


def column(t: Array, y: Array) -> Array:
    """Times (line, 1) in the precision of y."""
    return t[:, None].astype(y.real.dtype)


def square(rows: list[list[Array]]) -> Array:
    """A Jacobian (line, state, state) from its entries, each (line, 1)."""
    return np.stack([np.concatenate(np.broadcast_arrays(*row), axis=1) for row in rows], axis=1)


def side_by_side(*entries: Array) -> Array:
    """States (line, state) from entries (line, 1)."""
    return np.concatenate(np.broadcast_arrays(*entries), axis=1)


def _coupled(t: Array, y: Array) -> Array:
    """The terms in brackets vanish on the solution but not beside it."""
    u, v = y[:, :1], y[:, 1:]
    du = u * np.cos(t) + (v * (1 + t**2) - 1) * (1 + u)
    dv = -2 * t * v**2 + 0.5 * (u * np.exp(-np.sin(t)) - 1) * v
    return side_by_side(du, dv)


def _coupled_y(t: Array, y: Array) -> Array:
    u, v, e = y[:, :1], y[:, 1:], np.exp(-np.sin(t))
    return square(
        [
            [np.cos(t) + v * (1 + t**2) - 1, (1 + t**2) * (1 + u)],
            [0.5 * e * v, -4 * t * v + 0.5 * (u * e - 1)],
        ]
    )


def _coupled_t(t: Array, y: Array) -> Array:
    u, v, e = y[:, :1], y[:, 1:], np.exp(-np.sin(t))
    return side_by_side(-u * np.sin(t) + 2 * t * v * (1 + u), -2 * v**2 - 0.5 * u * np.cos(t) * e * v)


def _turning(t: Array, y: Array) -> Array:
    """Turns at a rate that depends on time and on the radius, which is 1 on the solution."""
    u, v = y[:, :1], y[:, 1:]
    rate = (1 + 0.5 * np.cos(t)) * (u**2 + v**2)
    return side_by_side(-v * rate, u * rate)


def _turning_y(t: Array, y: Array) -> Array:
    u, v, a = y[:, :1], y[:, 1:], 1 + 0.5 * np.cos(t)
    rate = a * (u**2 + v**2)
    return square([[-2 * a * u * v, -rate - 2 * a * v**2], [rate + 2 * a * u**2, 2 * a * u * v]])


def _turning_t(t: Array, y: Array) -> Array:
    u, v = y[:, :1], y[:, 1:]
    change = -0.5 * np.sin(t) * (u**2 + v**2)
    return side_by_side(-v * change, u * change)


def _pair(t: Array, y: Array) -> Array:
    """The terms in brackets vanish on the solution but not beside it."""
    u, v = y[:, :1], y[:, 1:]
    du = np.cos(t) * u * (1 + 0.5 * (v**2 + np.cos(t) ** 2 - 1))
    dv = np.cos(t) - 0.5 * (u * np.exp(-np.sin(t)) - 1)
    return side_by_side(du, dv)


def _pair_y(t: Array, y: Array) -> Array:
    u, v, c = y[:, :1], y[:, 1:], np.cos(t)
    return square([[c * (1 + 0.5 * (v**2 + c**2 - 1)), c * u * v], [-0.5 * np.exp(-np.sin(t)), 0 * u]])


def _pair_t(t: Array, y: Array) -> Array:
    u, v, c, s = y[:, :1], y[:, 1:], np.cos(t), np.sin(t)
    du = -s * u * (1 + 0.5 * (v**2 + c**2 - 1)) - c**2 * s * u
    return side_by_side(du, -s + 0.5 * u * c * np.exp(-s))


def _spring(t: Array, y: Array) -> Array:
    """A hardening spring, pulled so that u = sin t."""
    u, v = y[:, :1], y[:, 1:]
    return side_by_side(v, -u - 0.6 * (u**3 - np.sin(t) ** 3))


def _spring_y(t: Array, y: Array) -> Array:
    u, o = y[:, :1], 0 * y[:, :1]
    return square([[o, 1 + o], [-1 - 1.8 * u**2, o]])


def _spring_t(t: Array, y: Array) -> Array:
    return side_by_side(0 * y[:, :1], 1.8 * np.sin(t) ** 2 * np.cos(t))


def _followed(t: Array, y: Array) -> Array:
    """The last term vanishes on the solution but not beside it."""
    return 2 * np.cos(2 * t) + 0.5 * np.sin(y - np.sin(2 * t))


def _followed_t(t: Array, y: Array) -> Array:
    return -4 * np.sin(2 * t) - np.cos(y - np.sin(2 * t)) * np.cos(2 * t)


def _angle(t: Array) -> Array:
    return t + 0.5 * np.sin(t)


RATIONAL = Exact(
    "dy/dt = −2 t y²",
    lambda t, y: -2 * t * y**2,
    lambda t: 1 / (1 + t[:, None] ** 2),
    2.0,
    lambda t, y: (-4 * t * y)[:, :, None],
    lambda t, y: -2 * y**2,
)
COUPLED = Exact(
    "u = exp(sin t), v = 1/(1 + t²)",
    _coupled,
    lambda t: np.stack([np.exp(np.sin(t)), 1 / (1 + t**2)], axis=1),
    1.5,
    _coupled_y,
    _coupled_t,
)
DECAY = Exact(
    "dy/dt = −y",
    lambda t, y: -y,
    lambda t: np.exp(-t)[:, None],
    2.0,
    lambda t, y: -np.ones_like(y)[:, :, None],
    lambda t, y: 0 * y,
)
TURNING = Exact(
    "a turning vector",
    _turning,
    lambda t: np.stack([np.cos(_angle(t)), np.sin(_angle(t))], axis=1),
    10.0,
    _turning_y,
    _turning_t,
)
PAIR = Exact(
    "u = exp(sin t), v = sin t",
    _pair,
    lambda t: np.stack([np.exp(np.sin(t)), np.sin(t)], axis=1),
    10.0,
    _pair_y,
    _pair_t,
)
SPRING = Exact("a spring", _spring, lambda t: np.stack([np.sin(t), np.cos(t)], axis=1), 10.0, _spring_y, _spring_t)
FOLLOWED = Exact(
    "u = sin 2t",
    _followed,
    lambda t: np.sin(2 * t)[:, None],
    10.0,
    lambda t, y: 0.5 * np.cos(y - np.sin(2 * t))[:, :, None],
    _followed_t,
)
SHORT = (RATIONAL, COUPLED)
LONG = (SPRING, FOLLOWED)
"""Entire functions over several periods: errors are asymptotic from 1e-4 down, unlike near poles.

On them the leading term of an efficient pair such as vern7, small on purpose, is the largest; on TURNING, PAIR not.
"""
