"""Text with a header and columns between separators: csv and tsv."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench import Table
from workbench.errors import Where
from workbench.errors.data import DecimalComma, NameWrong, NoRows, UnitsRowWrong

from .header import Header, read_header
from .rows import Rows
from .source import Source, read_source

_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Delimited:
    """A reader of separated text: every row as wide as the header, every number finite and plainly written."""

    suffixes: tuple[str, ...]
    separator: str | None  # None: from the header
    decimal: str
    units_row: bool
    missing: str
    comment: str
    names: tuple[str, ...]

    def read(self, path: Path) -> Table:
        """The columns of a file; every refusal is an error of the D family with file, line and column."""
        source = read_source(Path(path))
        header = read_header(source, self.separator, self.comment, self.names)
        units, notes = dict(header.units), [*source.notes, *header.notes]
        rows, skipped = _rows_below(source, header, self.comment)
        notes += skipped
        if self.units_row:
            rows, from_row = _without_units(rows, self.decimal)
            units |= from_row
            listed = ", ".join(f"{name} in {unit}" for name, unit in from_row.items()) or "none"
            notes.append(f"units from the second line: {listed}")
        columns = self._columns(rows)
        texts = {number: cells for number, cells in enumerate(columns) if cells.dtype == object}
        if self.decimal == ".":
            _check_decimal_comma(texts, rows)
        if not self.units_row:
            _check_units_row(texts, rows, len(columns))
        kept, left_out = _named(header.names, columns, header, source)
        position = {name: header.names.index(name) for name in kept}

        def place(row: int, name: str) -> Where:
            return source.at(int(rows.lines[row]), rows.column_of(row, position[name]))

        return Table(
            columns=kept,
            units=units,
            lines=rows.lines,
            file=source.file,
            sha256=source.sha256,
            decimal=self.decimal,
            notes=(*notes, *left_out),
            place=place,
        )

    def _columns(self, rows: Rows) -> list[np.ndarray]:
        """Every column as float64, or as text where a cell is not a number."""
        markers = Table.missing_markers(self.missing)
        width = len(rows.names)
        numbers: list[list[np.ndarray] | None] = [[] for _ in range(width)]
        for cells in rows.chunks():
            for number, parts in enumerate(numbers):
                if parts is None:
                    continue
                values = Table.parse_numbers(cells[number::width], self.decimal, markers)
                if values is None:
                    numbers[number] = None
                else:
                    parts.append(values)
        texts: dict[int, list[str]] = {number: [] for number, parts in enumerate(numbers) if parts is None}
        if texts:  # a second look at the file, for the columns that turned out not to be numbers
            for cells in rows.chunks():
                for number, text in texts.items():
                    text.extend(cell.strip(" \t") for cell in cells[number::width])
        columns: list[np.ndarray] = []
        for number, parts in enumerate(numbers):
            columns.append(np.array(texts[number], dtype=object) if parts is None else np.concatenate(parts))
            numbers[number] = None  # its parts are not needed any more
        return columns


def _rows_below(source: Source, header: Header, comment: str) -> tuple[Rows, list[str]]:
    """The rows below the header, without comments and without blank lines at the end."""
    text, begin, end, notes = source.text, 0, len(source.text), []
    for _ in range(header.line):
        begin = text.find(b"\n", begin) + 1 or end
    while end > begin and text[end - 1 : end] == b"\n":
        end -= 1
    lines = header.line + 1 + np.arange(text.count(b"\n", begin, end) + 1)
    mark = comment.encode()
    if mark and (text.startswith(mark, begin) or text.find(b"\n" + mark, begin, end) >= 0):
        every = text[begin:end].split(b"\n")
        kept = [number for number, line in enumerate(every) if not line.startswith(mark)]
        n = len(every) - len(kept)
        notes = [f"{n} line{'s' * (n != 1)} that begin{'s' * (n == 1)} with {comment!r} skipped"]
        while kept and not every[kept[-1]].strip():
            kept.pop()
        text, lines = b"\n".join(every[number] for number in kept), lines[kept]
        begin, end = 0, len(text)
    if begin == end:
        where = source.at(max(1, header.line))
        raise NoRows("there are no rows below the header", help="at least two rows are wanted", where=where)
    return Rows(source, text, begin, end, lines, header.separator, header.names), notes


def _without_units(rows: Rows, decimal: str) -> tuple[Rows, dict[str, str]]:
    """The rows without the first, and the units that stand there."""
    begin = rows.text.find(b"\n", rows.begin, rows.end) + 1
    where = rows.source.at(int(rows.lines[0]), 1)
    cells = rows.cells(rows.text[rows.begin : begin - 1 if begin else rows.end], 0)
    if any(Table.is_number(cell, decimal) for cell in cells):
        raise UnitsRowWrong("this line holds numbers; units are wanted here", help="leave --units-row out", where=where)
    if not begin:
        raise NoRows("there are no rows below the units", help="at least two rows are wanted", where=where)
    if not all(cell.isprintable() for cell in cells):
        raise UnitsRowWrong("a unit holds control characters", help="write the units as text", where=where)
    units = {name: cell.strip().strip("[]()") for name, cell in zip(rows.names, cells, strict=True)}
    known = {name: unit for name, unit in units.items() if name and unit not in ("", "-")}
    return replace(rows, begin=begin, lines=rows.lines[1:]), known


def _check_decimal_comma(texts: dict[int, np.ndarray], rows: Rows) -> None:
    """Raise DecimalComma where a column would be numbers if commas were decimal."""
    for number, cells in texts.items():
        comma = next((row for row, cell in enumerate(cells) if _COMMA_NUMBER.fullmatch(cell)), None)
        if comma is not None and all(
            _COMMA_NUMBER.fullmatch(cell) or Table.is_number(cell) or not cell for cell in cells[:1000]
        ):
            raise DecimalComma(
                f"{cells[comma]!r} has a decimal comma (column {rows.names[number]!r})",
                help="--decimal ,",
                where=rows.source.at(int(rows.lines[comma]), rows.column_of(comma, number)),
            )


def _check_units_row(texts: dict[int, np.ndarray], rows: Rows, width: int) -> None:
    """Raise UnitsRowWrong where the first row alone keeps columns from being numbers."""
    if len(texts) < width or len(rows.lines) < 2 or any(Table.is_number(cells[0]) for cells in texts.values()):
        return
    if any(cells[0] and Table.parse_numbers(cells[1:].tolist()) is not None for cells in texts.values()):
        shown = ", ".join(repr(cells[0]) for cells in list(texts.values())[:4])
        raise UnitsRowWrong(
            f"this line holds {shown} above numbers; it looks like units",
            help="--units-row",
            where=rows.source.at(int(rows.lines[0]), 1),
        )


def _named(
    names: tuple[str, ...], columns: list[np.ndarray], header: Header, source: Source
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns by name; one without a name may only be blank or count the rows, and is left out."""
    kept, notes = {}, []
    for number, (name, column) in enumerate(zip(names, columns, strict=True)):
        if name:
            kept[name] = column
        elif column.dtype == object and not any(column):
            notes.append(f"column {number + 1} has no name and no values: left out")
        elif number == 0 and column.dtype != object and len(column) > 1 and (np.diff(column) == 1).all():
            notes.append("column 1 has no name and counts the rows: left out")
        else:
            raise NameWrong(
                f"column {number + 1} has values but no name",
                help="name it in the header",
                where=source.at(header.line, header.fields[number].column),
            )
    return kept, notes
