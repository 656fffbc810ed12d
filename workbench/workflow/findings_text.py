"""Words for what an experiment found, the same on a page and in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..findings import Cell, Claim, Column, Findings, ResultTable


class Sources:
    """The works that numbers and claims were read in, numbered as they are first cited."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, bool], int] = {}

    def mark(self, source: str, checked: bool) -> str:
        """` [1]` behind what is cited, nothing where there is no source.

        >>> sources = Sources()
        >>> sources.mark("Chen et al. (2018), Table 1", True), sources.mark("a talk", False), sources.mark("", True)
        (' [1]', ' [2, unchecked]', '')
        """
        if not source:
            return ""
        number = self._numbers.setdefault((source, checked), len(self._numbers) + 1)
        return f" [{number}]" if checked else f" [{number}, unchecked]"

    def lines(self, further: Sequence[str] = ()) -> list[str]:
        """One line a source, those with numbers first; what was not checked against the work says so."""
        unchecked = "; quoted, and not checked in the work itself"
        cited = [f"[{n}] {source}{'' if checked else unchecked}" for (source, checked), n in self._numbers.items()]
        return cited + [source for source in further if source not in {said for said, _ in self._numbers}]


def cell(value: Cell) -> str:
    """A cell as text: four significant digits, "–" for nothing.

    >>> [cell(v) for v in (0.0173456, 39.0, 150, None, True, "rk4")]
    ['0.01735', '39', '150', '–', 'yes', 'rk4']
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def head(column: Column, sources: Sources) -> str:
    """The heading of a column: its name, its unit, and the mark of its source."""
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.name}{unit}{sources.mark(column.source, column.checked)}"


def numeric(table: ResultTable) -> list[int]:
    """The columns of a table that hold nothing but numbers."""
    return [i for i in range(len(table.columns)) if not any(isinstance(row[i], (str, bool)) for row in table.rows)]


def said(claim: Claim, sources: Sources) -> tuple[str, str]:
    """The claim with its source, and what became of it."""
    text = f"{claim.text}{sources.mark(claim.source, claim.checked)}"
    return text, f"wanted {claim.wanted}; seen {claim.seen}; {claim.verdict}"


def tally(findings: Findings) -> str:
    """How many claims hold, as in `3 of 4 claims hold`."""
    held = sum(claim.holds is True for claim in findings.claims)
    return f"{held} of {len(findings.claims)} claims hold"
