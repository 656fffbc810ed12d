"""What plots need and observations do not give: the free run between them, and the field around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..model import Model

POINTS = 400  # of a curve
ARROWS = 20  # along each side of a field
TRAJECTORIES = 12  # that are drawn


def pictures(model: Model, x: np.ndarray) -> dict[str, Any]:
    """`curve`: the dense free run of the first trajectories; `field`: dy/dt over the plane of the first two states.

    `curve` holds row_size, t, observed and states; `field` holds states, x, y, dx, dy (y, x) and `fixed`, the values of
    time and of the other states where it was taken; it is None with fewer than two states.
    """
    rows = np.arange(min(model.data.n_trajectories, TRAJECTORIES))
    ends = np.array([model.data.t[model.data.rows(int(i))][-1] for i in rows])
    ts = np.linspace(model.t0[rows], ends, POINTS, axis=1)
    ts = np.where(ends[:, None] > model.t0[rows][:, None], ts, np.nan)
    ts[:, 0] = model.t0[rows]
    ys = model.solve(x, rows, ts).ys
    return {"curve": _curve(model, x, rows, ts, ys), "field": _field(model, x, rows, ts, ys)}


def _curve(model: Model, x: np.ndarray, rows: np.ndarray, ts: np.ndarray, ys: np.ndarray) -> dict[str, Any]:
    real = np.isfinite(ts)
    numbers = np.repeat(rows, ts.shape[1])[real.ravel()]
    flat = ys[real]
    with np.errstate(all="ignore"):
        observed = model.observe(x, ts[real], flat, numbers)
    return {
        "row_size": real.sum(axis=1).tolist(),
        "t": ts[real].tolist(),
        "observed": {name: _numbers(observed[:, i]) for i, name in enumerate(model.data.channels)},
        "states": {name: _numbers(flat[:, i]) for i, name in enumerate(model.field.states)},
    }


def _field(model: Model, x: np.ndarray, rows: np.ndarray, ts: np.ndarray, ys: np.ndarray) -> dict[str, Any] | None:
    states = model.field.states
    inside = ys[np.isfinite(ys).all(axis=2) & np.isfinite(ts)]
    if len(states) < 2 or not len(inside):
        return None
    sides = [_side(inside[:, i]) for i in (0, 1)]
    across, up = np.meshgrid(*sides)
    y = np.tile(np.median(inside, axis=0), (across.size, 1))
    y[:, 0], y[:, 1] = across.ravel(), up.ravel()
    t = np.full(len(y), ts[0, 0])
    with np.errstate(all="ignore"):
        dy = model.rhs(x, rows)(t, y, np.zeros(len(y), dtype=int), t)
    fixed = {name: float(y[0, i]) for i, name in enumerate(states) if i > 1}
    grids = [[_numbers(line) for line in dy[:, i].reshape(across.shape)] for i in (0, 1)]
    return {
        "states": list(states[:2]),
        "x": sides[0].tolist(),
        "y": sides[1].tolist(),
        "dx": grids[0],
        "dy": grids[1],
        "fixed": {**fixed, "t": float(ts[0, 0])},
    }


def _side(values: np.ndarray) -> np.ndarray:
    """Points along one axis, a tenth beyond what the curves reach."""
    low, high = float(values.min()), float(values.max())
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, ARROWS)


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
