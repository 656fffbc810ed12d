"""A figure of an ensemble: what was observed, every member's curve, their mean and the band of their spread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dataset import TEST
from ..errors.usage import UsageError
from .ensembles import joined
from .figure_file import BLACK, BLUE, GREY, require_suffix, saved

if TYPE_CHECKING:
    from .ensembles import Ensemble
    from .predicting import Prediction

POINTS, TRAJECTORIES, CHANNELS = 300, 4, 6


def draw(ensemble: Ensemble, path: Path, level: float = 0.95) -> Path:
    """The file, with a line of panels for each channel; raises UsageError for another suffix, NotWritable, SolveFailed.

    The first trajectories and channels are drawn, over the time that they have in common.
    """
    from matplotlib.figure import Figure

    require_suffix(path)
    if len(ensemble.members) < 2:
        raise UsageError(f"one member of the ensemble of {ensemble.of} counts, and makes no spread", help="-n 5")
    data = ensemble.members[0].run.dataset
    first, last = (
        float(data.t[data.starts].max()),
        float(min(data.t[data.rows(i)][-1] for i in range(len(data.starts)))),
    )
    ts = np.linspace(first, last, POINTS)
    predictions = [member.predict(ts) for member in ensemble.members]
    mean, (lower, upper) = joined(list(ensemble.members), predictions, level, "curve")
    columns, lines = min(data.n_trajectories, TRAJECTORIES), min(data.n_channels, CHANNELS)
    figure = Figure(figsize=(max(2.8 * columns, 6.4), 2.2 * lines + 0.8), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False)
    for c in range(lines):
        for i in range(columns):
            panel, rows = panels[c, i], data.rows(i)
            _members(panel, predictions, i, c)
            panel.fill_between(
                ts, lower[i, :, c], upper[i, :, c], color=BLUE, alpha=0.18, lw=0, label=f"{100 * level:g} %"
            )
            panel.plot(ts, mean[i, :, c], color=BLUE, lw=1.5, label="mean")
            held = np.asarray(ensemble.members[0].run.part)[rows] == TEST
            for marks, face, label in ((~held, BLACK, "observed"), (held, "none", "held out")):
                panel.plot(
                    data.t[rows][marks], data.values[rows, c][marks], "o", mec=BLACK, mfc=face, ms=3, label=label
                )
            panel.set_ylabel(data.channels[c] if i == 0 else "")
            panel.set_xlabel(data.time if c == lines - 1 else "")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    shown = dict(zip(labels, handles, strict=True))
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=len(shown), frameon=False, fontsize=8)
    return saved(figure, path)


def _members(panel: Any, predictions: list[Prediction], i: int, c: int) -> None:
    for prediction in predictions:
        panel.plot(prediction.ts[i], prediction.observed[i, :, c], color=GREY, lw=0.7, label="members")
