"""Which observations a trial is compared with, laid out as rows of times for the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import Dataset


@dataclass(frozen=True)
class Selection:
    """Some observations of a dataset: `rows` are the trajectories that have any, `ts` their distinct times.

    Observation `index[k]` of the dataset is found at (row[k], column[k]) of a solution at `ts`; repeated times share
    a column. `values` (observation, channel) holds NaN where nothing was observed; `sd` are their standard deviations
    where the data have such.
    """

    rows: np.ndarray  # (row,) trajectory numbers, increasing
    ts: np.ndarray  # (row, time), NaN-padded
    index: np.ndarray  # (observation,)
    row: np.ndarray  # (observation,)
    column: np.ndarray  # (observation,)
    values: np.ndarray  # (observation, channel)
    sd: np.ndarray | None = None  # (observation, channel)

    @classmethod
    def of(cls, data: Dataset, wanted: np.ndarray | None = None) -> Selection:
        """The observations where `wanted` (observation,) is true; all of them without it."""
        index = np.arange(len(data.t)) if wanted is None else np.flatnonzero(wanted)
        trajectory = data.trajectory_of[index]
        rows, row = np.unique(trajectory, return_inverse=True)
        t = data.t[index]
        first = np.ones(len(index), dtype=bool)
        first[1:] = (np.diff(row) != 0) | (np.diff(t) != 0)
        number = np.cumsum(first) - 1  # distinct (trajectory, time) pairs, in order
        begins = np.searchsorted(row[first], np.arange(len(rows)))
        column = number - begins[row]
        ts = np.full((len(rows), int(column.max(initial=-1)) + 1), np.nan)
        ts[row, column] = t
        sd = None if data.sd is None else data.sd[index]
        return cls(rows, ts, index, row, column, data.values[index], sd)

    @classmethod
    def at(cls, rows: np.ndarray, ts: np.ndarray, n_channels: int) -> Selection:
        """Times ts (row, time) of trajectories `rows`, with nothing observed there."""
        n, length = ts.shape
        row, column = np.repeat(np.arange(n), length), np.tile(np.arange(length), n)
        return cls(rows, ts, np.arange(n * length), row, column, np.full((n * length, n_channels), np.nan))

    def take(self, places: np.ndarray) -> Selection:
        """The rows at `places`, repeats included: a trajectory that is taken twice counts twice."""
        members = [np.flatnonzero(self.row == place) for place in places]
        chosen = np.concatenate(members) if members else np.zeros(0, dtype=int)
        row = np.repeat(np.arange(len(places)), [len(each) for each in members])
        sd = None if self.sd is None else self.sd[chosen]
        column, values = self.column[chosen], self.values[chosen]
        return Selection(self.rows[places], self.ts[places], self.index[chosen], row, column, values, sd)

    @property
    def mask(self) -> np.ndarray:
        """Which values were observed (observation, channel)."""
        return np.isfinite(self.values)

    def __len__(self) -> int:
        return len(self.index)
