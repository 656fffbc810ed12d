"""Smooth curves through the observations: their values and slopes are what gradient matching compares f with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import Dataset
from .smoothing import Smoothing

MANY = 250  # times of a trajectory beyond which points half way between them say nothing new
DENSE = 1000  # and beyond which a spline has fewer knots than times: its ends need not be straight
EXACT = 0.05  # share of the degrees of freedom left to noise, below which the data are taken to have none


@dataclass(frozen=True)
class Collocation:
    """Points on the curves: times, values and slopes, and the trajectory of each (point,), (point, channel)."""

    t: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    trajectory: np.ndarray


def collocate(
    data: Dataset, wanted: np.ndarray, logarithmic: np.ndarray, smooth: bool, stretch: np.ndarray | None = None
) -> Collocation:
    """Cubic splines through the wanted observations (observation,), read at their times and half way between.

    One for each `stretch` (observation,) of a trajectory, by default the whole. Where times are many they are read at
    those alone. `smooth`: the smoothing, or beyond DENSE times the number of knots, is chosen by generalised
    cross-validation (Craven & Wahba 1979), which sees through noise but can take few points of an oscillation for noise
    altogether; else, and where it finds no noise, the spline interpolates.
    `logarithmic` (channel,) channels are joined as logarithms. A stretch with fewer than three times is left out.
    """
    parts = []
    numbers = (data.trajectory_of if stretch is None else stretch)[wanted]
    t, values = data.t[wanted], data.values[wanted]
    for i in np.unique(numbers):
        inside = numbers == i
        times = np.unique(t[inside])
        if len(times) < 3:
            continue
        at = times if len(times) > MANY else np.sort(np.concatenate([times, (times[1:] + times[:-1]) / 2]))
        curves = [
            _curve(t[inside], values[inside, channel], at, bool(logarithmic[channel]), smooth)
            for channel in range(data.n_channels)
        ]
        if any(curve is None for curve in curves):
            continue
        y = np.column_stack([curve[0] for curve in curves if curve])
        dy = np.column_stack([curve[1] for curve in curves if curve])
        parts.append((at, y, dy, np.full(len(at), data.trajectory_of[wanted][inside][0])))
    if not parts:
        none = np.zeros((0, data.n_channels))
        return Collocation(np.zeros(0), none, none, np.zeros(0, dtype=int))
    return Collocation(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _curve(
    t: np.ndarray, y: np.ndarray, at: np.ndarray, logarithmic: bool, smooth: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    """Values and slopes of one channel's curve at `at`; None where it has too few values."""
    seen = np.isfinite(y) & (y > 0 if logarithmic else True)
    if seen.sum() < 3:
        return None
    times, where = np.unique(t[seen], return_inverse=True)
    counts = np.bincount(where)
    means = np.bincount(where, weights=np.log(y[seen]) if logarithmic else y[seen]) / counts
    if len(times) < 3:
        return None
    spline = _spline(times, means, counts, smooth)
    value, slope = spline(at), spline.derivative()(at)
    return (np.exp(value), np.exp(value) * slope) if logarithmic else (value, slope)


def _spline(t: np.ndarray, y: np.ndarray, counts: np.ndarray, smooth: bool):  # type: ignore[no-untyped-def]  # a SciPy spline
    from scipy.interpolate import CubicSpline, make_interp_spline

    if len(t) < 5 or not smooth:
        return make_interp_spline(t, y, k=min(3, len(t) - 1))
    if len(t) > DENSE:
        return _regression_spline(t, y, counts)
    smoothing = Smoothing(t, y, counts.astype(float))
    strength = smoothing.best()
    if smoothing.freedom_left(strength) < EXACT * len(t):
        return make_interp_spline(t, y, k=3)  # whose ends are not straight
    return CubicSpline(t, smoothing.values(strength), bc_type="natural")


def _regression_spline(t: np.ndarray, y: np.ndarray, counts: np.ndarray):  # type: ignore[no-untyped-def]  # a SciPy spline
    """The cubic least-squares spline whose number of knots, at quantiles of the times, has the least GCV score."""
    from scipy.interpolate import make_lsq_spline

    weights, best, least, worse = np.sqrt(counts), None, np.inf, 0
    for pieces in np.unique(np.geomspace(4, len(t) / 3, 16).astype(int)):
        inner = t[np.linspace(0, len(t) - 1, pieces + 1).astype(int)[1:-1]]
        spline = make_lsq_spline(t, y, np.concatenate([[t[0]] * 4, inner, [t[-1]] * 4]), w=weights)
        free = pieces + 3
        score = float(np.sum((weights * (y - spline(t))) ** 2)) / (1 - free / len(t)) ** 2
        worse = 0 if score < least else worse + 1
        if not worse:
            best, least = spline, score
        if worse > 3:
            break
    return best


def curve_at(t: np.ndarray, values: np.ndarray, at: np.ndarray, logarithmic: bool = False) -> np.ndarray | None:
    """A smoothing curve through the finite values (observation,) at times t, read at `at`; None for fewer than three.

    Where smoothing takes more than half of the values' spread for noise, the curve interpolates.
    """
    seen = np.isfinite(values)
    if not seen.any():
        return None
    both = np.concatenate([t, np.clip(at, t[seen].min(), t[seen].max())])
    found = _curve(t, values, both, logarithmic, smooth=True)
    if found is not None and np.std((values - found[0][: len(t)])[seen]) > 0.5 * np.std(values[seen]):
        found = _curve(t, values, both, logarithmic, smooth=False)
    return None if found is None else found[0][len(t) :]
