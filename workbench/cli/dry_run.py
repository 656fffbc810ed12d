"""`fit --dry-run`: what would be fitted, to what, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors.counting import count
from .output import table


def text_of(plan: Mapping[str, Any]) -> str:
    """The document of `workflow.plan` as a table."""
    data = plan["data"]
    size = f"{data['file']}: {count(data['rows'], 'row')}, {count(data['trajectories'], 'trajectory')}"
    rows = [
        ["data", f"{size}, states {', '.join(data['states'])}"],
        ["split", ", ".join(f"{name} {n}" for name, n in plan["split"].items())],
        *([kind, str(chosen)] for kind, chosen in plan["choices"].items()),
        *([key, str(value)] for key, value in plan["settings"].items()),
        *(["note", note] for note in data["notes"]),
    ]
    return table(["", "would be"], rows)
