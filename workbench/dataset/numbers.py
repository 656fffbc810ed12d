"""Text cells to float64, by a strict grammar: what is not plainly a finite number is not read as one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

_CHARACTERS = b"0123456789+-.eE \t"  # with these alone, float() knows no inf, nan, hexadecimal or underscores
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BLANKS = " \t"


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is written as a number; it may still be beyond float64.

    >>> [is_number(cell) for cell in ("1", "-.5e3", "1_000", "inf", "1.5D3", "0x1F", "")]
    [True, True, False, False, False, False, False]
    """
    return _NUMBER.fullmatch(_with_point(cell.strip(_BLANKS), decimal)) is not None


def parse_numbers(cells: Sequence[str], decimal: str = ".", missing: Collection[str] = ()) -> np.ndarray | None:
    """The cells as float64 (row,), NaN where missing; None if any of them is not a finite number.

    `missing` holds the markers of missing values, "" for a blank cell; "nan" stands for NaN in any case.

    >>> parse_numbers(["1", "2.5", "1e-3"]).tolist(), parse_numbers(["1", "x"]), parse_numbers(["1", ""])
    ([1.0, 2.5, 0.001], None, None)
    >>> parse_numbers(["1,5", "NA", ""], decimal=",", missing={"", "NA"}).tolist()
    [1.5, nan, nan]
    """
    values = _plain_numbers(cells, decimal)
    if values is not None or not missing:
        return values
    stripped = [cell.strip(_BLANKS) for cell in cells]
    absent = np.fromiter((is_missing(cell, missing) for cell in stripped), bool, len(cells))
    present = _plain_numbers([cell for cell, gone in zip(stripped, absent, strict=True) if not gone], decimal)
    if present is None:
        return None
    values = np.full(len(cells), np.nan)
    values[~absent] = present
    return values


def is_missing(cell: str, missing: Collection[str]) -> bool:
    """Whether a stripped cell is one of the markers."""
    return cell in missing or ("nan" in missing and cell.lower() == "nan")


def missing_markers(missing: str | Sequence[str] | bool | None) -> frozenset[str]:
    """The cells that mean "not observed", from what the user gave: `blank` is the empty cell, True is blank and nan.

    >>> sorted(missing_markers("blank,NA")), missing_markers(None)
    (['', 'NA'], frozenset())
    """
    if missing is None or missing is False or missing == "":
        return frozenset()
    if missing is True:
        return frozenset({"", "nan"})
    given = missing.split(",") if isinstance(missing, str) else missing
    cells = (marker.strip() for marker in given)
    return frozenset("" if cell == "blank" else "nan" if cell.lower() == "nan" else cell for cell in cells)


def _plain_numbers(cells: Sequence[str], decimal: str) -> np.ndarray | None:
    """The cells as finite float64, or None."""
    joined = "".join(cells)
    if decimal != ".":
        if "." in joined:
            return None
        joined = joined.replace(decimal, ".")
        cells = [cell.replace(decimal, ".") for cell in cells]
    if not joined.isascii() or joined.encode().translate(None, _CHARACTERS):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _with_point(cell: str, decimal: str) -> str:
    """The cell with a decimal point; a point where commas are decimal makes it no number."""
    return cell if decimal == "." else cell.replace(".", "?").replace(decimal, ".")
