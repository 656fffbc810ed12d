"""A comparison as a table: best first, as text, CSV, Markdown or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fitted import Fitted

COLUMNS = {
    "model": "model",
    "holdout nrmse": "holdout_nrmse",
    "spread": "spread",
    "1 step": "one_step_nrmse",
    "train nrmse": "train_nrmse",
    "fit %": "fit_percent",
    "AICc": "aicc",
    "field on": "field_error_on",
    "field off": "field_error_off",
    "eigenvalues": "eigenvalue_error",
    "period": "period_error",
    "lyapunov": "lyapunov_error",
    "verdict": "verdict",
    "unknowns": "unknowns",
    "seeds": "seeds",
    "seconds": "seconds",
}
"""Heading → key in JSON and CSV. The errors from `field on` to `lyapunov` are shares of the truth."""
OPTIONAL = ("spread", "1 step", "AICc", "field on", "field off", "eigenvalues", "period", "lyapunov", "seeds")
"""Columns that are left out of the text where no row has a value."""


@dataclass(frozen=True)
class Comparison:
    """A table, best first: one row a family of dynamics (the median over its seeds) or a run, and one a baseline.

    Held-out errors decide; where nothing was held out, training errors do. `spread` is the least and the largest of
    these errors over the seeds. A row without any finite fit has the verdict "failed" and stands last; `failures` say
    why.
    """

    rows: tuple[dict[str, Any], ...]
    fits: Mapping[str, Sequence[Fitted]] = field(default_factory=dict)
    failures: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = self._cells()
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        failed = [f"{name}: {text}" for name, texts in self.failures.items() for text in texts]
        return "\n".join([*table, *failed, *(f"note: {note}" for note in self.notes)])

    def markdown(self) -> str:
        """The table in Markdown, with the failures as a list below it."""
        header, *lines = self._cells()
        rule = ["---" if name in ("model", "verdict") else "---:" for name in header]
        table = [f"| {' | '.join(line)} |" for line in (header, rule, *lines)]
        said = [f"- {name}: {text}" for name, texts in self.failures.items() for text in texts]
        return "\n".join([*table, *(["", *said] if said else [])])

    def csv(self) -> str:
        """Every column, empty where there is no value; the spread in two columns."""
        keys = [key for key in COLUMNS.values() if key != "spread"]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*keys, "least", "largest", "runs"])
        for row in self.rows:
            values = ["" if row[name] is None else row[name] for name, key in COLUMNS.items() if key != "spread"]
            writer.writerow([*values, *(row["spread"] or ["", ""]), " ".join(row["runs"])])
        return out.getvalue()

    def document(self) -> dict[str, Any]:
        """The document `workbench/compare/1`."""
        rows = [{key: row[name] for name, key in COLUMNS.items()} | {"runs": list(row["runs"])} for row in self.rows]
        failures = {name: list(texts) for name, texts in self.failures.items()}
        return {"schema": "workbench/compare/1", "rows": rows, "failures": failures, "notes": list(self.notes)}

    def _cells(self) -> list[list[str]]:
        """The heading and the rows as text, without columns that are empty."""
        shown = [c for c in COLUMNS if c not in OPTIONAL or any(row[c] is not None for row in self.rows)]
        return [shown, *([_cell(row[column]) for column in shown] for row in self.rows)]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " … ".join(_cell(one) for one in value)
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
