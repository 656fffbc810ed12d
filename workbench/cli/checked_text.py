"""The findings of a check as text that fits a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

from .output import bold

if TYPE_CHECKING:
    from ..measure import Finding
    from ..workflow.checking import Checked

WIDE = 100  # letters of a line
VERDICT, CLAIM = 7, 24  # letters of a verdict, and of a claim at most


def checked_text(found: Checked) -> str:
    """What was measured as a table, then what else was tested; a reason stands below its line."""
    measured = [f for f in found.findings if f.claimed or f.measured]
    tested = [f for f in found.findings if not (f.claimed or f.measured)]
    parts = []
    if measured:
        name, claim = (max(len(cell) for cell in column) for column in zip(*map(_named, measured), strict=True))
        claim = min(max(claim, len("claimed")), CLAIM)
        widths = [VERDICT, name, claim, WIDE - VERDICT - name - claim - 6]
        rows = [[f.verdict, f.name, f.claimed, f.measured] for f in measured]
        parts.append(_table(("verdict", "what", "claimed", "measured"), rows, widths, [f.note for f in measured]))
    if tested:
        rows = [[f.verdict, f.name] for f in tested]
        parts.append(_table(("verdict", "what"), rows, [VERDICT, WIDE - VERDICT - 2], [f.note for f in tested]))
    return "\n\n".join(parts)


def _named(finding: Finding) -> tuple[str, str]:
    return finding.name, finding.claimed


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], notes: Sequence[str]) -> str:
    (first,) = _lines(head, widths)
    said = [bold(first)]
    indent = " " * (VERDICT + 2)
    for row, note in zip(rows, notes, strict=True):
        said += _lines(row, widths) + wrap(note, WIDE, initial_indent=indent, subsequent_indent=indent)
    return "\n".join(said)


def _lines(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """One row, its cells broken to the widths of their columns."""
    columns = [wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    return [
        "  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in zip_longest(*columns, fillvalue="")
    ]
