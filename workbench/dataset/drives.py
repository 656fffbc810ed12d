"""What drives a trajectory from outside: measured inputs, and covariates that are one value a trajectory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors.data import CovariateVaries, InputMissing
from .columns import Columns
from .dataset import Inputs
from .order import Rows


def covariate_values(columns: Columns, name: str, column: str, rows: Rows, names: tuple[str, ...]) -> np.ndarray:
    """A covariate (trajectory,); CovariateVaries at the first row that differs from the first of its trajectory."""
    values = columns.numbers(column, gaps=False)[rows.row]
    starts = np.searchsorted(rows.code, np.arange(len(names)))
    differs = np.flatnonzero(values != values[starts][rows.code])
    if len(differs):
        at = int(differs[np.argmin(rows.row[differs])])
        first = int(starts[rows.code[at]])
        which = f" in trajectory {names[int(rows.code[at])]}" if len(names) > 1 else ""
        raise CovariateVaries(
            f"covariate {name!r} changes from {values[first]:.12g} to {values[at]:.12g}{which}",
            help=f"--inputs {column} if it is measured over time, or --trajectory if a trajectory begins here",
            where=columns.table.where(int(rows.row[at]), column),
        )
    return values[starts]


def measured_inputs(
    columns: Columns, measured: Mapping[str, str], rows: Rows, values: np.ndarray, names: tuple[str, ...]
) -> Inputs:
    """The inputs on the rows that have them; each row has all or none, and a time stands once."""
    present = ~np.isnan(values)
    partial = np.flatnonzero(present.any(axis=1) & ~present.all(axis=1))
    listed = list(measured)
    if len(partial):
        at = int(partial[0])
        gone = int(np.argmin(present[at]))
        raise InputMissing(
            f"input {listed[gone]!r} is missing at time {rows.t[at]:.12g}, where another input has a value",
            help="give all inputs at the same times",
            where=columns.table.where(int(rows.row[at]), measured[listed[gone]]),
        )
    keep = present.any(axis=1)
    rows, values = rows.where(keep), values[keep]
    again = rows.repeats()
    conflicts = np.flatnonzero(again[1:] & (np.diff(values, axis=0) != 0).any(axis=1)) + 1
    if len(conflicts):
        at = int(conflicts[0])
        raise InputMissing(
            f"the inputs have two different values at time {rows.t[at]:.12g}",
            help="--dedupe mean, or name the trajectory column: --trajectory",
            where=columns.table.where(int(rows.row[at])),
        )
    rows, values = rows.where(~again), values[~again]
    size = np.bincount(rows.code, minlength=len(names))
    if not size.all():
        which = names[int(np.argmin(size))]
        raise InputMissing(f"trajectory {which} has no value of {', '.join(listed)}", where=columns.table.where())
    return Inputs(tuple(listed), rows.t, values, size)


def held_to_the_end(inputs: Inputs, kept: Rows, names: tuple[str, ...]) -> tuple[str, ...]:
    """What is to be said where observations go on for longer than two steps of the inputs after these end."""
    last = np.searchsorted(kept.code, np.arange(len(names)), side="right") - 1
    for i, name in enumerate(names):
        t = inputs.t[inputs.rows(i)]
        step = np.median(np.diff(t)) if len(t) > 1 else 0.0
        if kept.t[last[i]] > t[-1] + 2 * step:
            which = f" of trajectory {name}" if len(names) > 1 else ""
            ends = f"{', '.join(inputs.names)}{which} end at {t[-1]:.6g}"
            return (f"{ends}, and observations go on to {kept.t[last[i]]:.6g}: the last value is held",)
    return ()


def check_begin(columns: Columns, inputs: Inputs, kept: Rows, names: tuple[str, ...]) -> None:
    """Raise InputMissing where a trajectory is observed before its inputs begin."""
    first = np.searchsorted(kept.code, np.arange(len(names)))
    late = np.flatnonzero(kept.t[first] < inputs.t[inputs.starts])
    if len(late):
        at, begin = int(first[late[0]]), inputs.t[inputs.starts[late[0]]]
        raise InputMissing(
            f"observed at time {kept.t[at]:.12g}, before {', '.join(inputs.names)} begin at {begin:.12g}",
            help="give the inputs from the first observation on",
            where=columns.table.where(int(kept.row[at])),
        )
