"""The fit: observations and the fitted curve against time, the held-out part shaded."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from workbench.errors.data import NothingToPlot

from .look import HELD_OUT, MODEL, OBSERVED, VALIDATION, blank, heading, legend, round_ticks
from .origin import with_unit
from .stretches import TEST, observed_curve, spans
from .stretches import VALIDATION as VALIDATED

MOST_TRAJECTORIES, MOST_CHANNELS, ABREAST = 12, 6, 4
BAND = "95 % of new observations"
CROWDED = 300
"""Observations of a panel from which they are drawn as small, faint dots."""


def fit_figure(run: Any, title: str) -> Any:
    """A panel a channel, one below the other; several trajectories stand side by side, up to 12.

    Raises NothingToPlot (D060) for a run without a prediction.
    """
    if observed_curve(run, 0) is None:
        raise NothingToPlot("the run holds no prediction yet", help="workbench fit --resume RUN")
    data = run.dataset
    n_trajectories, n_channels = min(data.n_trajectories, MOST_TRAJECTORIES), min(data.n_channels, MOST_CHANNELS)
    columns = min(n_trajectories, ABREAST)
    lines = ceil(n_trajectories / columns)
    width = 7.2 if columns == 1 else 2.6 * columns + 0.6
    figure = blank(width, max(3.4, (2.3 if columns == 1 else 2.0) * lines * n_channels + 0.9))
    axes = figure.subplots(lines * n_channels, columns, squeeze=False, sharex=False)
    for channel in range(n_channels):
        block = axes[channel * lines : (channel + 1) * lines].ravel()
        for trajectory, panel in enumerate(block):
            if trajectory >= n_trajectories:
                panel.set_axis_off()
                continue
            _panel(panel, run, trajectory, channel)
            if columns > 1:
                panel.set_title(str(data.trajectories[trajectory]))
            if trajectory % columns == 0:
                panel.set_ylabel(with_unit(data, data.channels[channel]))
        _share_height(block[:n_trajectories])
    for panel in axes[-1] if lines == 1 else [panel for panel in axes.ravel() if _is_lowest(axes, panel)]:
        panel.set_xlabel(with_unit(data, data.time))
    heading(figure, title, _left_out(run))
    legend(figure, axes.ravel(), ("observed", "model", "model at the observed times", BAND, "held out"))
    return figure


def _panel(panel: Any, run: Any, trajectory: int, channel: int) -> None:
    """One channel of one trajectory."""
    data, rows = run.dataset, run.dataset.rows(trajectory)
    t, y = data.t[rows], data.values[rows, channel]
    _shade(panel, t, run.part[rows])
    crowded = len(t) > CROWDED
    panel.plot(
        t,
        y,
        "o",
        color=OBSERVED,
        markersize=2 if crowded else 3.6,
        alpha=0.35 if crowded else 0.9,
        mew=0,
        label="observed",
        rasterized=crowded,
        zorder=2,
    )
    if run.lower is not None and run.upper is not None:
        lower, upper = run.lower[rows, channel], run.upper[rows, channel]
        panel.fill_between(t, lower, upper, color=MODEL, alpha=0.18, lw=0, label=BAND, zorder=1)
    curve = observed_curve(run, trajectory)
    if curve is not None:
        label = "model" if curve.dense else "model at the observed times"
        panel.plot(curve.t, curve.values[:, channel], color=MODEL, label=label, zorder=3)
    model = [curve.values[:, channel]] if curve is not None else []
    bands = [band[rows, channel] for band in (run.lower, run.upper) if band is not None]
    _keep_to_the_data(panel, y, np.concatenate([*model, *bands]) if model or bands else y)
    round_ticks(panel.xaxis, 6)


def _shade(panel: Any, t: np.ndarray, part: np.ndarray) -> None:
    """The held-out part in orange, the validation part in a light purple."""
    for mark, colour, label in ((TEST, HELD_OUT, "held out"), (VALIDATED, VALIDATION, "validation")):
        for first, last in spans(t, part, mark):
            panel.axvspan(first, last, color=colour, alpha=0.18 if mark == TEST else 0.13, lw=0, label=label, zorder=0)


def _keep_to_the_data(panel: Any, y: np.ndarray, f: np.ndarray) -> None:
    """Height from the data, and from the model as far as twice beyond it: a blow-up must not flatten the rest."""
    observed = y[np.isfinite(y)]
    if not observed.size:
        return
    low, high = float(observed.min()), float(observed.max())
    room = (high - low) or abs(high) or 1.0
    near = np.append(f[np.isfinite(f) & (f > low - 2 * room) & (f < high + 2 * room)], [low, high])
    low, high = float(near.min()), float(near.max())
    panel.set_ylim(low - 0.06 * (high - low or room), high + 0.06 * (high - low or room))


def _share_height(panels: Any) -> None:
    """One scale for a channel in all its trajectories."""
    ends = np.array([panel.get_ylim() for panel in panels])
    for panel in panels:
        panel.set_ylim(ends[:, 0].min(), ends[:, 1].max())


def _is_lowest(axes: Any, panel: Any) -> bool:
    """Whether no panel is drawn right below this one."""
    row, column = (int(i[0]) for i in np.nonzero(axes == panel))
    return bool(panel.axison and (row + 1 == len(axes) or not axes[row + 1, column].axison))


def _left_out(run: Any) -> str:
    """What of the data the figure does not show."""
    data, said = run.dataset, []
    if data.n_trajectories > MOST_TRAJECTORIES:
        said.append(f"first {MOST_TRAJECTORIES} of {data.n_trajectories} trajectories")
    if data.n_channels > MOST_CHANNELS:
        said.append(f"first {MOST_CHANNELS} of {data.n_channels} channels")
    return "; ".join(said)
