"""What plots need and observations do not give: the free run between them, and the field around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..diagnose.scoring import finite
from ..model import Model, Selection
from .units import state_units

POINTS = 400  # of a curve
ARROWS = 20  # along each side of a field
TRAJECTORIES = 12  # that are drawn


def pictures(model: Model, x: np.ndarray) -> dict[str, Any]:
    """`curve`: the dense free run of the first trajectories; `field`: dy/dt over the plane of the first two states.

    `curve` holds row_size, t, observed, states and the units of these; the time of an event is there twice, with the
    states before and after it. `field` holds states, x, y, dx, dy (y, x) and `fixed`, the values of time and of the
    other states where it was taken; it is None with fewer than two states.
    """
    rows = np.arange(min(model.data.n_trajectories, TRAJECTORIES))
    ends = np.array([model.data.t[model.data.rows(int(i))][-1] for i in rows])
    ts = np.linspace(model.t0[rows], ends, POINTS, axis=1)
    ts = np.where(ends[:, None] > model.t0[rows][:, None], ts, np.nan)
    ts[:, 0] = model.t0[rows]
    ts, ys = _solved(model, x, rows, ts)
    return {"curve": _curve(model, x, rows, ts, ys), "field": _field(model, x, rows, ts, ys)}


def _solved(model: Model, x: np.ndarray, rows: np.ndarray, ts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and states; the time of an event stands there twice, with the states before and after it."""
    if not model.events:
        return ts, model.solve(x, rows, ts).ys
    chain = model.trial(x, Selection.at(rows, ts, model.data.n_channels)).chain
    assert chain is not None, "there are events"
    curves = []
    for row, (t, y) in enumerate(zip(ts, chain.trajectory.ys, strict=True)):
        own = [event for event in chain.happenings if event.row == row]
        jumps = np.array([state for event in own for state in (event.before, event.after)]).reshape(-1, y.shape[1])
        t, y = np.append(t, np.repeat([event.t for event in own], 2)), np.concatenate([y, jumps])
        order = np.argsort(t, kind="stable")  # what was asked for at the time of an event is the state before it
        curves.append(np.column_stack([t, y])[order])
    width = max(map(len, curves))
    joined = np.array([np.pad(c, ((0, width - len(c)), (0, 0)), constant_values=np.nan) for c in curves])
    return joined[:, :, 0], joined[:, :, 1:]


def _curve(model: Model, x: np.ndarray, rows: np.ndarray, ts: np.ndarray, ys: np.ndarray) -> dict[str, Any]:
    real = np.isfinite(ts)
    numbers = np.repeat(rows, ts.shape[1])[real.ravel()]
    flat = ys[real]
    with np.errstate(all="ignore"):
        observed = model.observe(x, ts[real], flat, numbers)
    return {
        "row_size": real.sum(axis=1).tolist(),
        "t": ts[real].tolist(),
        "observed": {name: list(map(finite, observed[:, i])) for i, name in enumerate(model.data.channels)},
        "states": {name: list(map(finite, flat[:, i])) for i, name in enumerate(model.field.states)},
        "units": state_units(model),
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
    grids = [[list(map(finite, line)) for line in dy[:, i].reshape(across.shape)] for i in (0, 1)]
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
