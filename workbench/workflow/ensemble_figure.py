"""A figure of an ensemble: what was observed, every member's curve, their mean and the band of their spread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..axes import STYLE, make_room, with_unit
from ..dataset import TEST
from ..errors.usage import UsageError
from .ensembles import joined
from .figure_file import BLACK, BLUE, GREY, legend, require_suffix, saved

if TYPE_CHECKING:
    from ..runs import Record, Run
    from .ensembles import Ensemble

POINTS, TRAJECTORIES, CHANNELS = 300, 4, 6


def draw(ensemble: Ensemble, path: Path, level: float = 0.95) -> Path:
    """The file, with a line of panels for each channel; raises UsageError for another suffix, NotWritable, SolveFailed.

    The first trajectories and channels are drawn, over the time that they have in common.
    """
    import matplotlib as mpl

    require_suffix(path)
    if len(ensemble.members) < 2:
        raise UsageError(f"one member of the ensemble of {ensemble.of} counts, and makes no spread", help="-n 5")
    with mpl.rc_context(STYLE):
        return saved(figure_of(ensemble, level), path)


def figure_of(ensemble: Ensemble, level: float) -> Any:
    """The figure itself, of matplotlib. Raises SolveFailed."""
    from matplotlib.figure import Figure

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
        panels[c, 0].set_ylabel(with_unit(data.channels[c], data.units.get(data.channels[c])))
        for i in range(columns):
            panel = panels[c, i]
            for prediction in predictions:
                panel.plot(prediction.ts[i], prediction.observed[i, :, c], color=GREY, lw=0.7, label="members")
            band = f"{100 * level:g} % of further members"
            panel.fill_between(ts, lower[i, :, c], upper[i, :, c], color=BLUE, alpha=0.18, lw=0, label=band)
            panel.plot(ts, mean[i, :, c], color=BLUE, lw=1.5, label="mean")
            _observations(panel, ensemble.members[0].run, i, c)
    for i in range(columns):
        panels[-1, i].set_xlabel(with_unit(data.time, data.units.get(data.time)))
        panels[0, i].set_title(str(data.trajectories[i]) if columns > 1 else "")
    legend(figure)
    make_room(figure)
    return figure


def _observations(panel: Any, run: Record | Run, trajectory: int, channel: int) -> None:
    """Dots, filled where the fit saw them."""
    data, rows = run.dataset, run.dataset.rows(trajectory)
    held = np.asarray(run.part)[rows] == TEST
    for marks, face, label in ((~held, BLACK, "observed"), (held, "none", "held out")):
        if marks.any():
            t, y = data.t[rows][marks], data.values[rows, channel][marks]
            panel.plot(t, y, "o", mec=BLACK, mfc=face, ms=3, label=label)
