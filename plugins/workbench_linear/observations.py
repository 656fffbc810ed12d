"""What a family may look at before the fit: no test part, but in trajectories that only test."""

from __future__ import annotations

import numpy as np

from workbench import Dataset, Problem

TEST = 2


def seen_values(problem: Problem) -> np.ndarray:
    """The values (observation, channel), NaN where they may not be looked at."""
    data = problem.data
    assert data is not None
    if problem.part is None:
        return data.values
    test = np.asarray(problem.part) == TEST
    only_test = np.logical_and.reduceat(test, data.starts)[data.trajectory_of]
    return np.where((test & ~only_test)[:, None], np.nan, data.values)


def first_values(data: Dataset, values: np.ndarray) -> np.ndarray:
    """The first finite value of each channel of each trajectory (trajectory, channel); its mean where there is none."""
    first = np.empty((data.n_trajectories, data.n_channels))
    for channel, column in enumerate(values.T):
        seen = np.isfinite(column)
        mean = column[seen].mean() if seen.any() else 0.0
        for i in range(data.n_trajectories):
            inside = column[data.rows(i)]
            finite = inside[np.isfinite(inside)]
            first[i, channel] = finite[0] if len(finite) else mean
    return first
