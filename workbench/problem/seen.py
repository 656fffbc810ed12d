"""What of a problem's data may be looked at before its fit has ended: everything but the test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.dataset import TEST, Dataset

from .first_samples import FirstSamples


@dataclass(frozen=True)
class Seen:
    """`values` (observation, channel) without the test part, which is NaN; `observations` (observation,) says where."""

    data: Dataset
    observations: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, data: Dataset, part: np.ndarray | None) -> Seen:
        """`part` (observation,) as of a split; None: all may be seen."""
        seen = np.ones(len(data.t), dtype=bool) if part is None else np.asarray(part) != TEST
        return cls(data, seen, np.where(seen[:, None], data.values, np.nan))

    @property
    def with_starts(self) -> np.ndarray:
        """The values (observation, channel), and those of trajectories that only test, for a free run starts there."""
        only_test = ~np.logical_or.reduceat(self.observations, self.data.starts)[self.data.trajectory_of]
        return np.where((self.observations | only_test)[:, None], self.data.values, np.nan)

    def first(self, fallback: np.ndarray) -> np.ndarray:
        """The first of `with_starts` of each trajectory (trajectory, channel); `fallback` (channel,) without any."""
        values = self.with_starts
        first = np.tile(fallback, (self.data.n_trajectories, 1))
        for channel, column in enumerate(values.T):
            at = np.flatnonzero(np.isfinite(column))[::-1]  # the earliest one is written last
            first[self.data.trajectory_of[at], channel] = column[at]
        return first

    def first_samples(self, samples: int) -> FirstSamples:
        """The first observations of each trajectory, of `with_starts`; raises UsageError where there are too few."""
        return FirstSamples.of(self, samples)

    @property
    def ends(self) -> np.ndarray:
        """The last time that is seen of each trajectory (trajectory,); −inf where nothing is."""
        end = np.full(self.data.n_trajectories, -np.inf)
        np.maximum.at(end, self.data.trajectory_of[self.observations], self.data.t[self.observations])
        return end

    @property
    def inputs(self) -> np.ndarray:
        """The inputs as far as their trajectories are seen (sample, input)."""
        inputs = self.data.inputs
        if inputs is None:
            return np.zeros((0, 0))
        return inputs.values[inputs.t <= np.repeat(self.ends, inputs.row_size)]

    @staticmethod
    def sizes(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each column (line, column); 0 and 1 without values, 1 for a constant."""
        finite = [column[np.isfinite(column)] for column in columns.T]
        mean = np.array([np.mean(column) if len(column) else 0.0 for column in finite])
        spread = np.array([np.std(column) if len(column) else 0.0 for column in finite])
        return mean, np.where(spread > 0, spread, 1.0)
