"""Where unknowns start: drawn weights, and first values of trajectories."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from workbench import Dataset

from .scales import TEST


def seen_values(data: Dataset, part: np.ndarray | None) -> np.ndarray:
    """The values that may be looked at (observation, channel): no test ones, but in trajectories that only test."""
    if part is None:
        return data.values
    test = np.asarray(part) == TEST
    only_test = np.logical_and.reduceat(test, data.starts)[data.trajectory_of]
    return np.where((test & ~only_test)[:, None], np.nan, data.values)


def drawn(sizes: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Weights (out, in) and biases (out,) layer by layer, flat."""
    parts = []
    layers = list(pairwise(sizes))
    for k, (n_in, n_out) in enumerate(layers):
        reach = np.sqrt(6.0 / (n_in + n_out)) * (0.1 if k == len(layers) - 1 else 1.0)
        parts += [generator.uniform(-reach, reach, (n_out, n_in)).ravel(), np.zeros(n_out)]
    return np.concatenate(parts)


def first_values(values: np.ndarray, trajectory: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """The first finite value of each channel of each trajectory (trajectory, channel); its mean where there is none."""
    first = np.tile(fallback, (int(trajectory.max()) + 1, 1))
    for channel in range(values.shape[1]):
        seen = np.flatnonzero(np.isfinite(values[:, channel]))[::-1]  # the earliest one is written last
        first[trajectory[seen], channel] = values[seen, channel]
    return first


def first_slopes(data: Dataset, values: np.ndarray, samples: int = 5) -> np.ndarray:
    """The slope of a line through the first finite values of each channel of each trajectory (trajectory, channel)."""
    slopes = np.zeros((data.n_trajectories, data.n_channels))
    for i in range(data.n_trajectories):
        rows = data.rows(i)
        for channel, column in enumerate(values[rows].T):
            at = np.flatnonzero(np.isfinite(column))[:samples]
            t = data.t[rows][at]
            if len(at) > 1 and t[-1] > t[0]:
                slopes[i, channel] = np.polyfit(t - t[0], column[at], 1)[0]
    return slopes
