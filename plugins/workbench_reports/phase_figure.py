"""The phase portrait: trajectories in the plane of two states, over the fitted field."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from workbench.errors.data import NothingToPlot

from .look import ALTERNATE, FIELD, MODEL, OBSERVED, blank, heading, legend
from .stretches import Curve, between_jumps, rate_label, split_time, state_curve, state_label

MOST_PLANES, MOST_TRAJECTORIES = 3, 12


def phase_figure(run: Any, title: str) -> Any:
    """One plane of two states (three planes of the first three), or the rate against the state where there is one.

    The field is drawn where the run stores it: diagnostics["field"] = {"states": [a, b], "x": (column,), "y": (line,),
    "dx": (line, column), "dy": (line, column), "fixed": {other state or time: value}}. Raises NothingToPlot (D060) for
    a run without a prediction.
    """
    curves = _curves(run)
    if not curves:
        raise NothingToPlot("the run holds no prediction yet", help="workbench fit --resume RUN")
    names = curves[0][0]
    if len(names) == 1:
        return _rate_against_state(run, title, curves)
    planes = list(combinations(range(min(len(names), 3)), 2))[:MOST_PLANES]
    field = run.diagnostics.get("field")
    if field and set(field["states"]) <= set(names):
        planes = [(names.index(field["states"][0]), names.index(field["states"][1]))]
    figure = blank(5.6 if len(planes) == 1 else 3.9 * len(planes), 5.4 if len(planes) == 1 else 4.6)
    axes = figure.subplots(1, len(planes), squeeze=False)[0]
    for panel, (i, j) in zip(axes, planes, strict=True):
        _plane(panel, run, curves, i, j)
        if field:
            _arrows(panel, field)
    heading(figure, title, _note(field))
    legend(figure, axes, ("observed", "start", "model", "model, held out"))
    return figure


def _curves(run: Any) -> list[tuple[tuple[str, ...], Curve, float]]:
    """Names, curve and split time of the trajectories that are drawn."""
    found = []
    for trajectory in range(min(run.dataset.n_trajectories, MOST_TRAJECTORIES)):
        states = state_curve(run, trajectory)
        if states is not None:
            rows = run.dataset.rows(trajectory)
            found.append((*states, split_time(run.dataset.t[rows], run.part[rows])))
    return found


def _plane(panel: Any, run: Any, curves: list[tuple[tuple[str, ...], Curve, float]], i: int, j: int) -> None:
    """All trajectories in the plane of states i and j, with the observations where the states are observed."""
    names = curves[0][0]
    data = run.dataset
    if names[i] in data.channels and names[j] in data.channels:
        x, y = (data.values[:, data.channels.index(names[k])] for k in (i, j))
        crowded = len(x) > 1000
        panel.plot(
            x,
            y,
            "o",
            color=OBSERVED,
            ms=2 if crowded else 3.6,
            mew=0,
            alpha=0.3 if crowded else 0.8,
            label="observed",
            zorder=2,
            rasterized=crowded,
        )
    for curve, split in ((between_jumps(curve), split) for _, curve, split in curves):
        x, y = curve.values[:, i], curve.values[:, j]
        before = curve.t <= split
        panel.plot(np.where(before, x, np.nan), np.where(before, y, np.nan), color=MODEL, label="model", zorder=3)
        if not before.all():
            after = ~before
            after[:-1] |= after[1:]  # from the last time before the split on, so that the line does not break
            panel.plot(
                np.where(after, x, np.nan),
                np.where(after, y, np.nan),
                color=ALTERNATE,
                ls=(0, (4, 1.5)),
                label="model, held out",
                zorder=4,
            )
        panel.plot(x[0], y[0], "s", color=MODEL, ms=5.5, mfc="white", mew=1.4, label="start", zorder=5)
    panel.set_xlabel(state_label(run, names[i]))
    panel.set_ylabel(state_label(run, names[j]))
    panel.margins(0.06)


def _arrows(panel: Any, field: Any) -> None:
    """The direction of the field, all arrows of one length: its size spans too many decades to be drawn."""
    x, y = np.array(field["x"], dtype=float), np.array(field["y"], dtype=float)
    dx, dy = np.array(field["dx"], dtype=float), np.array(field["dy"], dtype=float)
    limits = panel.get_xlim(), panel.get_ylim()
    wide, high = (np.ptp(axis) or 1.0 for axis in (x, y))
    across, up = dx / wide, dy / high  # as they look on the page
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.hypot(across, up)
        across, up = across / size, up / size
    panel.quiver(
        *np.meshgrid(x, y),
        across,
        up,
        color=FIELD,
        pivot="mid",
        angles="uv",
        scale=38,
        width=0.0028,
        headwidth=4,
        headlength=4.5,
        headaxislength=4,
        zorder=1,
    )
    panel.plot([], [], color=FIELD, marker=">", ls="-", lw=1, ms=4, label="direction of the fitted field")
    panel.set_xlim(min(limits[0][0], x.min()), max(limits[0][1], x.max()))
    panel.set_ylim(min(limits[1][0], y.min()), max(limits[1][1], y.max()))


def _note(field: Any) -> str:
    """What has to be known to read the field."""
    if not field:
        return "the run stores no vector field; curves only"
    fixed = ", ".join(f"{name} = {value:.4g}" for name, value in (field.get("fixed") or {}).items())
    return f"field at {fixed}" if fixed else ""


def _stretches(t: np.ndarray, dense: bool) -> list[np.ndarray]:
    """The points between jumps, which share a time in a dense curve; without one, all that do not share a time."""
    rising = np.append(True, np.diff(t) > 0)
    pieces = np.split(np.arange(len(t)), np.flatnonzero(~rising)) if dense else [np.flatnonzero(rising)]
    return [piece for piece in pieces if len(piece) > 1]


def _rate_against_state(run: Any, title: str, curves: list[tuple[tuple[str, ...], Curve, float]]) -> Any:
    """For a single state: its rate of change along the fitted curve against it."""
    figure = blank(5.6, 4.4)
    panel = figure.subplots()
    name = curves[0][0][0]
    for _, curve, _ in curves:
        finite = np.isfinite(curve.values[:, 0])
        t, y = curve.t[finite], curve.values[finite, 0]
        for stretch in _stretches(t, curve.dense):
            panel.plot(y[stretch], np.gradient(y[stretch], t[stretch]), color=MODEL, label="model")
    panel.axhline(0, color=FIELD, lw=0.8, zorder=0)
    panel.set_xlabel(state_label(run, name))
    panel.set_ylabel(rate_label(run, name))
    heading(figure, title, "slope of the fitted curve against its value")
    return figure
