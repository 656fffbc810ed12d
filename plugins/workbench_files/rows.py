"""Lines of text into cells: quickly for a whole file, and carefully for one line that an error points into."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workbench.errors.data import QuoteWrong, RowWidth

from .source import Source

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}  # space: one or more blanks or tabs
_CHUNK = 1 << 20  # bytes parsed at a time
_PLURAL = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks"}
_BLANKS = re.compile(r"[ \t]+")


def separator_in_words(separator: str) -> str:
    """ "commas", "semicolons", "tabs" or "blanks"."""
    return _PLURAL[separator]


@dataclass(frozen=True)
class Field:
    """One cell of a line: its text without blanks around it, and the column (from 1) where it starts."""

    text: str
    column: int


def split_line(line: str, separator: str) -> list[Field]:
    """The fields of one line; ValueError(column) where a quoted cell does not end as it should.

    >>> [field.text for field in split_line('1, "a, b" ,3', ",")]
    ['1', 'a, b', '3']
    """
    fields, at = [], 0
    if separator == " ":
        line, at = line.rstrip(" \t"), len(line) - len(line.lstrip(" \t"))
    while True:
        start = at
        while line[start : start + 1] == " ":  # a quote may stand behind blanks
            start += 1
        if line[start : start + 1] == '"':
            text, end = _quoted(line, start)
            rest = len(line) if separator == " " else line.find(separator, end)
            if separator == " ":
                blank = _BLANKS.search(line, end)
                rest = blank.start() if blank else len(line)
            rest = len(line) if rest < 0 else rest
            if line[end:rest].strip(" \t"):
                raise ValueError(end + 1)
        else:
            rest = _next_separator(line, start if separator == " " else at, separator)
            text = line[at:rest].strip(" \t")
        fields.append(Field(text, min(start, rest) + 1))
        if rest >= len(line):
            return fields
        at = _BLANKS.match(line, rest).end() if separator == " " else rest + 1  # type: ignore[union-attr]  # rest is at a blank


def _quoted(line: str, start: int) -> tuple[str, int]:
    """The text of the quoted cell that begins at `start`, and where it ends."""
    end = start + 1
    while True:
        end = line.find('"', end)
        if end < 0:
            raise ValueError(start + 1)
        if line[end + 1 : end + 2] != '"':
            return line[start + 1 : end].replace('""', '"').strip(" \t"), end + 1
        end += 2


def _next_separator(line: str, at: int, separator: str) -> int:
    """Where the cell that begins at `at` ends."""
    if separator == " ":
        blank = _BLANKS.search(line, at)
        return blank.start() if blank else len(line)
    end = line.find(separator, at)
    return len(line) if end < 0 else end


@dataclass(frozen=True)
class Rows:
    """The rows below the header, in text[begin:end] without the last line end, and where each stands in the file."""

    source: Source
    text: bytes
    begin: int
    end: int
    lines: np.ndarray  # (row,)
    separator: str
    names: tuple[str, ...]

    def line(self, row: int) -> str:
        """The text of one row; slow, for errors."""
        text, number = self.source.text, int(self.lines[row])
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        start = int(ends[number - 2]) + 1 if number > 1 else 0
        end = int(ends[number - 1]) if number <= len(ends) else len(text)
        return text[start:end].decode()

    def column_of(self, row: int, number: int) -> int:
        """The column of the file (from 1) at which a cell starts."""
        return split_line(self.line(row), self.separator)[number].column  # the row has been split before

    def chunks(self) -> Iterator[list[str]]:
        """The cells of some rows at a time, row after row, each row as wide as the header."""
        start, row = self.begin, 0
        while start < self.end:
            end = self.text.find(b"\n", start + _CHUNK, self.end)
            end = self.end if end < 0 else end
            chunk = self.text[start:end]
            yield self.cells(chunk, row)
            start, row = end + 1, row + chunk.count(b"\n") + 1

    def cells(self, chunk: bytes, first: int) -> list[str]:
        """The cells of whole lines that begin at row `first`; RowWidth or QuoteWrong where one is not a row."""
        width, separator = len(self.names), self.separator
        if b'"' not in chunk and separator != " ":
            bad = _first_of_other_width(chunk, separator, width)
            if bad is not None:
                raise self._wrong(first + bad)
            return chunk.decode().replace("\n", separator).split(separator)
        cells: list[str] = []
        for i, line in enumerate(chunk.decode().split("\n")):
            row = _cells_of(line, separator)
            if len(row) != width:
                raise self._wrong(first + i)
            cells += row
        return cells

    def _wrong(self, row: int) -> QuoteWrong | RowWidth:
        """The error for a row that cannot be split into as many cells as the header has."""
        line, number, width = self.line(row), int(self.lines[row]), len(self.names)
        header = f"the header has {width} ({', '.join(self.names[:6])}{', …' if width > 6 else ''})"
        if not line.strip():
            return RowWidth(f"the line is blank; {header}", help="delete the line", where=self.source.at(number, 1))
        try:
            fields = split_line(line, self.separator)
        except ValueError as error:
            return QuoteWrong(
                "the quoted cell does not end as it should",
                help='close the quote on the same line, and write "" for a quote inside a cell',
                where=self.source.at(number, int(error.args[0])),
            )
        n = len(fields)
        help = "give every row one value a column"
        if self.separator == "," and n == 2 * width:
            help = "if the commas are decimal commas, separate the columns by semicolons and pass --decimal ,"
        elif n == width + 1 and not fields[-1].text:
            help = "remove the separator at the end of the line"
        elif n == width + 1:
            help = "if the first column has no name, give it one in the header"
        column = fields[width].column if n > width else len(line) + 1
        return RowWidth(
            f"{n} field{'s' * (n != 1)} in this row; {header}", help=help, where=self.source.at(number, column)
        )


def _cells_of(line: str, separator: str) -> list[str]:
    """The cells of one line, by the csv module where it is strict enough; none where the line cannot be split."""
    if separator == " " and '"' not in line:
        return [cell for cell in line.replace("\t", " ").split(" ") if cell]
    try:
        if separator != " ":
            return next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True), [])
    except csv.Error:
        pass  # blanks after a closing quote are in order, and split_line says where something is not
    try:
        return [field.text for field in split_line(line, separator)]
    except ValueError:
        return []


def _first_of_other_width(chunk: bytes, separator: str, width: int) -> int | None:
    """The first line of a chunk without quotes that is not `width` fields wide."""
    characters = np.frombuffer(chunk, np.uint8)
    ends = np.append(np.flatnonzero(characters == ord("\n")), len(chunk))
    before = np.searchsorted(np.flatnonzero(characters == ord(separator)), ends)
    other = np.flatnonzero(np.diff(before, prepend=0) != width - 1)
    if width == 1 and not len(other):  # a blank line is a row without a field
        other = np.flatnonzero(np.diff(ends, prepend=-1) == 1)
    return int(other[0]) if len(other) else None
