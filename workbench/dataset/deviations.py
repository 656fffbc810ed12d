"""Standard deviations of single values, from columns beside those of the values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors.data import ColumnMissing, DeviationWrong, ValueMissing
from ..errors.nearest import did_you_mean
from .columns import Columns
from .order import Rows


def deviations(
    columns: Columns, sigma: Mapping[str, str], states: Mapping[str, str], rows: Rows, values: np.ndarray
) -> np.ndarray:
    """The standard deviations (kept, channel) of `values`, NaN for a channel without any and where a value is missing.

    `sigma` is channel → column, `states` channel → column of its values. Raises ColumnMissing (D010) for a channel that
    is not there, ValueMissing (D017) and DeviationWrong (D062) with file, line and column.
    """
    found = np.full(values.shape, np.nan)
    for name, column in sigma.items():
        channel = _channel(columns, name, states)
        sd, present = columns.numbers(column)[rows.row], values[:, channel] == values[:, channel]
        bad = np.flatnonzero(present & ~(sd > 0))
        if len(bad):
            row = int(rows.row[bad[0]])
            where, at = columns.table.where(row, column), f"column {column!r}, the standard deviation of {name}"
            if np.isnan(sd[bad[0]]):
                help = "give one for every value, or leave the value out too"
                raise ValueMissing(f"the cell is missing ({at})", help=help, where=where)
            message = f"{sd[bad[0]]:.12g} is no standard deviation ({at})"
            raise DeviationWrong(message, help="a number above 0 is wanted beside every value", where=where)
        found[:, channel] = np.where(present, sd, np.nan)
    return found


def _channel(columns: Columns, name: str, states: Mapping[str, str]) -> int:
    """The number of the channel that is called so, or whose column is."""
    for number, names in enumerate(states.items()):
        if name in names:
            return number
    raise ColumnMissing(
        f"--sigma is about {name!r}, which is no channel; there are {', '.join(states)}",
        help=did_you_mean(name, states, "name one of these: --sigma CHANNEL=COLUMN"),
        where=columns.table.where(),
    )
