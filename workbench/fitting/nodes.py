"""Where the nodes of multiple shooting start: on curves through what is measured, else on the solution."""

from __future__ import annotations

import numpy as np

from ..model import Model
from .curve import curve_at
from .defect import measured
from .stretches import Stretches
from .windows import Windows


def starting_nodes(model: Model, windows: Windows, wanted: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The state at the beginning of each window (window, state), and the size of each state (state,)."""
    channel = measured(model)
    nodes = _solved(model, windows, x)
    y0 = model.initial(x)[0][windows.trajectory]
    nodes = np.where(np.isfinite(nodes), nodes, y0)
    stretches, data = Stretches(model), model.data
    begun, numbers = stretches.of(windows.t, windows.trajectory), stretches.of(data.t, data.trajectory_of)
    for i in np.unique(begun):
        inside, own = begun == i, wanted & (numbers == i)
        for state in np.flatnonzero(channel >= 0):
            curve = curve_at(data.t[own], data.values[own, channel[state]], windows.t[inside])
            if curve is not None:
                nodes[inside, state] = curve
    size = np.std(nodes, axis=0)
    for state in np.flatnonzero(channel >= 0):
        size[state] = np.nanstd(data.values[wanted, channel[state]])
    largest = np.max(np.abs(nodes), axis=0)
    size = np.where(size > 1e-6 * largest, size, np.where(largest > 0, largest, 1.0))
    return nodes, np.where(np.isfinite(size) & (size > 0), size, 1.0)


def _solved(model: Model, windows: Windows, x: np.ndarray) -> np.ndarray:
    """The solution at x where the windows begin (window, state), NaN where it has none."""
    rows = np.unique(windows.trajectory)
    counts = np.array([(windows.trajectory == i).sum() for i in rows])
    ts = np.full((len(rows), int(counts.max())), np.nan)
    for k, i in enumerate(rows):
        ts[k, : counts[k]] = windows.t[windows.trajectory == i]
    with np.errstate(all="ignore"):
        ys = model.solve(x, rows, ts).ys
    return np.concatenate([ys[k, : counts[k]] for k in range(len(rows))])
