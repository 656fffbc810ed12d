"""Several dynamics on the same data, the same split and several seeds, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import WorkbenchError
from .running import fit

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem
    from .fitted import Fitted

COLUMNS = ("model", "holdout nrmse", "train nrmse", "fit %", "unknowns", "seeds", "seconds")


@dataclass(frozen=True)
class Comparison:
    """A table, best first: one row a family of dynamics (the median over its seeds) and one a baseline.

    Held-out errors decide; where nothing was held out, training errors do.
    """

    rows: tuple[dict[str, Any], ...]
    fits: dict[str, list[Fitted]]
    failures: dict[str, list[str]]

    def __str__(self) -> str:
        lines = [[_cell(row[column]) for column in COLUMNS] for row in self.rows]
        widths = [max(len(line[i]) for line in [list(COLUMNS), *lines]) for i in range(len(COLUMNS))]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in [list(COLUMNS), *lines]
        ]
        failed = [f"{name}: {text}" for name, texts in self.failures.items() for text in texts]
        return "\n".join([*table, *failed])


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def compare(
    source: str | Path | Dataset | Problem, dynamics: Sequence[str], *, seeds: int = 1, seed: int = 0, **options: Any
) -> Comparison:
    """Fit each of `dynamics` with `seeds` seeds from `seed` on; options as in `fit`.

    A fit that fails is a failure in the table, not an exception, as long as one fit succeeds.
    """
    fits: dict[str, list[Fitted]] = {}
    failures: dict[str, list[str]] = {}
    last: WorkbenchError | None = None
    for name in dynamics:
        for number in range(seed, seed + seeds):
            try:
                fits.setdefault(name, []).append(fit(source, dynamics=name, seed=number, **options))
            except WorkbenchError as error:
                failures.setdefault(name, []).append(f"seed {number}: {error}")
                last = error
    if last is not None and not any(fits.values()):
        raise last
    rows = [_row(name, found, seeds) for name, found in fits.items() if found]
    rows += _baseline_rows(next(found[0] for found in fits.values() if found))
    rows.sort(key=lambda row: _order(row))
    return Comparison(tuple(rows), fits, failures)


def _order(row: dict[str, Any]) -> tuple[float, float]:
    held, train = row["holdout nrmse"], row["train nrmse"]
    return (np.inf if held is None else held, np.inf if train is None else train)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _row(name: str, found: list[Fitted], seeds: int) -> dict[str, Any]:
    parts = {part: [fit.metrics.get(part) or {} for fit in found] for part in ("train", "holdout")}
    judged = "holdout" if any(parts["holdout"]) else "train"
    return {
        "model": name,
        "holdout nrmse": _median([part.get("nrmse") for part in parts["holdout"]]),
        "train nrmse": _median([part.get("nrmse") for part in parts["train"]]),
        "fit %": _median([part.get("fit_percent") for part in parts[judged]]),
        "unknowns": len(found[0].session.x),
        "seeds": f"{len(found)}/{seeds}",
        "seconds": _median([fit.run.timings.get("seconds") for fit in found]),
    }


def _baseline_rows(fitted: Fitted) -> list[dict[str, Any]]:
    rows = []
    for name, scores in fitted.metrics["baselines"].items():
        train, held = scores.get("train") or {}, scores.get("holdout") or {}
        rows.append(
            {
                "model": f"({name})",
                "holdout nrmse": held.get("nrmse"),
                "train nrmse": train.get("nrmse"),
                "fit %": (held or train).get("fit_percent"),
                "unknowns": None,
                "seeds": None,
                "seconds": None,
            }
        )
    return rows
