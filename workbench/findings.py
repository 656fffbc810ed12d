"""What an experiment finds: tables, claims, pictures and notes, as plain records.

They hold numbers and words only: the workflow prints, draws and stores them, so that an experiment does none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

Cell = str | float | int | bool | None


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, the unit of its numbers and, where they are published, the source."""

    name: str
    unit: str = ""
    source: str = ""
    """Where the numbers are printed (paper, table); empty for numbers of this run."""


@dataclass(frozen=True)
class ResultTable:
    """Rows of cells under columns; None is a number that was not measured, and `note` says why."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


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


@dataclass(frozen=True)
class Series:
    """One curve of a panel: y over x, (points,) each; a NaN is a gap. `low` and `high` bound a band around it."""

    label: str
    x: np.ndarray
    y: np.ndarray
    style: Literal["line", "points", "line and points", "reference"] = "line"
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Raster:
    """Values over a rectangle: `values` (row, column), row 0 at the bottom; `extent` is left, right, bottom, top."""

    values: np.ndarray
    extent: tuple[float, float, float, float]
    label: str = ""


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


@dataclass(frozen=True)
class Findings:
    """All that an experiment has to say; `sources` are the works that its published numbers were read in."""

    tables: tuple[ResultTable, ...]
    claims: tuple[Claim, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """What an experiment is given: how much it may do, its seeds, a folder of data and somewhere to report progress."""

    quick: bool = False
    """The small form, which takes under a minute on two cores; the full form takes under half an hour."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    data: Path | None = None
    """The folder that `--data` names, for experiments on files that do not come with the workbench."""
    say: Callable[[str], None] = lambda line: None
    """Takes a line of progress; the workflow passes one that writes to the terminal's error stream."""
