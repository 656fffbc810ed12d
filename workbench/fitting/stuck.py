"""Whether a fit is stuck: the trajectory misses what smooth curves through the same data do not."""

from __future__ import annotations

import numpy as np

from ..errors.numerics import NoFiniteSolution
from ..model import Model, Selection
from .curve import curve_at

LITTLE = 0.02
"""Share of the squares that a constant leaves, below which a fit is not called stuck."""
TIMES = 4.0
"""How many times the squares that curves leave a stuck fit leaves at least."""


def stuck(model: Model, selection: Selection, x: np.ndarray) -> bool:
    """The trajectories at x leave over 2 % of what a constant leaves, and four times what smoothing curves leave.

    Also where they have no finite solution; never where there are too few values for curves.
    """
    misfit, values = model.misfit, selection.values
    trial = model.trial(x, selection)
    curves = _curves(model, selection)
    if curves is None:
        return False
    try:
        weights = trial.weights()
        own = _squares(misfit.residuals(values, trial.predicted, weights))
    except NoFiniteSolution:
        return True
    seen = np.isfinite(values)
    constant = np.broadcast_to(np.where(seen.any(axis=0), np.nanmean(values, axis=0), 0.0), values.shape)
    constant_left = _squares(misfit.residuals(values, constant, weights))
    curve_left = _squares(misfit.residuals(values, curves, weights))
    return own > LITTLE * constant_left and own > TIMES * curve_left


def _squares(r: np.ndarray) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(r @ r)


def _curves(model: Model, selection: Selection) -> np.ndarray | None:
    """A smoothing curve's value at each observation (observation, channel), NaN where nothing was observed."""
    found = np.full(selection.values.shape, np.nan)
    data = model.data
    t, trajectory = data.t[selection.index], data.trajectory_of[selection.index]
    for i in selection.rows:
        inside = trajectory == i
        for channel in range(data.n_channels):
            values = selection.values[inside, channel]
            if not np.isfinite(values).any():
                continue
            logarithmic = model.problem.noise.get(data.channels[channel]) == "lognormal"
            curve = curve_at(t[inside], values, t[inside], logarithmic)
            if curve is None:
                return None
            found[inside, channel] = curve
    return found
