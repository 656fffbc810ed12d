"""What an experiment finds: tables, claims, pictures and notes, as plain records.

They hold numbers and words only: the workflow prints, draws and stores them, so that an experiment does none of it.
A record that does not fit together raises ContractBroken (P010) where it is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .errors.plugins import ContractBroken

Cell = str | float | int | bool | None

STYLES = ("line", "points", "line and points", "reference")
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, the unit of its numbers and, where they are published, the source."""

    name: str
    unit: str = ""
    source: str = ""
    """Where the numbers are printed (paper, table); empty for numbers of this run."""
    checked: bool = True
    """The numbers were read in the source itself; False where they are quoted from elsewhere or from memory."""
    varies: bool = False
    """Times and memory: another run gives other numbers, where all else is the same for the same seeds."""


@dataclass(frozen=True)
class ResultTable:
    """Rows of cells under columns; None is a number that was not measured, and `note` says why."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        rows = tuple(tuple(_cell(cell, self.title) for cell in row) for row in self.rows)
        object.__setattr__(self, "rows", rows)
        for row in rows:
            if len(row) != len(self.columns):
                raise ContractBroken(
                    f'the table "{self.title}" has {len(self.columns)} columns and a row of {len(row)} cells'
                )


@dataclass(frozen=True)
class Claim:
    """A sentence that was published or demanded, what was wanted, what was seen, and whether it holds.

    `holds` is None where this run cannot say; `reason` says why it does not hold, or why nothing can be said.
    """

    text: str
    wanted: str
    seen: str
    holds: bool | None
    reason: str = ""
    source: str = ""
    checked: bool = True
    """The sentence was read in the source itself; False where it is quoted from elsewhere or from memory."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", _plain(self.holds))
        if self.holds is not True and not self.reason:
            raise ContractBroken(f'the claim "{self.text}" is not found to hold, and no reason is given')

    @property
    def verdict(self) -> str:
        """`holds`, or `not reproduced: …` or `not decided: …` with the reason."""
        if self.holds:
            return "holds"
        return f"{'not decided' if self.holds is None else 'not reproduced'}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Series:
    """One curve of a panel: y over x, (points,) each; a NaN is a gap. `low` and `high` bound a band around it."""

    label: str
    x: np.ndarray
    y: np.ndarray
    style: Literal["line", "points", "line and points", "reference"] = "line"
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ContractBroken(f'the curve "{self.label}" has the style {self.style!r}; there are {STYLES}')
        for name in ("x", "y", "low", "high"):
            values = getattr(self, name)
            if values is None and name in ("low", "high"):
                continue
            array = _numbers(values, f'"{self.label}"', 1)
            if array.shape != np.shape(self.x):
                raise ContractBroken(f'the curve "{self.label}" has {len(self.x)} values of x and {len(array)} {name}')
            object.__setattr__(self, name, array)
        if (self.low is None) != (self.high is None):
            raise ContractBroken(f'the band of "{self.label}" has one side only')


@dataclass(frozen=True, eq=False)
class Raster:
    """Values over a rectangle: `values` (row, column), row 0 at the bottom; `extent` is left, right, bottom, top."""

    values: np.ndarray
    extent: tuple[float, float, float, float]
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _numbers(self.values, f'the raster "{self.label}"', 2))
        object.__setattr__(self, "extent", tuple(map(float, self.extent)))


@dataclass(frozen=True)
class Panel:
    """One pair of axes with its curves, or with a raster below them; labels name the quantity and its unit."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...] = ()
    raster: Raster | None = None
    log_x: bool = False
    log_y: bool = False
    equal: bool = False
    """Both axes have one scale: phase portraits, densities in the plane."""


@dataclass(frozen=True)
class Picture:
    """Panels side by side under one name, which becomes the name of its file."""

    name: str
    title: str
    panels: tuple[Panel, ...]

    def __post_init__(self) -> None:
        if not FILE_NAME.fullmatch(self.name):
            raise ContractBroken(f'a picture is named "{self.name}"; small letters, digits, - and _ make a file name')
        if not self.panels:
            raise ContractBroken(f'the picture "{self.name}" has no panel')


@dataclass(frozen=True)
class Findings:
    """All that an experiment has to say; `sources` are the works that its published numbers were read in."""

    tables: tuple[ResultTable, ...]
    claims: tuple[Claim, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [picture.name for picture in self.pictures]
        if len(set(names)) < len(names):
            raise ContractBroken(f"two pictures bear one name: {', '.join(names)}")


@dataclass(frozen=True)
class Lab:
    """What an experiment is given: how much it may do, its seeds, a folder of data and somewhere to report progress."""

    quick: bool = False
    """The small form, which takes under a minute on two cores; the full form is meant to take under half an hour."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    data: Path | None = None
    """The folder that `--data` names, for experiments on files that do not come with the workbench."""
    say: Callable[[str], None] = lambda line: None
    """Takes a line of progress; the workflow passes one that writes to the terminal's error stream."""


def _plain(value: Any) -> Any:
    """NumPy's numbers and booleans as Python's; anything else as it came."""
    return value.item() if isinstance(value, np.generic) else value


def _cell(value: Any, title: str) -> Cell:
    plain = _plain(value)
    if plain is None or isinstance(plain, (str, float, int, bool)):
        return plain
    raise ContractBroken(f'the table "{title}" has a cell of type {type(value).__name__}; text and numbers are wanted')


def _numbers(values: Any, what: str, ndim: int) -> np.ndarray:
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError) as reason:
        raise ContractBroken(f"{what} holds what is no number") from reason
    if array.ndim != ndim:
        raise ContractBroken(f"{what} has {array.ndim} axes; {ndim} are wanted")
    return array
