"""The rows of a comparison, from the records of fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .comparison import COLUMNS

if TYPE_CHECKING:
    from ..runs import Record

EMPTY: dict[str, Any] = dict.fromkeys(COLUMNS) | {"runs": ()}


def fitted_row(
    name: str, records: Sequence[Record], runs: Sequence[str], seeds: str | None, truths: Sequence[Any]
) -> dict[str, Any]:
    """Medians over fits that differ in their seed; `truths` (see `truth_recovery`) are one a record, or None."""
    parts = {part: [record.metrics.get(part) or {} for record in records] for part in ("train", "holdout")}
    judged = parts["holdout"] if any(parts["holdout"]) else parts["train"]
    errors = [part["nrmse"] for part in judged if part.get("nrmse") is not None]
    words = [(record.diagnostics.get("verdict") or {}).get("word", record.status) for record in records]
    return EMPTY | {
        "model": name,
        "holdout nrmse": _median([part.get("nrmse") for part in parts["holdout"]]),
        "spread": [min(errors), max(errors)] if len(errors) > 1 else None,
        "1 step": _median([_one_step(record) for record in records]),
        "train nrmse": _median([part.get("nrmse") for part in parts["train"]]),
        "fit %": _median([part.get("fit_percent") for part in judged]),
        "AICc": _median([(record.diagnostics.get("criteria") or {}).get("aicc") for record in records]),
        **_truth_columns([truth for truth in truths if truth]),
        "verdict": ", ".join(_counted(words)),
        "unknowns": len(records[0].model["x"]),
        "seeds": seeds,
        "seconds": _median([record.timings.get("seconds") for record in records]),
        "runs": tuple(runs),
    }


def failed_row(name: str, seeds: str | None) -> dict[str, Any]:
    """A model of which every fit failed."""
    return EMPTY | {"model": name, "verdict": "failed", "seeds": seeds}


def baseline_rows(record: Record) -> list[dict[str, Any]]:
    """The references, which are the same for every fit of the same data and split."""
    rows = []
    for name, scores in (record.metrics.get("baselines") or {}).items():
        train, held = scores.get("train") or {}, scores.get("holdout") or {}
        row = {"holdout nrmse": held.get("nrmse"), "train nrmse": train.get("nrmse")}
        rows.append(EMPTY | {"model": f"({name})", **row, "fit %": (held or train).get("fit_percent")})
    return rows


def best_first(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """By the held-out error, then by the training error; what has none stands last."""
    return tuple(sorted(rows, key=lambda row: (_or_inf(row["holdout nrmse"]), _or_inf(row["train nrmse"]))))


def _or_inf(value: float | None) -> float:
    return np.inf if value is None else value


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _counted(words: Sequence[str]) -> list[str]:
    """`good`, or `2 good, 1 bad` where fits differ."""
    kinds = list(dict.fromkeys(words))
    return kinds if len(kinds) == 1 else [f"{list(words).count(kind)} {kind}" for kind in kinds]


def _one_step(record: Record) -> float | None:
    steps = ((record.metrics.get("ahead") or {}).get("steps") or {}).get("1") or {}
    scores = steps.get("holdout") or steps.get("train") or {}
    return scores.get("nrmse")


def _truth_columns(truths: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Median relative errors; of the eigenvalues, over the fixed points of the truth that a model has, the largest."""

    def of(name: str, key: str) -> list[float | None]:
        return [(truth.get(name) or {}).get(key) for truth in truths]

    def field(where: str) -> list[float | None]:
        return [((truth.get("field") or {}).get(where) or {}).get("relative") for truth in truths]

    errors = [[point["eigenvalue_error"] for point in truth.get("fixed_points") or ()] for truth in truths]
    known = [[error for error in one if error is not None] for one in errors]
    return {
        "field on": _median(field("on")),
        "field off": _median(field("off")),
        "eigenvalues": _median([max(one, default=None) for one in known]),
        "period": _median(of("period", "relative_error")),
        "lyapunov": _median(of("lyapunov", "relative_error")),
    }
