"""Writing a file, with the system's refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors.store import NotWritable


def written(path: Path, write: Callable[[Path], Any], option: str = "-o") -> Path:
    """The path, after `write(path)`; its folder is made. Raises NotWritable, which names the option, where refused."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as refusal:
        message = f"{path} cannot be written: {refusal.strerror or refusal}"
        raise NotWritable(message, help=f"name another place with {option}") from refusal
    return path
