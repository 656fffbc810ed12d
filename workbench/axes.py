"""How figures look, and axes that can be read: names with their units, tick labels that leave room between them."""

from __future__ import annotations

from typing import Any

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8.5,
    "figure.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-3, 5),
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "svg.hashsalt": "workbench",  # equal findings give equal files
    "svg.fonttype": "none",  # text stays text: searchable, and small
    "text.usetex": False,
    "text.parse_math": False,  # a name may hold a dollar sign
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
}
"""Of every figure, for matplotlib's `rc_context`."""

FEWER = (6, 5, 4, 3, 2, 1)
"""How many steps an axis is divided into at most, tried until its labels fit."""


def with_unit(name: str, unit: str | None) -> str:
    """A name with its unit in brackets, where one is known and the name is not the unit itself.

    >>> with_unit("hare", "thousand pelts"), with_unit("year", "year"), with_unit("x", "")
    ('hare [thousand pelts]', 'year', 'x')
    """
    return f"{name} [{unit}]" if unit and unit not in ("–", name) else name


def make_room(figure: Any) -> None:
    """Give axes whose tick labels overlap fewer ticks, at whole steps of 1, 2 or 5; `figure` is matplotlib's.

    The text is measured, at the size that the layout of the figure comes to. A logarithmic axis loses the labels
    between its powers of ten.
    """
    from matplotlib.ticker import MaxNLocator, NullFormatter

    figure.draw_without_rendering()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            if axis.get_scale() == "log":
                if crowded(axis):
                    axis.set_minor_formatter(NullFormatter())
                continue
            for most in FEWER:
                if not crowded(axis):
                    break
                axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10]))


def crowded(axis: Any) -> bool:
    """Whether tick labels of an axis that has been laid out touch each other."""
    axis.get_majorticklabels()  # brings all ticks up to date
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    shown = [tick.label1 for tick in ticks if low - room <= tick.get_loc() <= high + room]
    boxes = [label.get_window_extent().padded(1) for label in shown if label.get_visible() and label.get_text()]
    return any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[k + 1 :])
