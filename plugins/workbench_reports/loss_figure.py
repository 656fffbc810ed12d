"""The loss history: one panel a rung, since each rung lowers an objective of its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from workbench.errors.data import NothingToPlot

from .look import ALTERNATE, MODEL, RULE, blank, heading, legend, logarithmic
from .ticks import flat_range

MOST_RUNGS = 4


def loss_figure(run: Any, title: str) -> Any:
    """Loss and validation loss against the step, rung by rung; marks where something went wrong and was mended.

    Raises NothingToPlot (D060) for a run without a history.
    """
    loss = _column(run, "loss")
    if loss is None or not loss.size:
        raise NothingToPlot("the run holds no history of its loss", help="workbench fit --resume RUN")
    rungs = _rungs(run, len(loss))
    widths = [max(0.5, (last - first) / len(loss)) for first, last, _ in rungs]
    figure = blank(max(6.4, 3.2 * len(rungs)), 3.9)
    axes = figure.subplots(1, len(rungs), squeeze=False, width_ratios=widths)[0]
    number = _column(run, "number")
    number = np.arange(len(loss), dtype=float) if number is None else number
    for panel, (first, last, name) in zip(axes, rungs, strict=True):
        _panel(panel, run, number, loss, slice(first, last))
        panel.set_title(name)
        panel.set_xlabel("step")
        panel.locator_params(axis="x", integer=True, nbins=5)
    axes[0].set_ylabel("objective")
    heading(figure, title)
    legend(figure, axes)
    return figure


def _panel(panel: Any, run: Any, number: np.ndarray, loss: np.ndarray, here: slice) -> None:
    """One rung; logarithmic where every loss in it is positive."""
    validation = _column(run, "validation")
    shown = [loss[here]] + ([validation[here]] if validation is not None else [])
    finite = np.concatenate(shown)
    finite = finite[np.isfinite(finite)]
    few = len(loss[here]) < 40
    panel.plot(number[here], loss[here], color=MODEL, marker="o" if few else "", ms=3, label="training")
    if validation is not None and np.isfinite(validation[here]).any():
        there = np.isfinite(validation[here])
        panel.plot(
            number[here][there],
            validation[here][there],
            color=ALTERNATE,
            ls=(0, (4, 1.5)),
            marker="^" if few else "",
            ms=3,
            label="validation",
        )
    if finite.size and finite.min() > 0 and finite.max() > 5 * finite.min():
        logarithmic(panel.yaxis, finite.min(), finite.max())
    elif (flat := flat_range(finite)) is not None:
        panel.set_ylim(flat)
    _events(panel, run, number, here)


def _events(panel: Any, run: Any, number: np.ndarray, here: slice) -> None:
    """A vertical line wherever the history tells of an event; its words are in the run."""
    events = run.history.get("event")
    if events is None:
        return
    for at, event in zip(number[here], np.asarray(events)[here], strict=True):
        if event not in ("", b""):
            panel.axvline(at, color=RULE, lw=1, ls=":", zorder=0, label="event (see the run)")


def _rungs(run: Any, n: int) -> list[tuple[int, int, str]]:
    """First and last step of each rung, with its name; one panel for all where there are too many."""
    names = run.history.get("rung")
    if names is None:
        return [(0, n, "")]
    words = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    edges = [0, *(i for i in range(1, n) if words[i] != words[i - 1]), n]
    rungs = [(first, last, words[first]) for first, last in pairwise(edges)]
    return rungs if len(rungs) <= MOST_RUNGS else [(0, n, f"{len(rungs)} rungs")]


def _column(run: Any, name: str) -> np.ndarray | None:
    """A column of the history as numbers, NaN where there is none."""
    column = run.history.get(name)
    return None if column is None else np.array([np.nan if v is None else v for v in column], dtype=float)
