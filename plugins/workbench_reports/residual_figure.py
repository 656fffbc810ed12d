"""The residuals: against time, their distribution, and against the normal distribution's quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors.data import NothingToPlot

from .look import ALTERNATE, MODEL, RULE, VALIDATION, blank, heading, legend, round_ticks
from .origin import with_unit
from .stretches import TEST, TRAIN
from .stretches import VALIDATION as VALIDATED

MOST_CHANNELS = 6


def residual_figure(run: Any, title: str) -> Any:
    """A line of three panels a channel: over time, histogram and QQ plot of the training part.

    The residuals are those that the loss works on where the run holds them, else observed − predicted. Raises
    NothingToPlot (D060) for a run with neither.
    """
    residual, label = _residuals(run)
    data, n = run.dataset, min(run.dataset.n_channels, MOST_CHANNELS)
    figure = blank(9.2, 2.5 * n + 0.9)
    axes = figure.subplots(n, 3, squeeze=False, width_ratios=[3, 1.15, 1.5])
    for channel, (over_time, histogram, quantiles) in enumerate(axes):
        r = residual[:, channel]
        trained = r[(run.part == TRAIN) & np.isfinite(r)]
        spread = float(np.sqrt(np.mean(trained**2))) if trained.size else 0.0
        _over_time(over_time, run, r, spread)
        name = data.channels[channel]
        over_time.set_ylabel(f"{name}\n{with_unit(data, name, label)}")
        _histogram(histogram, trained, spread, over_time.get_ylim())
        _quantiles(quantiles, trained, spread)
    axes[-1, 0].set_xlabel(with_unit(data, data.time))
    axes[-1, 1].set_xlabel("training values")
    axes[-1, 2].set_xlabel("normal quantile")
    heading(figure, title, f"first {n} of {data.n_channels} channels" if data.n_channels > n else "")
    legend(figure, axes.ravel())
    return figure


def _residuals(run: Any) -> tuple[np.ndarray, str]:
    """The residuals (observation, channel) and what they are."""
    if run.residual is not None:
        return run.residual, "residual"
    if run.prediction is not None:
        return run.dataset.values - run.prediction, "observed − model"
    raise NothingToPlot("the run holds no residuals yet", help="workbench fit --resume RUN")


def _over_time(panel: Any, run: Any, r: np.ndarray, spread: float) -> None:
    """Residuals of every part against time, with ± 2 root mean squares of training."""
    panel.axhline(0, color=RULE, lw=0.9, zorder=0)
    for end in (-2, 2):
        panel.axhline(
            end * spread,
            color=RULE,
            lw=0.9,
            ls=(0, (5, 3)),
            zorder=0,
            label="± 2 rms of training" if end == 2 else None,
        )
    round_ticks(panel.xaxis, 6)
    marks = (
        (TRAIN, MODEL, "o", "train"),
        (VALIDATED, VALIDATION, "^", "validation"),
        (TEST, ALTERNATE, "D", "held out"),
    )
    crowded = len(r) > 400
    for mark, colour, shape, label in marks:
        here = (run.part == mark) & np.isfinite(r)
        if here.any():
            panel.plot(
                run.dataset.t[here],
                r[here],
                shape,
                color=colour,
                ms=2 if crowded else 3.8,
                mew=0,
                alpha=0.5 if crowded else 1,
                label=label,
                rasterized=crowded,
            )


def _histogram(panel: Any, r: np.ndarray, spread: float, limits: tuple[float, float]) -> None:
    """Training residuals on the scale of the panel beside, with the normal density of their root mean square."""
    panel.set_ylim(limits)
    panel.tick_params(labelleft=False)
    if r.size < 2 or not spread > 0:
        return
    bins = np.linspace(r.min(), r.max(), min(40, max(5, int(np.ceil(np.sqrt(r.size))))) + 1)
    panel.hist(r, bins=bins, orientation="horizontal", color=MODEL, alpha=0.55, lw=0)
    at = np.linspace(*limits, 200)
    density = np.exp(-0.5 * (at / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    panel.plot(density * r.size * (bins[1] - bins[0]), at, color=ALTERNATE, lw=1.2, label="normal, mean 0")


def _quantiles(panel: Any, r: np.ndarray, spread: float) -> None:
    """Sorted training residuals, in root mean squares, against normal quantiles at (i − 3/8)/(n + 1/4) (Blom 1958)."""
    from scipy.special import ndtri

    if r.size < 2 or not spread > 0:
        panel.text(0.5, 0.5, "too few values", ha="center", va="center", transform=panel.transAxes)
        return
    normal = ndtri((np.arange(1, r.size + 1) - 0.375) / (r.size + 0.25))
    reach = np.array([normal[0], normal[-1]])
    panel.plot(reach, reach, color=ALTERNATE, lw=1.2, label="normal, mean 0")
    panel.plot(
        normal, np.sort(r) / spread, "o", color=MODEL, ms=2.5 if r.size > 200 else 3.6, mew=0, rasterized=r.size > 2000
    )
    panel.set_ylabel("residual / rms")
