"""The parts of a card about errors: of the model by part, and of the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .numbers import number
from .table import aligned

PARTS = {"train": "train", "validation": "validation", "holdout": "held out"}
WIDE = 4
"""Channels up to which each has a column of its own."""


def metrics(run: Any) -> list[str]:
    """A line a part; a missing held-out part is said aloud."""
    rows = metrics_table(run)
    return [] if len(rows) == 1 else [*aligned(rows), *further_scores(run)]


def metrics_table(run: Any) -> list[list[str]]:
    """A row a part of the data, the first one the headings."""
    return [
        _header(run),
        *(_line(run, label, run.metrics[part]) for part, label in PARTS.items() if run.metrics.get(part)),
    ]


def further_scores(run: Any) -> list[str]:
    """What stands below the table: that nothing was held out, forecasts some steps ahead, criteria."""
    said = [] if run.metrics.get("holdout") else ["  nothing was held out"]
    return [*said, *_steps_ahead(run), *_criteria(run)]


def _steps_ahead(run: Any) -> list[str]:
    """Forecasts from observations, beside repeating the observation, on the held-out part where there is one."""
    found = []
    for k, parts in ((run.metrics.get("ahead") or {}).get("steps") or {}).items():
        part = "holdout" if parts.get("holdout") else "train"
        scores = parts.get(part)
        if scores:
            repeated = f"the value repeated {number(scores.get('persistence'))}"
            found.append(f"{k} ahead: nrmse {number(scores.get('nrmse'))} ({repeated})")
    return ["  " + " · ".join(found)] if found else []


def _criteria(run: Any) -> list[str]:
    """AICc and BIC of the training part, where it has a likelihood and more values than unknowns."""
    found = run.diagnostics.get("criteria") or {}
    if found.get("aicc") is None:
        return []
    return [f"  AICc {number(found['aicc'], 6)} · BIC {number(found['bic'], 6)}"]


def baselines(run: Any) -> list[str]:
    """A line a baseline, best first."""
    rows = baselines_table(run)
    return aligned(rows) if rows else []


def baselines_table(run: Any) -> list[list[str]]:
    """A row a baseline, on the held-out part (the training part where nothing was held out), best first."""
    part = "holdout" if run.metrics.get("holdout") else "train"
    found = {name: one.get(part) for name, one in (run.metrics.get("baselines") or {}).items()}
    scores = {name: one for name, one in found.items() if one}
    if not scores:
        return []
    best = sorted(scores, key=lambda name: _order(scores[name].get("nrmse")))
    return [_header(run, f"({PARTS[part]})"), *(_line(run, name, scores[name]) for name in best)]


def _order(error: float | None) -> float:
    """Sorts what has no finite error last."""
    return float("inf") if error is None else error


def _header(run: Any, corner: str = "") -> list[str]:
    """The names of the columns, and what stands over the first."""
    channels = [f"rmse {name}" for name in _columns(run)]
    return [corner, "n", "fit %", "nrmse", *channels, "log-rmse", "sse", "nll"]


def _line(run: Any, label: str, scores: Mapping[str, Any]) -> list[str]:
    """One part's or baseline's scores."""
    fit = scores.get("fit_percent")
    by_channel = [number((scores.get("rmse") or {}).get(name)) for name in _columns(run)]
    return [
        label,
        number(scores.get("n")),
        "–" if fit is None else f"{fit:.1f}".replace("-0.0", "0.0"),
        number(scores.get("nrmse")),
        *by_channel,
        number(scores.get("log_rmse_all")),
        number(scores.get("sse")),
        number(scores.get("nll"), 6),
    ]


def _columns(run: Any) -> tuple[str, ...]:
    """The channels that have a column: all if they are few, else none."""
    return run.dataset.channels if run.dataset.n_channels <= WIDE else ()
