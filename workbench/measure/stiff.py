"""Stiff problems with known smooth solutions, whose rate can be raised without changing the solution."""

from __future__ import annotations

import numpy as np

from .exact import Exact, side_by_side, square

Array = np.ndarray

RATES = (1e3, 1e4, 1e5, 1e6)


def prothero_robinson(rate: float) -> Exact:
    """dy/dt = −rate (y − cos t) − sin t with y = cos t (Prothero & Robinson 1974, Math. Comp. 28, 145–162)."""
    return Exact(
        f"Prothero–Robinson at rate {rate:.0e}",
        lambda t, y: -rate * (y - np.cos(t)) - np.sin(t),
        lambda t: np.cos(t)[:, None],
        2.0,
        lambda t, y: np.full((*y.shape, 1), -rate, y.dtype),
        lambda t, y: -rate * np.sin(t) - np.cos(t) + 0 * y,
    )


def kaps(rate: float) -> Exact:
    """u' = −(rate + 2) u + rate v², v' = u − v − v² with u = exp(−2t), v = exp(−t), whatever the rate.

    Kaps (1981), Rosenbrock-type methods, in Dahlquist & Jeltsch (eds.), Numerical Methods for Stiff Initial Value
    Problems, RWTH Aachen.
    """

    def f(t: Array, y: Array) -> Array:
        u, v = y[:, :1], y[:, 1:]
        return side_by_side(-(rate + 2) * u + rate * v**2, u - v - v**2)

    def f_y(t: Array, y: Array) -> Array:
        v = y[:, 1:]
        one = np.ones_like(v)
        return square([[-(rate + 2) * one, 2 * rate * v], [one, -1 - 2 * v]])

    return Exact(
        f"Kaps's problem at rate {rate:.0e}",
        f,
        lambda t: np.stack([np.exp(-2 * t), np.exp(-t)], axis=1),
        2.0,
        f_y,
        lambda t, y: 0 * y,
    )
