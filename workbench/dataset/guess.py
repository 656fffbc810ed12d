"""Guesses from names and values: which column is the time, which tells trajectories apart, which are the states."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ..errors.data import ColumnsUnclear, DataError
from .clock import read_clock
from .columns import Columns
from .trajectories import are_whole, backward_steps, group_codes

_TIMES = (
    *(
        "t",
        "time",
        "times",
        "datetime",
        "timestamp",
        "date",
        "dates",
        "year",
        "years",
        "month",
        "months",
        "week",
        "weeks",
    ),
    *("day", "days", "hour", "hours", "minute", "minutes", "second", "seconds", "sec", "age"),
)
_TIME_WITH_UNIT = re.compile(r"(t|time)[_ .-](s|sec|seconds?|ms|us|ns|m|min|minutes?|h|hr|hours?|d|days?|years?|yr)")
_GROUPS = (
    *(
        "trajectory",
        "trajectory_id",
        "traj",
        "traj_id",
        "subject",
        "subject_id",
        "id",
        "experiment",
        "experiment_id",
        "exp",
    ),
    *(
        "run",
        "run_id",
        "episode",
        "sequence",
        "series",
        "individual",
        "patient",
        "patient_id",
        "animal",
        "batch",
        "trial",
    ),
    *("segment", "unit", "group", "condition", "replicate", "sample_id"),
)
_ROW_NUMBERS = ("rownames", "rowname", "row_names", "row", "rows", "index", "unnamed: 0", "no", "nr", "#")


def named_like_trajectories(columns: Columns, names: list[str]) -> list[str]:
    """The columns that are named like the number or name of a trajectory, the most telling first."""
    alike = [name for name in names if name.lower() in _GROUPS and columns.kind(name) != "blank"]
    return sorted(alike, key=lambda name: _GROUPS.index(name.lower()))


def guess_time(columns: Columns, free: list[str], groups: list[str]) -> str:
    """The column with the most telling name, else the first that increases (within a trajectory)."""
    known_names = [name for name in free if name.lower() in _TIMES and name != "T"]  # T is a temperature as often
    by_rank = sorted(known_names, key=lambda name: _TIMES.index(name.lower()))
    by_rank += [name for name in free if _TIME_WITH_UNIT.fullmatch(name.lower())]
    usable = [name for name in by_rank if columns.kind(name) not in ("text", "blank")]
    if usable or by_rank:
        return (usable or by_rank)[0]
    known = [group_codes(columns, name)[0] for name in groups if columns.kind(name) != "mixed"]
    for name in free:
        if columns.kind(name) in ("number", "date") and name.lower() not in _ROW_NUMBERS and name not in groups:
            t = read_clock(columns, name)[0] if columns.kind(name) == "date" else columns.cells(name)
            finite = bool(np.isfinite(t).all())
            if finite and any(backward_steps(t, codes) == 0 for codes in (None, *known)):
                return name
    for name in free:
        if columns.nearly_date(name):
            raise columns.complaint(name, 0)
    raise ColumnsUnclear(
        f"no column is named like a time and none increases; columns found: {columns.listed()}",
        help="--time NAME, and --trajectory NAME where times start anew; --sample-time STEP for rows at even times",
        where=columns.table.where(),
    )


def guess_trajectory(columns: Columns, time: str, groups: list[str]) -> str | None:
    """A column named like a trajectory, if times start anew where its value changes."""
    if not groups or columns.kind(time) not in ("number", "date"):
        return None
    t = read_clock(columns, time)[0]
    alone = backward_steps(t)
    for name in groups:
        codes, names = group_codes(columns, name)
        if 1 < len(names) < len(t) and backward_steps(t, codes) < alone:
            return name
    return None


def guess_states(
    columns: Columns, free: list[str], trajectory: str | None, mapped: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The numeric columns that are left, as channel → column; and the others with the reason against each."""
    codes = group_codes(columns, trajectory)[0] if trajectory else None
    chosen: dict[str, str] = {}
    unused: dict[str, str] = {}
    position = {column: channel for channel, column in mapped.items()}
    for name in columns.table.columns:
        if name in position:
            chosen[position[name]] = name
        elif name in free:
            why = _reason_against(columns, name, codes)
            if why:
                unused[name] = why
            else:
                chosen[name] = name
    if not chosen:
        raise ColumnsUnclear(
            f"no column of numbers is left for the states; columns found: {columns.listed()}",
            help="--states NAME,NAME",
            where=columns.table.where(),
        )
    return chosen, unused


def _reason_against(columns: Columns, name: str, codes: np.ndarray | None) -> str:
    """Why a column is no state, "" if it is one; an error where it would be one but for a cell."""
    kind = columns.kind(name)
    if kind == "blank" or (kind == "number" and np.isnan(columns.cells(name)).all()):
        return "no values"
    if name.lower() in _GROUPS and (kind != "number" or are_whole(columns.cells(name))):
        return "an identifier; --trajectory uses it"
    if kind == "mixed":
        raise _naming_states(columns.complaint(name, columns.first_bad(columns.table.columns[name])))
    if kind != "number":
        nearly = columns.nearly_number(name) if kind == "text" else None
        if nearly is not None:
            raise _naming_states(columns.complaint(name, nearly))
        return "dates" if kind == "date" else "text"
    if name.lower() in _ROW_NUMBERS and columns.counts_rows(name):
        return "counts the rows"
    if codes is not None and columns.is_constant(name, codes) and not columns.is_constant(name):
        return "constant in each trajectory; --covariates uses it"
    return ""


def _naming_states(error: DataError) -> DataError:
    """The error, with the way around it: a column that is not needed."""
    if "--states" not in error.help:
        error.help += ", or leave the column out by naming the others in --states"
    return error
