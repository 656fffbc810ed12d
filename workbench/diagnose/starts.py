"""What several starts of a fit ended at: how often the best was found, and how far apart the estimates are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .scoring import finite

TOLERANCE_NLL = 0.1
"""Difference of log-likelihoods within which two ends count as one."""
TOLERANCE = 0.01
"""The same for losses of differences, as a share of the best."""


def waterfall(
    losses: np.ndarray,
    validations: np.ndarray,
    statuses: Sequence[str],
    values: np.ndarray,
    labels: Sequence[str],
    best: int,
    *,
    likelihood: bool,
    floor: float = 0.0,
) -> dict[str, Any]:
    """The starts, least training loss first, and how many reached that of the chosen one.

    `losses` and `validations` (start,) are NaN for starts that were not run, `values` (start, unknown) the physical
    estimates, `labels` their names (none for networks), `best` the start that was chosen. A start reaches it where its
    loss is at most 0.1 higher (a likelihood), else 1 % and `floor`. The document `starts` of `fit --json`.
    """
    tolerance = TOLERANCE_NLL if likelihood else TOLERANCE * abs(float(losses[best])) + floor
    reached = np.isfinite(losses) & (losses <= losses[best] + tolerance)
    order = np.argsort(np.where(np.isfinite(losses), losses, np.inf), kind="stable")
    rows = [
        {
            "start": int(k) + 1,
            "loss": finite(losses[k]),
            "validation": finite(validations[k]),
            "status": statuses[k] or "not run",
            "reached": bool(reached[k]),
        }
        for k in order
    ]
    run = int(sum(bool(status) for status in statuses))
    count = int(reached.sum())
    ends = {
        name: {"low": float(values[reached, i].min()), "high": float(values[reached, i].max())}
        for i, name in enumerate(labels)
        if count
    }
    return {
        "starts": len(losses),
        "run": run,
        "chosen": best + 1,
        "tolerance": finite(tolerance),
        "reached": count,
        "rows": rows,
        "spread": ends,
        "warning": _warning(count, run),
    }


def _warning(count: int, run: int) -> str | None:
    if run > 1 and count <= 1:
        return f"the best was reached by one start of {run} only: there may be a better one (--starts {2 * run})"
    return None
