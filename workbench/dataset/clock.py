"""A column of times as float64: numbers as they stand, dates as days, moments as seconds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from ..errors.data import BeforeStart, DateWrong
from ..errors.usage import UsageError
from .columns import DATE, DATETIME, Columns


def read_clock(
    columns: Columns, name: str, start: float | str | None = None
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """The times of every row (row,), their unit where it is known, and what is to be said about them.

    ISO dates become days, ISO dates with a time of day seconds, counted from the earliest or from `start`, if that is a
    date. No observation may lie before `start`. Raises DateWrong (D037), BeforeStart (D038), NotANumber, ValueMissing.
    """
    cells = columns.table.columns[name]
    unit = columns.table.units.get(name, "")
    notes: tuple[str, ...] = ()
    begin = start
    if columns.cells(name).dtype == object and any(DATE.match(cell) for cell in cells[:1000]):
        moments, daily = _moments(columns, name)
        origin = moments.min() if not isinstance(start, str) else _moment(start, "start")
        step = np.timedelta64(1, "D") if daily else np.timedelta64(1, "s")
        t, unit = (moments - origin) / step, "day" if daily else "s"
        shown = str(origin.astype("datetime64[D]" if daily else "datetime64[ms]"))
        notes = (f"{name} counted in {'days' if daily else 'seconds'} since {shown}",)
        begin = 0.0 if isinstance(start, str) else start
    elif isinstance(start, str):
        raise UsageError(f"start {start!r} is a date, but column {name!r} holds numbers", help="give start as a number")
    else:
        t = columns.numbers(name, gaps=False)
    if begin is not None and len(t) and t.min() < float(begin):
        row = int(np.argmax(t < float(begin)))
        raise BeforeStart(
            f"time {cells[row]} lies before the start {start}",
            help="start earlier",
            where=columns.table.where(row, name),
        )
    return t, unit, notes


def _moments(columns: Columns, name: str) -> tuple[np.ndarray, bool]:
    """Every cell as datetime64 in microseconds (row,), and whether all of them are plain dates."""
    cells = columns.table.columns[name]
    model = next(cell for cell in cells if DATE.match(cell))
    daily = DATE.fullmatch(model) is not None
    pattern, wanted = (DATE, "a date like 1978-01-22") if daily else (DATETIME, "a moment like 1978-01-22T14:30:00")
    zoned = _has_zone(model)
    out = np.empty(len(cells), dtype="datetime64[us]")
    seen: dict[str, np.datetime64] = {}
    for row, cell in enumerate(cells):
        if cell not in seen:
            if not pattern.fullmatch(cell):
                raise DateWrong(
                    f"{cell!r} is not {wanted}, as column {name!r} has them",
                    help="write the whole column in one way",
                    where=columns.table.where(row, name),
                )
            if not daily and _has_zone(cell) != zoned:
                raise DateWrong(
                    f"{cell!r} {'has no' if zoned else 'has a'} time zone, unlike others in column {name!r}",
                    help="give every moment a time zone, or none",
                    where=columns.table.where(row, name),
                )
            try:
                seen[cell] = _moment(cell, name)
            except DateWrong as error:
                raise error.at(columns.table.where(row, name)) from None
        out[row] = seen[cell]
    return out, daily


def _has_zone(cell: str) -> bool:
    """Whether a moment names its time zone."""
    return cell[-1] == "Z" or "+" in cell or "-" in cell[10:]


def _moment(text: str, what: str) -> np.datetime64:
    """One ISO date, with or without a time of day, in UTC if it names a time zone."""
    try:
        moment = datetime.fromisoformat(text.replace(",", ".").replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
    except ValueError:
        raise DateWrong(f"{text!r} is not a date ({what})", help="write dates as 1978-01-22") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")
