"""A Table: the columns of a file as they stand there, before anybody decides what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import Where
from .numbers import is_number, missing_markers, parse_numbers


@dataclass(frozen=True, eq=False)
class Table:
    """What a reader returns: named columns of equal length, with enough about the file to point into it.

    A column in which every cell is a finite number (or a marker of missing values that the reader was told) is float64,
    NaN where missing; any other column is an object array of the cells' text, so that nothing has been guessed yet.
    """

    columns: Mapping[str, np.ndarray]  # name → (row,), in the order of the file
    units: Mapping[str, str] = field(default_factory=dict)  # name → unit, where the file says so
    lines: np.ndarray | None = None  # (row,) the line of the file that each row stands in
    file: str = ""
    sha256: str = ""  # of the raw bytes
    decimal: str = "."  # how the text cells write numbers
    notes: tuple[str, ...] = ()  # what was assumed while reading, to be said aloud
    place: Callable[[int, str], Where] | None = None  # (row, column name) → where that cell stands

    # The grammar of numbers, so that every reader of text uses the same one.
    is_number = staticmethod(is_number)
    parse_numbers = staticmethod(parse_numbers)
    missing_markers = staticmethod(missing_markers)

    @property
    def n_rows(self) -> int:
        """Rows, the header not counted."""
        return next((len(column) for column in self.columns.values()), 0)

    def where(self, row: int | None = None, column: str | None = None) -> Where:
        """The place of a cell, of a row (no column given) or of the header (neither given), for an error.

        >>> str(Table({"t": np.zeros(2)}, lines=np.array([2, 3]), file="ponds.csv").where(1))
        'ponds.csv:3'
        """
        if row is None:
            return Where(self.file or "table", *((1, 1) if self.lines is not None else ()))
        if self.place is not None and column is not None:
            return self.place(row, column)
        return Where(self.file or "table", None if self.lines is None else int(self.lines[row]))
