"""The first line of a table: where it is, what separates the columns, what they are called and in which units."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workbench import Table
from workbench.errors.data import HeaderMissing, HeaderRepeated, NameWrong, QuoteWrong, SeparatorUnclear, TooLarge

from .rows import SEPARATORS, Field, separator_in_words, split_line
from .source import Source

MOST_COLUMNS = 10_000
_QUOTED = re.compile(r'"[^"]*"')
_FOR_EXCEL = re.compile(r"sep=.", re.IGNORECASE)  # tells Excel the separator, which the header shows as well
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?", re.ASCII)
_NAME_AND_UNIT = re.compile(r"(?P<name>.*?\S)(?:\s*\[(?P<bracket>[^][]+)\]|\s+\((?P<round>[^()]+)\))")


@dataclass(frozen=True)
class Header:
    """What the header says; a column without a name is "" here."""

    fields: tuple[Field, ...]
    names: tuple[str, ...]
    line: int  # of the header itself; the rows begin below it
    separator: str
    units: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_header(source: Source, separator: str | None, comment: str, names: tuple[str, ...]) -> Header:
    """The header of a file; `names` stand for a header that the file does not have.

    Raises HeaderMissing, HeaderRepeated, NameWrong, SeparatorUnclear, QuoteWrong or TooLarge.
    """
    skipped, line, text, following = _first_line(source, comment)
    notes = [f"{len(skipped)} line{'s' * (len(skipped) != 1)} before the header skipped"] if skipped else []
    if separator is None:
        separator = _sniff(source, line, text, following)
        if separator != ",":
            notes.append(f"columns separated by {separator_in_words(separator)}")
    try:
        fields = tuple(split_line(text, separator))
    except ValueError as error:
        raise QuoteWrong(
            "the quoted name does not end as it should",
            help="close the quote",
            where=source.at(line, int(error.args[0])),
        ) from None
    if len(fields) > MOST_COLUMNS:
        raise TooLarge(f"the header has {len(fields)} columns; at most {MOST_COLUMNS} are read", where=source.at(line))
    if names:
        if len(fields) == len(names) + 1 and not fields[-1].text:  # a separator at the end of every line
            names = (*names, "")
        if len(names) != len(fields):
            raise HeaderMissing(
                f"{len(names)} names were given for {len(fields)} columns",
                help="name every column",
                where=source.at(line),
            )
        if not any(_is_value(each.text) for each in fields):
            raise NameWrong(
                "names were given, but the first line holds names too",
                help="leave reader.names out",
                where=source.at(line, 1),
            )
        return Header(fields, names, line - 1, separator, notes=tuple(notes))
    first = next((each.text for each in fields if each.text), "")
    if _is_value(first) or all(_is_value(each.text) for each in fields):
        raise HeaderMissing(
            "the first line holds numbers; a header with the names of the columns is wanted",
            help=_header_help(skipped, separator, len(fields)),
            where=source.at(line, 1),
        )
    found, units = _names_and_units(fields)
    if units:
        notes.append("units from the header: " + ", ".join(f"{name} in {unit}" for name, unit in units.items()))
    _check_names(found, fields, source, line)
    return Header(fields, found, line, separator, units, tuple(notes))


def _first_line(source: Source, comment: str) -> tuple[list[str], int, str, str]:
    """The lines before the header, its number, its text and the text of the line below it."""
    skipped: list[str] = []
    start, line = 0, 1
    while True:
        end = source.text.find(b"\n", start)
        end = len(source.text) if end < 0 else end
        text = source.text[start:end].decode()
        passed = (comment and text.startswith(comment)) or (line == 1 and _FOR_EXCEL.fullmatch(text.strip()))
        if text.strip() and not passed:
            after = source.text.find(b"\n", end + 1)
            return skipped, line, text, source.text[end + 1 : after if after >= 0 else None].decode()
        if end == len(source.text):
            raise HeaderMissing(f"every line begins with {comment!r}; a header is wanted", where=source.at(1))
        skipped.append(text)
        start, line = end + 1, line + 1


def _sniff(source: Source, line: int, header: str, following: str) -> str:
    """The separator: the only one in the header, or the only one that splits the line below it alike."""
    bare, below = _QUOTED.sub("", header), _QUOTED.sub("", following)
    present = [mark for mark in (",", ";", "\t") if mark in bare]
    if not present:
        blanks = (
            len(header.split()) > 1
            and len(header.split()) == len(following.split())
            and not any(mark in below for mark in ";\t")
        )
        return " " if blanks else ","
    if len(present) > 1:
        present = [mark for mark in present if bare.count(mark) == below.count(mark)]
    if len(present) != 1:
        options = ", ".join(name for name, mark in SEPARATORS.items() if mark in bare)
        raise SeparatorUnclear(
            "the header can be split at more than one character",
            help=f"-S reader.separator= one of {options}",
            where=source.at(line, 1),
        )
    return present[0]


def _names_and_units(fields: tuple[Field, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names without the units that stand behind them in brackets; `x[0]` and `x(1)` are names as they stand."""
    names, units = [], {}
    for each in fields:
        match = _NAME_AND_UNIT.fullmatch(each.text)
        unit = (match["bracket"] or match["round"]).strip() if match else ""
        if match and unit and not unit.isdigit():
            names.append(match["name"])
            units[match["name"]] = unit
        else:
            names.append(each.text)
    if len(set(names)) < len({each.text for each in fields}):  # the brackets are what tells the columns apart
        return tuple(each.text for each in fields), {}
    return tuple(names), units


def _check_names(names: tuple[str, ...], fields: tuple[Field, ...], source: Source, line: int) -> None:
    """Raise HeaderRepeated or NameWrong; empty names are judged later, by what stands below them."""
    first: dict[str, int] = {}
    for number, (name, each) in enumerate(zip(names, fields, strict=True)):
        if not each.text.isprintable():
            raise NameWrong(
                f"the name {each.text!r} holds control characters",
                help="rename the column",
                where=source.at(line, each.column),
            )
        if name and name in first:
            raise HeaderRepeated(
                f"two columns are named {name!r}: number {first[name] + 1} and number {number + 1}",
                help="rename one of them",
                where=source.at(line, each.column),
            )
        first[name] = number


def _is_value(text: str) -> bool:
    """Whether a field of the first line is an observation rather than a name."""
    return (
        Table.is_number(text)
        or Table.is_number(text, ",")
        or text.lower() in ("", "nan")
        or bool(_DATE.fullmatch(text))
    )


def _header_help(skipped: list[str], separator: str, width: int) -> str:
    """How to give names to the columns."""
    example = ",".join(["t", *(f"x{i}" for i in range(1, min(width, 4)))]) + (",…" if width > 4 else "")
    for text in reversed(skipped):
        try:
            if len(split_line(text.lstrip("#%/ "), separator)) == width:
                return f"remove the mark in front of {text[:40]!r}, or name the columns: -S reader.names={example}"
        except ValueError:
            continue
    return f"add a header, or name the columns: -S reader.names={example}"
