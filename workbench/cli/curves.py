"""Curves as CSV: a column of times, one for each channel and its band, one line an instant."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from ..errors.usage import UsageError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
RISKY = ("=", "+", "-", "@")  # a spreadsheet takes a text that begins so for a formula


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], separator: str = ",") -> str:
    """The table as CSV: numbers in the digits that give them back exactly, what is missing blank.

    >>> as_csv(["t", "=x"], [[0.1, None]])
    "t,'=x\\r\\n0.1,\\r\\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerow([_harmless(name) for name in header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def deliver(header: Sequence[str], rows: Iterable[Sequence[Any]], out: Path | None) -> None:
    """Print the table, or write it to `out`, all of it or nothing, and print the path."""
    if out is None:
        click.echo(as_csv(header, rows).replace("\r\n", "\n"), nl=False)
        return
    if out.suffix.lower() not in SEPARATORS:
        raise UsageError(f"{out} is no .csv or .tsv", help=f"-o {out.with_suffix('.csv')}")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8", newline="") as file:
            file.write(as_csv(header, rows, SEPARATORS[out.suffix.lower()]))
        os.replace(temporary, out)
    except OSError as error:
        error.filename = str(out)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    click.echo(str(out))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(RISKY) else text


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return _harmless(value)
    number = float("nan") if value is None else float(value)
    return "" if number != number else repr(number)
