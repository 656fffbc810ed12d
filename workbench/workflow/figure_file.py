"""Figures that the workflow itself draws, written to a file."""

from __future__ import annotations

from math import ceil, floor, log10
from pathlib import Path
from typing import Any

from ..errors.usage import UsageError
from .written import written

BLUE, ORANGE, BLACK, GREY = "#0072B2", "#D55E00", "#222222", "#9a9a9a"
SUFFIXES = (".png", ".svg", ".pdf")


def require_suffix(path: Path) -> None:
    """Raises UsageError for a file whose name does not say in which format."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} ends in none of {', '.join(SUFFIXES)}", help="--plot figure.png")


def saved(figure: Any, path: Path) -> Path:
    """The path, after writing the figure there; its folder is made. Raises NotWritable."""
    undated = {"Date": None} if path.suffix.lower() == ".svg" else {}
    return written(path, lambda file: figure.savefig(file, dpi=150, metadata=undated), "--plot")


def plain_logarithms(axis: Any) -> None:
    """Label a logarithmic axis in plain text, for the style reads no mathematics; on a short one twos and fives too."""
    from matplotlib.ticker import FuncFormatter

    def minor(value: float, _: int) -> str:
        low, high = map(log10, axis.get_view_interval())
        return f"{value:g}" if floor(high) <= ceil(low) and f"{value:e}"[0] in "25" else ""

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(minor))


def legend(figure: Any) -> None:
    """One legend under all panels, of what is labelled in any of them; as wide as the figure allows."""
    found: dict[str, Any] = {}
    for panel in figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = [label for label in found if label and not label.startswith("_")]
    if labels:
        across = max(1, min(len(labels), int(figure.get_figwidth() / 1.7)))
        figure.legend([found[label] for label in labels], labels, loc="outside lower center", ncols=across)
