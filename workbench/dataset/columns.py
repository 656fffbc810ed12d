"""The columns of a Table as numbers, dates or text, with the error for a cell that is none of what was wanted."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import numpy as np

from ..errors.data import ColumnMissing, DataError, NotANumber, OutOfRange, ValueMissing
from ..errors.nearest import did_you_mean
from .numbers import is_missing, is_number, parse_numbers
from .table import Table

Kind = Literal["number", "date", "mixed", "text", "blank"]

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DATETIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|[+-]\d\d(:?\d\d)?))?", re.ASCII)
_NEARLY = re.compile(
    r"[+−-]?(\d[\d.]*[dD][+-]?\d+"  # 1.5D+03
    r"|\d{1,3}([,' ]\d{3})+(\.\d+)?"  # 1,234.5
    r"|0[xX][0-9a-fA-F]+|\d[\d_]*_\d+"  # 0x1F, 1_000
    r"|\d+(\.\d+)?\s*(%|[a-zA-Zµ°Ω][\w/^%·-]*)"  # 5 %, 12.5 mV
    r"|inf|infinity)|−[\d.]+([eE][+−-]?\d+)?",  # a typographer's minus
    re.IGNORECASE,
)

_OTHER_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b", re.ASCII)  # 22.1.1978, 1/22/78, 1978/01/22
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?", re.ASCII)

_MARKER = re.compile(r"[A-Za-z./*?-][A-Za-z0-9./*?-]{0,11}")  # what may well stand for a missing value


class Columns:
    """A Table read through the user's markers of missing values; each column is converted once."""

    def __init__(self, table: Table, missing: frozenset[str]) -> None:
        self.table = table
        self.missing = missing
        self.kind = cache(self._kind)
        self.cells = cache(self._cells)

    def require(self, name: str, what: str, *, help: str = "") -> str:
        """The name, if a column has it; otherwise ColumnMissing with the nearest name."""
        if name not in self.table.columns:
            raise ColumnMissing(
                f"no column is named {name!r} ({what}); columns found: {self.listed()}",
                help=did_you_mean(name, self.table.columns, help or "name one of these"),
                where=self.table.where(),
            )
        return name

    def listed(self) -> str:
        """The names of the columns, for an error."""
        names = list(self.table.columns)
        return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")

    def numbers(self, name: str, *, gaps: bool = True) -> np.ndarray:
        """The column as float64 (row,), finite, or NaN where missing and `gaps` are allowed."""
        values = self.cells(name)
        if values.dtype == object:
            raise self.complaint(name, self.first_bad(values))
        absent = np.isnan(values)
        if absent.any() and not (gaps and self.missing):
            raise self.complaint(name, int(np.argmax(absent)), gaps=gaps)
        return values

    def complaint(self, name: str, row: int, *, gaps: bool = True) -> DataError:
        """The error for a cell that is no number."""
        cell, where = self.table.columns[name][row], self.table.where(row, name)
        text = cell if isinstance(cell, str) else "nan" if np.isnan(cell) else repr(float(cell))
        shown = repr(text if len(text) <= 40 else text[:39] + "…")
        spot = f"column {name!r}" if self.table.lines is not None else f"column {name!r}, row {row} counted from 0"
        if text == "" or text.lower() == "nan" or is_missing(text, self.missing):
            what = "the cell is blank" if text == "" else f"{shown} stands for a missing value"
            marker = "blank" if text == "" else "nan" if text.lower() == "nan" else text
            help = f"--missing {marker}" if gaps else "a value is needed in every row of this column"
            return ValueMissing(f"{what} ({spot})", help=help, where=where)
        if is_number(text, self.table.decimal) or text.lower().lstrip("+-") in ("inf", "infinity"):
            return OutOfRange(f"{shown} is not a finite number ({spot})", help="correct the cell", where=where)
        help = "correct the cell, or choose the columns with --time and --states"
        if _MARKER.fullmatch(text) and self.kind(name) == "mixed":
            help = f"correct the cell, or pass --missing {text} if it means that nothing was measured"
        if _OTHER_DATE.match(text):
            help = "write dates as 1978-01-22, with times as 1978-01-22T13:30:00"
        elif _CLOCK.fullmatch(text):
            help = "write times of day with their date, as 1978-01-22T13:30:00, or as numbers"
        return NotANumber(f"{shown} is not a number ({spot})", help=help, where=where)

    def first_bad(self, cells: np.ndarray) -> int:
        """The first cell that is neither a finite number nor a marker."""
        for row, cell in enumerate(cells):
            if parse_numbers([cell], self.table.decimal, self.missing) is None:
                return row
        raise AssertionError("a text column has a cell that is no number")

    def nearly_date(self, name: str) -> bool:
        """Whether a text column begins with a date in another way than we read, as 22.1.1978 or 1/22/78."""
        return self.kind(name) == "text" and bool(_OTHER_DATE.match(self.table.columns[name][0]))

    def nearly_number(self, name: str) -> int | None:
        """The first row of a text column whose cell looks like a number that is written in a way we do not read."""
        cells = self.table.columns[name]
        suspects = {cell for cell in set(cells.tolist()) if _NEARLY.fullmatch(cell)}
        return next((row for row, cell in enumerate(cells) if cell in suspects), None) if suspects else None

    def is_constant(self, name: str, codes: np.ndarray | None = None) -> bool:
        """Whether the column has one value (in each group)."""
        cells = self.cells(name)
        if codes is None:
            return len(cells) > 0 and bool((cells == cells[0]).all())
        order = np.argsort(codes, kind="stable")
        same_group = np.diff(codes[order]) == 0
        return bool((cells[order][1:] == cells[order][:-1])[same_group].all())

    def counts_rows(self, name: str) -> bool:
        """Whether the column is 0, 1, 2, … or 1, 2, 3, …"""
        cells = self.cells(name)
        return cells.dtype != object and cells[0] in (0, 1) and bool((np.diff(cells) == 1).all())

    def _cells(self, name: str) -> np.ndarray:
        cells = self.table.columns[name]
        if cells.dtype == object:
            values = parse_numbers(cells.tolist(), self.table.decimal, self.missing)
            return cells if values is None else values
        values = np.asarray(cells, dtype=np.float64)
        if np.isinf(values).any():
            raise self.complaint(name, int(np.argmax(np.isinf(values))))
        return values

    def _kind(self, name: str) -> Kind:
        cells = self.cells(name)
        if cells.dtype != object:
            return "number"
        distinct = set(cells.tolist())
        if not any(cell and cell.lower() != "nan" for cell in distinct):
            return "blank"
        if all(DATE.fullmatch(cell) or DATETIME.fullmatch(cell) for cell in distinct):
            return "date"
        return "mixed" if any(is_number(cell, self.table.decimal) for cell in distinct) else "text"
