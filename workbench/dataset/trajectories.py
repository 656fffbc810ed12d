"""Which rows belong to which trajectory."""

from __future__ import annotations

import numpy as np

from ..errors.data import DataError, NameWrong, OutOfRange
from .columns import Columns


def group_codes(columns: Columns, trajectory: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of the trajectory of each row (row,), in order of first appearance, and the trajectories' names."""
    if trajectory is None:
        return np.zeros(columns.table.n_rows, dtype=np.int64), ("1",)
    cells = columns.table.columns[trajectory]
    if cells.dtype == object:
        number: dict[str, int] = {}
        codes = np.fromiter((number.setdefault(cell, len(number)) for cell in cells), np.int64, len(cells))
        if "" in number:
            raise columns.complaint(trajectory, int(np.argmax(codes == number[""])), gaps=False)
        for name in number:
            if not name.isprintable():
                raise NameWrong(
                    f"{name!r} names a trajectory, but holds control characters",
                    help="correct the cell",
                    where=columns.table.where(int(np.argmax(codes == number[name])), trajectory),
                )
        return codes, tuple(number)
    unusable = ~(np.abs(cells) < 2.0**53)  # missing, or too large for float64 to tell it from its neighbour
    if unusable.any():
        row = int(np.argmax(unusable))
        if np.isnan(cells[row]):
            raise columns.complaint(trajectory, row, gaps=False)
        raise OutOfRange(
            f"{cells[row]:.17g} is too large to name a trajectory",
            help="number the trajectories from 1, or put a letter in front",
            where=columns.table.where(row, trajectory),
        )
    values, first, inverse = np.unique(cells, return_index=True, return_inverse=True)
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(values))
    ordered = values[np.argsort(first)]
    return rank[inverse], tuple(str(int(v)) if v == int(v) else repr(float(v)) for v in ordered)


def backward_steps(t: np.ndarray, codes: np.ndarray | None = None) -> int:
    """How often time does not increase from one row to the next (within a group)."""
    if codes is None:
        return int((np.diff(t) <= 0).sum())
    order = np.argsort(codes, kind="stable")
    return int(((np.diff(t[order]) <= 0) & (np.diff(codes[order]) == 0)).sum())


def separating_columns(columns: Columns, t: np.ndarray, time: str) -> list[str]:
    """Columns of names or whole numbers that tell trajectories apart: in each, time increases over several rows."""
    found = []
    for name in columns.table.columns:
        if name == time or (columns.kind(name) == "number" and not are_whole(columns.cells(name))):
            continue
        try:
            codes, names = group_codes(columns, name)
        except DataError:
            continue
        if 1 < len(names) <= len(t) // 2 and backward_steps(t, codes) == 0:
            found.append(name)
    return found


def are_whole(values: np.ndarray) -> bool:
    """Whether all values are whole numbers, none of them missing."""
    return bool((values == np.rint(values)).all())
