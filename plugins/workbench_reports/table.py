"""Columns of text, aligned."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], left: int = 1, indent: str = "  ") -> list[str]:
    """The rows as lines; the first `left` columns to the left, the others to the right, empty columns dropped.

    >>> aligned([["", "n"], ["train", "28"], ["held out", "8"]])
    ['             n', '  train     28', '  held out   8']
    """
    kept = [i for i in range(len(rows[0])) if i < left or any(row[i].strip(" –") for row in rows[1:])]
    widths = [max(len(row[i]) for row in rows) for i in kept]
    lines = []
    for row in rows:
        cells = [row[i].ljust(w) if i < left else row[i].rjust(w) for i, w in zip(kept, widths, strict=True)]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines
