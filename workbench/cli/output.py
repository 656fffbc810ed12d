"""How answers look: one JSON document, or plain tables that read well in a terminal, a pipe and a screen reader."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click


def emit_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document; what is not finite is null, for NaN never stands in JSON."""
    click.echo(json.dumps(_strict(document), ensure_ascii=False, allow_nan=False, indent=2))


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, str) or value is None:
        return value
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        return _strict(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def hint(text: str) -> None:
    """Say something beside the answer, on standard error."""
    click.echo(text, err=True)


def colour(stream: Any) -> bool:
    """Whether to colour what goes to `stream`: a terminal that can, and no NO_COLOR in the environment."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def bold(text: str) -> str:
    """`text` in bold where standard output is a terminal with colour."""
    return click.style(text, bold=True) if colour(sys.stdout) else text


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """Columns in line, two spaces apart; the columns `numeric` are set flush right.

    >>> print(table(["name", "rmse"], [["a", "0.5"], ["longer", "10"]], numeric=[1]))
    name    rmse
    a        0.5
    longer    10
    """
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(w) if i in numeric else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([bold(line(header)), *(line(row) for row in rows)])


def number(value: Any, digits: int = 4) -> str:
    """A number for a table: `digits` significant ones, "–" for nothing.

    >>> number(0.123456), number(None), number(1.5e-7), number(763)
    ('0.1235', '–', '1.5e-07', '763')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
