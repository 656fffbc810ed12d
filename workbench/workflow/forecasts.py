"""Forecasts a few observations ahead, each from an observation of all states."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .. import diagnose
from ..contracts import SolveOptions
from ..diagnose.steps_ahead import STEPS
from ..fitting.defect import measured
from ..model import Model

STARTS = 2000
"""Observations from which forecasts start, evenly chosen where there are more."""
PATIENCE = 20.0
"""Seconds that they may take together."""


def forecasts(model: Model, x: np.ndarray, part: np.ndarray) -> dict[str, Any]:
    """Scores by k (see `diagnose.steps_ahead`) under `steps`; None with the `reason` where none can be made."""
    if not model.field.states:
        return {"steps": None, "reason": "a curve has no states to start from"}
    if model.events:
        return {"steps": None, "reason": "events happen between observations"}
    channel = measured(model)
    hidden = [name for name, seen in zip(model.field.states, channel, strict=True) if seen < 0]
    if hidden:
        return {"steps": None, "reason": f"{', '.join(hidden)} is not observed, so no observation is a start"}
    starts = _starts(model, channel)
    if not len(starts):
        return {"steps": None, "reason": "no observation has all states and another one after it"}
    predictions = _predictions(model, x, starts, channel)
    if predictions is None:
        return {"steps": None, "reason": f"it took more than {PATIENCE:g} s"}
    return {"steps": diagnose.steps_ahead(model.data, part, predictions), "reason": None}


def _starts(model: Model, channel: np.ndarray) -> np.ndarray:
    """Observations (start,) of every state, with a later one in their trajectory."""
    data = model.data
    row = data.trajectory_of
    whole = np.isfinite(data.values[:, channel]).all(axis=1)
    followed = np.zeros(len(data.t), dtype=bool)
    followed[:-1] = (row[1:] == row[:-1]) & (data.t[1:] > data.t[:-1])
    found = np.flatnonzero(whole & followed)
    return found if len(found) <= STARTS else found[np.linspace(0, len(found) - 1, STARTS).astype(int)]


def _predictions(model: Model, x: np.ndarray, starts: np.ndarray, channel: np.ndarray) -> dict[int, np.ndarray] | None:
    """{k: (observation, channel)} from the starts; None where time ran out."""
    data, last = model.data, max(STEPS)
    row = data.trajectory_of
    target = np.minimum(starts[:, None] + np.arange(1, last + 1), len(data.t) - 1)  # (start, k)
    ts = np.where(row[target] == row[starts][:, None], data.t[target], np.nan)
    h = np.diff(np.column_stack([data.t[starts], ts]), axis=1)
    ts[np.logical_or.accumulate(~(h > 0), axis=1)] = np.nan  # a stretch ends with its trajectory, or at a repeated time
    numbers = row[starts]
    options = SolveOptions(breaks=model.breaks(np.unique(numbers)), deadline=time.monotonic() + PATIENCE)
    with np.errstate(all="ignore"):
        solved = model.solver.solve(model.rhs(x, numbers), data.values[starts][:, channel], data.t[starts], ts, options)
    if "time_out" in solved.status:
        return None
    found = {}
    for k in STEPS:
        asked = np.isfinite(ts[:, k - 1])
        with np.errstate(all="ignore"):
            mu = model.observe(x, ts[asked, k - 1], solved.ys[asked, k - 1], numbers[asked])
        found[k] = np.full(data.values.shape, np.nan)
        found[k][target[asked, k - 1]] = np.where(np.isfinite(mu), mu, np.inf)
    return found
