"""The period of an oscillation, from the times at which a curve crosses its mean."""

from __future__ import annotations

import numpy as np

STEADY = 0.05
"""Standard deviation of the intervals between crossings, as a share of their mean, up to which there is one period."""


def period(t: np.ndarray, y: np.ndarray) -> float | None:
    """The mean time between upward crossings of its middle level by one of the curves y (time, state).

    The level is the mean of the curve's second half; crossings are placed by straight lines, so that t (time,) should
    have fifty points a period or more. Of the states with three crossings or more, the one with the fewest decides (one
    with two humps a period crosses twice). None where no state has three, or where its intervals differ by more than
    5 % (standard deviation over mean): chaos, or a transient.

    >>> t = np.linspace(0, 20, 2001)
    >>> period(t, np.sin(2 * t)[:, None]).__round__(4)
    3.1416
    """
    crossings = [times for times in (_crossings(t, column) for column in y.T) if len(times) >= 3]
    if not crossings:
        return None
    intervals = np.diff(min(crossings, key=len))
    return float(np.mean(intervals)) if np.std(intervals) <= STEADY * np.mean(intervals) else None


def _crossings(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Times at which y rises through its mean (crossing,); () for a curve that is not finite, or flat."""
    if not np.isfinite(y).all() or not np.ptp(y) > 0:
        return np.zeros(0)
    z = y - y[len(y) // 2 :].mean()
    up = np.flatnonzero((z[:-1] < 0) & (z[1:] >= 0))
    times: np.ndarray = t[up] - z[up] * (t[up + 1] - t[up]) / (z[up + 1] - z[up])
    return times
