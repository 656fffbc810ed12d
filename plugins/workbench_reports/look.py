"""How figures of runs look: colours that all readers can tell apart, headings, ticks and legends."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from workbench.axes import STYLE

# Okabe & Ito (2008), Color Universal Design: distinct under every common colour blindness.
MODEL, ALTERNATE, OBSERVED, HELD_OUT, VALIDATION = "#0072B2", "#D55E00", "#222222", "#E69F00", "#CC79A7"
FIELD, RULE = "#9a9a9a", "#b0b0b0"


def blank(width: float, height: float) -> Any:
    """An empty figure, in inches, that lays itself out; no window, no global state of pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def heading(figure: Any, title: str, note: str = "") -> None:
    """The title of the figure and, under it, what has to be known to read it."""
    letters = int(figure.get_figwidth() * 72 / (0.55 * STYLE["figure.titlesize"]))  # a letter is so wide on average
    lines = [line for text in (title, note) for line in wrap(text, letters)]
    figure.suptitle("\n".join(lines), fontsize=STYLE["figure.titlesize"])


def round_ticks(axis: Any, most: int) -> None:
    """At most so many ticks, at whole steps of 1, 2 or 5: years are not halved into 1902.5."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10]))


def logarithmic(axis: Any, low: float, high: float) -> None:
    """A logarithmic axis for values in [low, high], labelled in plain text: names may hold dollar signs, so the style
    reads no mathematics. Twos and fives are labelled too where there are few powers of ten.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    few = high < 40 * low
    axis.axes.set_yscale("log")
    axis.set_major_formatter(plain)
    axis.set_minor_locator(LogLocator(subs=(2, 5) if few else tuple(range(2, 10)), numticks=100))
    axis.set_minor_formatter(plain if few else NullFormatter())


def legend(figure: Any, axes: Any, order: tuple[str, ...] = ()) -> None:
    """One legend under all panels, from whatever is labelled in any of them, those in `order` first."""
    found: dict[str, Any] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = sorted(found, key=lambda label: order.index(label) if label in order else len(order))
    if not labels:
        return
    columns = len(labels) if len(labels) <= (4 if figure.get_figwidth() < 8 else 6) else -(-len(labels) // 2)
    made = figure.legend([found[label] for label in labels], labels, loc="outside lower center", ncols=columns)
    for handle in made.legend_handles:
        if hasattr(handle, "set_markersize"):  # faint dots of crowded panels are made plain here
            handle.set_markersize(max(4, handle.get_markersize()))
            handle.set_alpha(1)
