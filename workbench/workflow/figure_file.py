"""Figures that the workflow itself draws, written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors.store import NotWritable
from ..errors.usage import UsageError

BLUE, ORANGE, BLACK, GREY = "#0072B2", "#D55E00", "#222222", "#9a9a9a"
SUFFIXES = (".png", ".svg", ".pdf")


def require_suffix(path: Path) -> None:
    """Raises UsageError for a file whose name does not say in which format."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} ends in none of {', '.join(SUFFIXES)}", help="--plot figure.png")


def saved(figure: Any, path: Path) -> Path:
    """The path, after writing the figure there; its folder is made. Raises NotWritable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        undated = {"Date": None} if path.suffix.lower() == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=undated)
    except OSError as refusal:
        message = f"{path} cannot be written: {refusal.strerror or refusal}"
        raise NotWritable(message, help="name another place with --plot") from refusal
    return path
