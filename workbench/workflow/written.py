"""Writing a file, with the system's refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors.store import NotWritable


def written(path: Path, write: Callable[[Path], Any]) -> Path:
    """The path, after `write(path)`; its folder is made. Raises NotWritable where the system refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as refusal:
        raise NotWritable(
            f"{path} cannot be written: {refusal.strerror or refusal}", help="name another place"
        ) from refusal
    return path
