"""The parts of a card about what was learned: parameters and equations."""

from __future__ import annotations

from typing import Any

from .numbers import estimate, interval, number
from .table import aligned

MOST = 40
"""Parameters that a card shows; the rest are in `show --json`."""


def parameters(run: Any) -> list[str]:
    """A table of values with ± their standard errors and 95 % intervals, then why some have none."""
    rows = [["", "value", "± s.e.", "95 % interval", "unit"]]
    shown = list(run.parameters.items())[:MOST]
    for name, one in shown:
        value, stderr = estimate(one.get("value"), one.get("stderr"))
        ends = "fixed" if one.get("fixed") else interval(one.get("ci95"), one.get("stderr"))
        rows.append([name, value, stderr, ends, one.get("unit") or ""])
    if len(rows) == 1:
        return []
    lines = aligned(rows)
    if len(run.parameters) > MOST:
        lines.append(f"  … and {len(run.parameters) - MOST} more in `show --json`")
    lines += [f"  {name}: {one['reason']}" for name, one in shown if one.get("reason")]
    return lines + [f"  {name}: {_pulled(one)}" for name, one in shown if one.get("prior")]


def _pulled(one: dict[str, Any]) -> str:
    """The prior of an estimate, and how far from its mean the data took it."""
    prior = one["prior"]
    way = f"{number(prior['mean'])} → {number(one.get('value'))}"
    return f"prior {prior['density']}, {way}: {number(prior['pull'], 2)} of its standard deviations"


def equations(run: Any) -> list[str]:
    """The right-hand sides, where the dynamics have any to read."""
    return ["  " + line for line in run.equations]
