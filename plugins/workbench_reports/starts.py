"""The part of a card about the starts of a fit: the waterfall of their losses."""

from __future__ import annotations

from typing import Any

from .numbers import number
from .table import aligned

MOST = 12
"""Starts that a card shows; the rest are in `show --json`."""


def starts(run: Any) -> list[str]:
    """Losses in order, how many reached the best, how far apart their estimates are, and a warning if it was one."""
    found = run.diagnostics.get("starts")
    if not found:
        return []
    rows = [["", "start", "loss", "validation", "status", ""]]
    rows += [
        [
            "",
            str(one["start"]),
            number(one["loss"], 6),
            number(one["validation"], 6),
            one["status"],
            "chosen" if one["start"] == found["chosen"] else "reached" if one["reached"] else "",
        ]
        for one in found["rows"][:MOST]
    ]
    lines = aligned(rows, left=0, indent="")
    if len(found["rows"]) > MOST:
        lines.append(f"  … and {len(found['rows']) - MOST} more in `show --json`")
    lines.append(f"  {found['reached']} of {found['run']} reached the best within {number(found['tolerance'], 2)}")
    if found["reached"] > 1 and found["spread"]:
        ends = [f"{name} {number(e['low'])} … {number(e['high'])}" for name, e in found["spread"].items()]
        lines.append("  their estimates: " + ", ".join(ends))
    if found["warning"]:
        lines.append(f"  warning: {found['warning']}")
    return lines
