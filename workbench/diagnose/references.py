"""Baselines: what a forecast without a model achieves, scored exactly as a model is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import TEST, TRAIN, VALIDATION, Dataset
from .linear_ode import fit_linear_ode
from .parts import given_values
from .scoring import metrics


def baselines(data: Dataset, part: np.ndarray, samples: int = 1, curve: bool = False) -> dict[str, dict[str, Any]]:
    """Scores (the keys of `metrics`) of the references that every model should beat.

    - `mean`: each channel's mean over what may be seen, everywhere;
    - `persistence`: the value that was seen last, repeated; where a part begins with its trajectory (training, held-out
      trajectories) that is the first value;
    - `linear`: y' = A y + b (with inputs: + B u), fitted to what may be seen and simulated freely from the first
      observation of each trajectory (see `fit_linear_ode`);
    - of a `curve`, where what comes first starts nothing, `mean` and `line`: a straight line in t by least squares.

    What may be seen is the training part for the scores on train and validation, and training and validation together
    for the holdout, because the choice of a model has seen both. A held-out trajectory gives its first `samples`
    values.
    """
    given = given_values(data, part, samples)
    inside, before = part == TRAIN, part != TEST
    if not np.any(part == VALIDATION):
        before = inside
    predictors = {"mean": _mean, "persistence": _persistence, "linear": _linear}
    if curve:
        predictors = {"mean": _mean, "line": _line}
    found: dict[str, dict[str, Any]] = {}
    for name, predict in predictors.items():
        early = metrics(data, part, predict(data, inside, given), samples=samples)
        if np.any(part == TEST) and before is not inside:
            early["holdout"] = metrics(data, part, predict(data, before, given), samples=samples)["holdout"]
        found[name] = early
    return found


def _mean(data: Dataset, seen: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The mean of each channel over the rows `seen` (observation,), everywhere (observation, channel)."""
    level = np.full(data.values.shape[1], np.nan)
    for channel, column in enumerate(data.values[seen].T):
        observed = column[~np.isnan(column)]
        if observed.size:
            level[channel] = observed.mean()
    return np.broadcast_to(level, data.values.shape)


def _line(data: Dataset, seen: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The straight line in t through each channel over the rows `seen`, everywhere; its mean where t does not vary."""
    found = _mean(data, seen, given).copy()
    for channel, column in enumerate(data.values.T):
        inside = seen & ~np.isnan(column)
        away = data.t - data.t[inside].mean() if inside.any() else data.t
        size = float(np.sum(away[inside] ** 2))
        if size > 0:
            found[:, channel] += away * float(away[inside] @ column[inside]) / size
    return found


def _persistence(data: Dataset, seen: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The first value of each trajectory over the rows `seen`, the last one seen or given after them."""
    n = len(data.values)
    known = ~np.isnan(data.values) & (seen[:, None] | given)
    number = np.arange(n)[:, None]
    first = np.minimum.reduceat(np.where(known, number, n), data.starts, axis=0)  # (trajectory, channel) row numbers
    last = np.maximum.reduceat(np.where(known, number, -1), data.starts, axis=0)
    padded = np.vstack([data.values, np.full(data.n_channels, np.nan)])  # row n, and row −1, is "never seen"
    chosen = np.where(seen[:, None], first[data.trajectory_of], last[data.trajectory_of])
    prediction: np.ndarray = np.take_along_axis(padded, chosen % (n + 1), axis=0)
    return prediction


def _linear(data: Dataset, seen: np.ndarray, given: np.ndarray) -> np.ndarray:
    """A linear ODE fitted to the rows `seen`, simulated from the first observation of each trajectory."""
    return fit_linear_ode(data, seen, given).prediction
