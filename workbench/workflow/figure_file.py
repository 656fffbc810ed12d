"""Figures that the workflow itself draws, written to a file."""

from __future__ import annotations

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
