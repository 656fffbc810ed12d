"""Text files that the workflow writes."""

from __future__ import annotations

from pathlib import Path

from ..errors.store import NotWritable


def written(path: Path, text: str) -> Path:
    """The path, after writing the text there; its folder is made. Raises NotWritable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as refusal:
        message = f"{path} cannot be written: {refusal.strerror or refusal}"
        raise NotWritable(message, help="name another place with -o") from refusal
    return path
