"""Equidistant rows of a file that has no column of times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors.usage import UsageError
from .columns import Columns
from .table import Table
from .trajectories import group_codes

NAMES = ("t", "time", "time_", "sample_time_")


def with_times(columns: Columns, step: float, trajectory: str | None) -> tuple[Table, str]:
    """The table with a column of times 0, step, 2 step, … in each trajectory, and that column's name.

    Raises UsageError for a step that is not positive.
    """
    table = columns.table
    if not 0 < step < np.inf:
        raise UsageError(f"a sample time of {step:g} was given; it is above 0", help="--sample-time 0.1")
    name = next(name for name in NAMES if name not in table.columns)
    if trajectory is not None:
        columns.require(trajectory, "trajectory", help="--trajectory takes the name of a column")
    codes = group_codes(columns, trajectory)[0]
    order = np.argsort(codes, kind="stable")
    begins = np.searchsorted(codes[order], codes[order])
    number = np.empty(len(codes))
    number[order] = np.arange(len(codes)) - begins
    return replace(table, columns={name: number * step, **table.columns}, place=None), name
