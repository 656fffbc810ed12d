"""Rows in the order of their times: checked, sorted when asked, repeated times kept or merged when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors.counting import count
from ..errors.data import TimeRepeated, TimeUnsorted
from .columns import Columns

Dedupe = Literal["mean", "first", "last"]


@dataclass(frozen=True)
class Rows:
    """Rows of a table, trajectory after trajectory and in the order of time."""

    row: np.ndarray  # (kept,) the row of the table
    t: np.ndarray  # (kept,)
    code: np.ndarray  # (kept,) the trajectory

    def where(self, keep: np.ndarray) -> Rows:
        """Some of them."""
        return Rows(self.row[keep], self.t[keep], self.code[keep])

    def repeats(self) -> np.ndarray:
        """Which rows have the time of the row before them (kept,) bool."""
        again = np.zeros(len(self.t), dtype=bool)
        again[1:] = (np.diff(self.t) == 0) & (np.diff(self.code) == 0)
        return again


def order_rows(
    columns: Columns,
    time: str,
    t: np.ndarray,
    codes: np.ndarray,
    names: tuple[str, ...],
    *,
    sort: bool,
    keep_repeats: bool,
    separating: Callable[[], list[str]],
) -> tuple[Rows, tuple[str, ...]]:
    """All rows by trajectory; within one, times increase, or may repeat where `keep_repeats`.

    Raises TimeUnsorted (D013) or TimeRepeated (D014) with both lines; `separating` finds columns that would make
    trajectories of increasing times, and is asked only for the help.
    """
    notes: tuple[str, ...] = ()
    row = np.lexsort((t, codes)) if sort else np.argsort(codes, kind="stable")
    if sort:
        moved = int((row != np.argsort(codes, kind="stable")).sum())
        notes = (f"{count(moved, 'row')} put in the order of time",) if moved else ()
    rows = Rows(row, t[row], codes[row])
    within = np.diff(rows.code) == 0
    step = np.diff(rows.t)
    backward = np.flatnonzero(within & (step < 0))
    repeated = np.flatnonzero(within & (step == 0)) if not keep_repeats else np.array([], dtype=int)
    bad = np.union1d(backward, repeated)
    if not len(bad):
        return rows, notes
    first = int(bad[np.argmin(rows.row[bad + 1])])  # the first in the file
    raise _complaint(columns, time, rows, first, names, step[first] < 0, separating())


def _complaint(
    columns: Columns, time: str, rows: Rows, at: int, names: tuple[str, ...], backward: bool, separating: list[str]
) -> TimeUnsorted | TimeRepeated:
    """The error for the row behind `at`."""
    table, before, after = columns.table, int(rows.row[at]), int(rows.row[at + 1])
    which = f" (trajectory {names[int(rows.code[at])]})" if len(names) > 1 else ""
    earlier = f"row {before + 1}" if table.lines is None else f"line {int(table.lines[before])}"
    help = f"name the trajectory column: --trajectory {separating[0]}; or " if separating else ""
    if backward:
        text = f"time {rows.t[at + 1]:.12g} comes after {rows.t[at]:.12g} in {earlier}{which}; times must increase"
        help += "put the rows in order: --sort"
        return TimeUnsorted(text, help=help, where=table.where(after, time))
    text = f"time {rows.t[at + 1]:.12g} repeats {earlier}{which}"
    help += "keep both: --replicates; or merge them: --dedupe mean"
    return TimeRepeated(text, help=help, where=table.where(after, time))


def merge_repeats(rows: Rows, values: np.ndarray, how: Dedupe) -> tuple[Rows, np.ndarray]:
    """One row a time, and the values (kept, column) merged with missing ones left out of a mean.

    >>> rows = Rows(np.arange(3), np.array([0.0, 1.0, 1.0]), np.zeros(3, dtype=int))
    >>> merge_repeats(rows, np.array([[1.0], [2.0], [4.0]]), "mean")[1].tolist()
    [[1.0], [3.0]]
    """
    starts = np.flatnonzero(~rows.repeats())
    if how == "first":
        return rows.where(starts), values[starts]
    if how == "last":
        ends = np.append(starts[1:], len(rows.t)) - 1
        return rows.where(ends), values[ends]
    present = values == values
    count = np.add.reduceat(present.astype(np.float64), starts, axis=0)
    total = np.add.reduceat(np.where(present, values, 0.0), starts, axis=0)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return rows.where(starts), mean
