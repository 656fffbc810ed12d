"""The parts of a card about what was learned: parameters and equations."""

from __future__ import annotations

from typing import Any

from .numbers import estimate, interval, number
from .table import aligned

SMALL = 8  # estimates whose whole correlation matrix a card shows
CLOSE, PAIRS = 0.9, 10  # of more, pairs of at least this correlation, and so many of them
MOST = 40
"""Parameters that a card shows; the rest are in `show --json`."""


def parameters_table(run: Any) -> list[list[str]]:
    """Rows of values with ± their standard errors and 95 % intervals, the first one their headings."""
    rows = [["", "value", "± s.e.", "95 % interval", "unit", "trajectory"]]
    for name, one in list(run.parameters.items())[:MOST]:
        value, stderr = estimate(one.get("value"), one.get("stderr"))
        ends = "fixed" if one.get("fixed") else interval(one.get("ci95"), one.get("stderr"))
        rows.append([name, value, stderr, ends, one.get("unit") or "", one.get("trajectory") or ""])
    return rows


def parameters(run: Any) -> list[str]:
    """The table of estimates, then why some have no standard errors."""
    rows, shown = parameters_table(run), list(run.parameters.items())[:MOST]
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


def correlation(run: Any) -> list[str]:
    """The correlation of the estimates: the matrix of few, of many the pairs that are nearly one."""
    found = (run.diagnostics or {}).get("uncertainty") or {}
    names, rows = found.get("names") or [], found.get("correlation") or []
    kept = [i for i, row in enumerate(rows) if row[i] is not None]  # the others have no standard error
    if len(kept) < 2:
        return []
    if len(kept) <= SMALL:
        head = ["", *(names[j] for j in kept[:-1])]
        body = [[names[i], *(f"{rows[i][j]:.2f}" if j < i else "" for j in kept[:-1])] for n, i in enumerate(kept) if n]
        return aligned([head, *body])
    pairs = [(rows[i][j], names[j], names[i]) for i in kept for j in kept if j < i and abs(rows[i][j]) >= CLOSE]
    pairs = sorted(pairs, key=lambda pair: -abs(pair[0]))
    more = [f"  … and {len(pairs) - PAIRS} more in `show --json`"] if len(pairs) > PAIRS else []
    return [f"  {one} and {other}: {value:.3f}" for value, one, other in pairs[:PAIRS]] + more


def equations(run: Any) -> list[str]:
    """The right-hand sides, where the dynamics have any to read."""
    return ["  " + line for line in run.equations]
