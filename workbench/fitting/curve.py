"""Smooth curves through the observations: their values and slopes are what gradient matching compares f with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import Dataset


@dataclass(frozen=True)
class Collocation:
    """Points on the curves: times, values and slopes, and the trajectory of each (point,), (point, channel)."""

    t: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    trajectory: np.ndarray


def collocate(data: Dataset, wanted: np.ndarray, logarithmic: np.ndarray, smooth: bool) -> Collocation:
    """Cubic splines through the wanted observations (observation,), read at their times and half way between.

    `smooth`: the smoothing, or beyond DENSE times the number of knots, is chosen by generalised cross-validation
    (Craven & Wahba 1979), which sees through noise but can take few points of an oscillation for noise altogether; else
    the spline interpolates. `logarithmic`
    (channel,) channels are joined as logarithms. A trajectory with fewer than three times is left out.
    """
    parts = []
    numbers = data.trajectory_of[wanted]
    t, values = data.t[wanted], data.values[wanted]
    for i in np.unique(numbers):
        inside = numbers == i
        times = np.unique(t[inside])
        if len(times) < 3:
            continue
        at = np.sort(np.concatenate([times, (times[1:] + times[:-1]) / 2]))
        curves = [
            _curve(t[inside], values[inside, channel], at, bool(logarithmic[channel]), smooth)
            for channel in range(data.n_channels)
        ]
        if any(curve is None for curve in curves):
            continue
        y = np.column_stack([curve[0] for curve in curves if curve])
        dy = np.column_stack([curve[1] for curve in curves if curve])
        parts.append((at, y, dy, np.full(len(at), i)))
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
    from scipy.interpolate import make_interp_spline, make_smoothing_spline

    if len(t) < 5 or not smooth:
        return make_interp_spline(t, y, k=min(3, len(t) - 1))
    # unit length and size, so that SciPy's search for the smoothing starts near it
    width, size = t[-1] - t[0], np.ptp(y) or 1.0
    at, heights = (t - t[0]) / width, (y - y[0]) / size
    unit = (
        make_smoothing_spline(at, heights, w=counts.astype(float))
        if len(t) <= DENSE
        else _regression_spline(at, heights, counts)
    )
    return _Rescaled(unit, t[0], width, y[0], size)


DENSE = 1000
"""Times beyond which a spline has fewer knots than times: smoothing splines of that many are ill-conditioned."""


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


class _Rescaled:
    """A spline in unit time and size, seen in physical ones."""

    def __init__(self, spline, t0: float, width: float, y0: float, size: float) -> None:  # type: ignore[no-untyped-def]
        self._spline, self._t0, self._width, self._y0, self._size = spline, t0, width, y0, size

    def __call__(self, t: np.ndarray) -> np.ndarray:
        return self._y0 + self._size * self._spline((t - self._t0) / self._width)

    def derivative(self) -> _Rescaled:
        """The slope in physical units."""
        return _Rescaled(self._spline.derivative(), self._t0, self._width, 0.0, self._size / self._width)
