"""What an encoder is given of a problem's observations: scaled, padded, and nothing that it must not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Problem

TRAIN = 0  # the part of a split that training may see, as workbench.Problem.part counts


@dataclass(frozen=True)
class Readings:
    """Centres and spreads of channels, and a length of time, by which observations are scaled."""

    mean: np.ndarray  # (channel,)
    spread: np.ndarray  # (channel,)
    span: float  # the longest trajectory's length

    @classmethod
    def of(cls, problem: Problem) -> Readings:
        """Measured on what a fit may see."""
        data, seen = problem.data, problem.seen
        assert data is not None, "a network is built for data"
        mean, spread = seen.sizes(seen.values)
        ends = np.maximum(seen.ends, data.t[data.starts])
        return cls(mean, spread, max(float((ends - data.t[data.starts]).max()), 1e-300))

    def given(self, problem: Problem, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Times (trajectory, time), NaN-padded, from each trajectory's first, and values (trajectory, time, channel).

        Those of the training part; of trajectories without one the first `samples` observations.
        """
        data = problem.data
        assert data is not None, "an encoder reads data"
        trained = np.zeros(len(data.t), bool) if problem.part is None else np.asarray(problem.part) == TRAIN
        ts, values = [], []
        for i in range(data.n_trajectories):
            rows = data.rows(i)
            own = np.flatnonzero(trained[rows]) + rows.start
            own = own if len(own) else np.arange(rows.start, min(rows.start + samples, rows.stop))
            ts.append((data.t[own] - data.t[rows.start]) / self.span)
            values.append((data.values[own] - self.mean) / self.spread)
        longest = max(map(len, ts))
        t = np.full((len(ts), longest), np.nan)
        y = np.full((len(ts), longest, data.n_channels), np.nan)
        for i, (own_t, own_y) in enumerate(zip(ts, values, strict=True)):
            t[i, : len(own_t)], y[i, : len(own_t)] = own_t, own_y
        return t, y
