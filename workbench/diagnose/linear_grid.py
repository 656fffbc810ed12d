"""Trajectories laid side by side on their own times, and linear systems run over all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dataset import Dataset
from .affine_maps import exponentials, follow

SEGMENT = 65_536
"""Intervals followed at a time, which bounds the memory of a long free run."""


@dataclass(frozen=True)
class Grid:
    """Scaled observations (trajectory, time, channel), padded, with what may be seen of them.

    `index` (trajectory, time) is the row of the data, −1 where padded; `h` (trajectory, time − 1) the interval to the
    next observation, 0 where padded; `u` (trajectory, time − 1, 2 · input) the inputs at both ends of it; `y0` the
    starts (trajectory, channel); `trained` (trajectory,) which trajectories hold seen values.
    """

    index: np.ndarray
    ys: np.ndarray  # gaps filled by straight lines; only `use` marks what was observed
    use: np.ndarray  # (trajectory, time, channel) bool: observed and seen
    filled: np.ndarray  # (trajectory, time) bool: rows that are seen
    h: np.ndarray
    u: np.ndarray
    input_scale: np.ndarray
    y0: np.ndarray
    trained: np.ndarray

    @property
    def n_channels(self) -> int:
        """Columns of y."""
        return self.ys.shape[2]

    @property
    def n_regressors(self) -> int:
        """Columns of [A B b]."""
        return self.n_channels + self.u.shape[2] + 1

    @property
    def n_seen(self) -> int:
        """How many values may be fitted."""
        return int(self.use.sum())

    @property
    def cost(self) -> float:
        """Multiplications of one free run, roughly."""
        return self.h.size * self.n_channels**3 + 20 * _distinct(self.h)[0].size * self.n_regressors**3

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Values at both ends, inputs and length of every interval that lies in the seen rows (interval, …)."""
        both = self.filled[:, :-1] & self.filled[:, 1:] & (self.h > 0)
        return self.ys[:, :-1][both], self.ys[:, 1:][both], self.u[both], self.h[both]

    def simulate(self, systems: np.ndarray, y0: np.ndarray) -> np.ndarray:
        """Free runs (set, trajectory, time, channel) from y0 (set, trajectory, channel).

        `systems` are [A B b] (set, channel, regressor).
        Over each interval the system is linear with a constant input, so that one matrix exponential of the system
        augmented by its inputs is exact.
        """
        n = self.n_channels
        lengths, which = _distinct(self.h)
        ys = np.empty((len(systems), len(self.h), self.h.shape[1] + 1, n))
        ys[:, :, 0] = y0
        forcing = np.concatenate([self.u, np.ones((*self.h.shape, 1))], axis=2)
        with np.errstate(all="ignore"):
            maps = exponentials(systems, lengths)  # (set, length, channel, regressor)
            for first in range(0, self.h.shape[1], SEGMENT):
                here = slice(first, first + SEGMENT)
                step = maps[:, which[:, here]]
                shift = np.matmul(step[..., n:], forcing[:, here, :, None])[..., 0]
                ys[:, :, first + 1 : first + 1 + step.shape[2]] = follow(step[..., :n], shift, ys[:, :, first])
        return ys

    def residuals(self, systems: np.ndarray, y0: np.ndarray) -> np.ndarray:
        """Free run minus observation, over what may be seen (set, value)."""
        return (self.simulate(systems, y0) - self.ys)[:, self.use]


def grid_of(data: Dataset, seen: np.ndarray, given: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> Grid:
    """The grid of `data` scaled by (value − shift)/scale; starts are the first values that may be seen or are given."""
    ts, values, index = data.padded()
    real = index >= 0
    use = ~np.isnan(values) & (seen[index] & real)[:, :, None]
    known = use | (given[index] & real[:, :, None])
    scaled = (values - np.nan_to_num(shift)) / scale
    h = np.where(real[:, 1:], np.diff(ts, axis=1), 0.0)
    u, input_scale = _inputs(data, ts)
    ys = np.where(known, scaled, np.nan)
    rows = seen[index] & real
    broken = np.isnan(ys).any(axis=2) & rows
    broken[:, 0] |= np.isnan(ys[:, 0]).any(axis=1)
    for row in np.flatnonzero(broken.any(axis=1)):
        ys[row] = _without_gaps(ts[row], ys[row])
    ys = np.nan_to_num(ys)  # only rows that may not be seen are left
    return Grid(index, ys, use, rows, h, u, input_scale, ys[:, 0], use.any(axis=(1, 2)))


def _without_gaps(t: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Each column of (time, channel) with its gaps joined by straight lines, ends held; 0, the mean, if empty."""
    found = np.zeros(columns.shape)
    for channel, column in enumerate(columns.T):
        where = np.flatnonzero(~np.isnan(column))
        if where.size:
            found[:, channel] = np.interp(t, t[where], column[where])
    return found


def _inputs(data: Dataset, ts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scaled inputs at both ends of each interval (trajectory, time − 1, 2 · input), and their scales (2 · input,)."""
    if data.inputs is None:
        return np.zeros((ts.shape[0], ts.shape[1] - 1, 0)), np.ones(0)
    inputs = data.inputs
    at = np.zeros((*ts.shape, len(inputs.names)))
    ends = np.cumsum(inputs.row_size)
    for row, (first, last) in enumerate(zip(ends - inputs.row_size, ends, strict=True)):
        for column in range(len(inputs.names)):
            at[row, :, column] = np.interp(ts[row], inputs.t[first:last], inputs.values[first:last, column])
    at = np.nan_to_num(at)
    scale = np.max(np.abs(at), axis=(0, 1))
    scale = np.where(scale > 0, scale, 1.0)
    at = at / scale
    return np.concatenate([at[:, :-1], at[:, 1:]], axis=2), np.concatenate([scale, scale])


def _distinct(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different interval lengths, equal to nine digits of the longest, and which one each interval has."""
    unit = h.max(initial=0.0) or 1.0
    lengths, which = np.unique(np.round(h / unit, 9), return_inverse=True)
    return lengths * unit, which.reshape(h.shape)
