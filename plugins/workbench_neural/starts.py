"""Where unknowns start: drawn weights, and slopes at the beginning of trajectories."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from workbench import Dataset
from workbench.errors.usage import SettingOutOfRange

SLOPE_SAMPLES = 5  # first values that a slope at the beginning is taken from


def drawn(sizes: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Weights (out, in) and biases (out,) layer by layer, flat. Raises SettingOutOfRange for a layer of no units."""
    if min(sizes[1:-1], default=1) < 1:
        raise SettingOutOfRange(
            f"dynamics.hidden is {list(sizes[1:-1])}", help="a layer has one unit or more: -S dynamics.hidden=[32]"
        )
    parts = []
    layers = list(pairwise(sizes))
    for k, (n_in, n_out) in enumerate(layers):
        reach = np.sqrt(6.0 / (n_in + n_out)) * (0.1 if k == len(layers) - 1 else 1.0)
        parts += [generator.uniform(-reach, reach, (n_out, n_in)).ravel(), np.zeros(n_out)]
    return np.concatenate(parts)


def first_slopes(data: Dataset, values: np.ndarray) -> np.ndarray:
    """The slope of a line through the first finite values of each channel of each trajectory (trajectory, channel)."""
    slopes = np.zeros((data.n_trajectories, data.n_channels))
    for i in range(data.n_trajectories):
        rows = data.rows(i)
        for channel, column in enumerate(values[rows].T):
            at = np.flatnonzero(np.isfinite(column))[:SLOPE_SAMPLES]
            t = data.t[rows][at]
            if len(at) > 1 and t[-1] > t[0]:
                slopes[i, channel] = np.polyfit(t - t[0], column[at], 1)[0]
    return slopes
