"""Points in the plane to be learned: two moons, two circles, a pinwheel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Generator = np.random.Generator


def moons(n: int, rng: Generator) -> np.ndarray:
    """Two half circles of radius 1.2 that reach into each other, with noise of .12: (point, 2)."""
    angle, lower = np.pi * rng.random(n), rng.random(n) < 0.5
    x = np.where(lower, 1.0 - np.cos(angle), np.cos(angle)) - 0.5
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle)) - 0.25
    return 1.2 * np.column_stack([x, y]) + rng.normal(0.0, 0.12, (n, 2))


def circles(n: int, rng: Generator) -> np.ndarray:
    """Two circles of radius .8 and 1.8, with noise of .1: (point, 2)."""
    angle, radius = 2.0 * np.pi * rng.random(n), np.where(rng.random(n) < 0.5, 0.8, 1.8)
    return radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0.0, 0.1, (n, 2))


def pinwheel(n: int, rng: Generator) -> np.ndarray:
    """Five arms, each a narrow normal distribution that is turned the more the farther out it is: (point, 2)."""
    along, across = 1.2 + 0.4 * rng.standard_normal(n), 0.1 * rng.standard_normal(n)
    turn = 2.0 * np.pi * rng.integers(0, 5, n) / 5 + 0.25 * np.exp(along)
    return np.column_stack([along * np.cos(turn) - across * np.sin(turn), along * np.sin(turn) + across * np.cos(turn)])


POINTS: dict[str, Callable[[int, Generator], np.ndarray]] = {
    "two moons": moons,
    "two circles": circles,
    "pinwheel": pinwheel,
}
