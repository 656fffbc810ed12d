"""Roots of many functions at once, each between two points where it has different signs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MOST = 200  # bisection alone needs no more than 64 for the whole range of float64 about a root


def locate(
    g: Callable[[np.ndarray, np.ndarray], np.ndarray],
    start: np.ndarray,
    stop: np.ndarray,
    g_start: np.ndarray,
    g_stop: np.ndarray,
    tolerance: np.ndarray,
) -> np.ndarray:
    """x (line,) with g = 0 to within `tolerance` (line,), or g exactly 0, for g(line numbers, x) -> values.

    Inverse quadratic interpolation where it can be trusted, else bisection: Chandrupatla (1997), Advances in
    Engineering Software 28, 145–149; the value of x with the smaller |g| is given back.

    >>> round(float(locate(lambda line, x: x**2 - 2, *np.array([[1.0], [2.0], [-1.0], [2.0], [1e-15]]))[0]), 14)
    1.4142135623731
    """
    a, b, c = stop.astype(float), start.astype(float), stop.astype(float)
    ga, gb, gc = (np.array(values, dtype=float) for values in (g_stop, g_start, g_stop))
    share = np.full(len(a), 0.5)
    best = np.where(np.abs(ga) < np.abs(gb), a, b)
    going = np.flatnonzero((ga != 0) & (gb != 0) & (np.abs(b - a) > 2 * tolerance))
    for _ in range(MOST):
        if not len(going):
            break
        i = going
        x = a[i] + share[i] * (b[i] - a[i])
        gx = g(i, x)
        same = np.sign(gx) == np.sign(ga[i])
        c[i], gc[i] = np.where(same, a[i], b[i]), np.where(same, ga[i], gb[i])
        b[i], gb[i] = np.where(same, b[i], a[i]), np.where(same, gb[i], ga[i])
        a[i], ga[i] = x, gx
        best[i] = np.where(np.abs(gx) < np.abs(gb[i]), x, b[i])
        width = np.abs(b[i] - a[i])
        share[i] = _share(a[i], b[i], c[i], ga[i], gb[i], gc[i], tolerance[i] / np.maximum(width, 1e-300))
        going = i[(gx != 0) & (width > 2 * tolerance[i])]
    return best


def _share(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, ga: np.ndarray, gb: np.ndarray, gc: np.ndarray, least: np.ndarray
) -> np.ndarray:
    """How far from a to b to look next, at least `least` from either."""
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (ga - gb) / (gc - gb)
        trusted = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        inverse = ga / (gb - ga) * gc / (gb - gc) + (c - a) / (b - a) * ga / (gc - ga) * gb / (gc - gb)
    share = np.where(trusted & np.isfinite(inverse), inverse, 0.5)
    return np.clip(share, np.minimum(least, 0.5), np.maximum(1 - least, 0.5))
