"""Whether a fit is stuck: the trajectory misses what smooth curves through the same data do not."""

from __future__ import annotations

import numpy as np

from ..errors.numerics import NoFiniteSolution
from ..model import Model, Selection
from .curve import curve_at
from .stretches import Stretches

LITTLE = 0.02
"""Share of the squares that a constant leaves, below which a fit is not called stuck."""
TIMES = 4.0
"""How many times the squares by which curves miss values that they have not seen a stuck fit leaves at least."""


def stuck(model: Model, selection: Selection, x: np.ndarray) -> bool:
    """The trajectories at x leave over 2 % of what a constant leaves, and four times what smoothing curves do.

    A curve through every other time is held against the times between, so that few values are not called noise-free.
    Curves end and begin at events, and values of stretches with too few of them for curves do not count. Stuck is also
    what has no finite solution; nothing is where all are too few.
    """
    misfit, values, sd = model.misfit, selection.values, selection.sd
    trial = model.trial(x, selection)
    curves = _curves(model, selection)
    values = np.where(np.isfinite(curves), values, np.nan)
    if not np.isfinite(values).any():
        return False
    try:
        weights = trial.weights()
        own = _squares(misfit.residuals(values, trial.predicted, weights, sd))
    except NoFiniteSolution:
        return True
    constant_left = _squares(misfit.residuals(values, constant(values), weights, sd))
    curve_left = _squares(misfit.residuals(values, curves, weights, sd))
    return own > LITTLE * constant_left and own > TIMES * curve_left


def constant(values: np.ndarray) -> np.ndarray:
    """The mean of each channel in place of its values (observation, channel), 0 where nothing was observed."""
    mean = np.nansum(values, axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1)
    return np.broadcast_to(mean, values.shape)


def _squares(r: np.ndarray) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(r @ r)


def _curves(model: Model, selection: Selection) -> np.ndarray:
    """What curves say of the observations that they have not seen (observation, channel), NaN without any."""
    found = np.full(selection.values.shape, np.nan)
    data = model.data
    t = data.t[selection.index]
    stretch = Stretches(model).of(t, data.trajectory_of[selection.index])
    for i in np.unique(stretch):
        inside = stretch == i
        for channel in range(data.n_channels):
            values = selection.values[inside, channel]
            if not np.isfinite(values).any():
                continue
            logarithmic = model.problem.noise.get(data.channels[channel]) == "lognormal"
            curve = _crossed(t[inside], values, logarithmic)
            if curve is not None:
                found[inside, channel] = curve
    return found


def _crossed(t: np.ndarray, values: np.ndarray, logarithmic: bool) -> np.ndarray | None:
    """Curves through the even times at the odd ones and the other way round (observation,); None for too few."""
    found = np.full(len(t), np.nan)
    seen = np.isfinite(values)
    turn = np.zeros(len(t), dtype=int)
    turn[seen] = np.unique(t[seen], return_inverse=True)[1] % 2
    for each in (0, 1):
        own, others = seen & (turn == each), seen & (turn != each)
        curve = curve_at(t[others], values[others], t[own], logarithmic)
        if curve is None:
            return None
        found[own] = curve
    return found
