"""What a trial reaches at every observation, however early its solve ended."""

from __future__ import annotations

import numpy as np

from ..model import Trial


def reached(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """States and predictions at every observation; NaN from where a trajectory's solve ended."""
    selection, model = trial.selection, trial.model
    states = trial.trajectory.ys[selection.row, selection.column]
    times, numbers = selection.ts[selection.row, selection.column], selection.rows[selection.row]
    prediction = np.full((len(selection), model.data.n_channels), np.nan)
    there = np.isfinite(states).all(axis=1)
    with np.errstate(all="ignore"):
        prediction[there] = model.observe(trial.x, times[there], states[there], numbers[there])
    prediction[~np.isfinite(prediction)] = np.nan
    return states, prediction
