"""Which observed values a part of the split is scored on."""

from __future__ import annotations

import numpy as np

from ..dataset import TEST, TRAIN, VALIDATION, Dataset

PARTS = {"train": TRAIN, "validation": VALIDATION, "holdout": TEST}
"""The names of the parts in every document, and the number that marks each in `part`."""


def given_values(data: Dataset, part: np.ndarray, samples: int = 1) -> np.ndarray:
    """True where an observed value was handed to the model to start from (observation, channel) bool.

    A trajectory without a single training observation gets its initial state from the first `samples` observed values
    of each of its channels; to score a model on what it was told would flatter it. Trajectories that take part in
    training have nothing given: their start is fitted, or is one observation among many.
    """
    row = data.trajectory_of
    untrained = ~np.isin(row, row[part == TRAIN])
    count = np.cumsum(data.mask, axis=0)
    count -= (count - data.mask)[data.starts[row]]
    return data.mask & untrained[:, None] & (count <= samples)


def scored(data: Dataset, part: np.ndarray, name: str, samples: int = 1) -> np.ndarray:
    """True where the part `name` (train, validation, holdout) is scored (observation, channel) bool.

    Missing values and given ones (see `given_values`) are left out.
    """
    chosen = (part == PARTS[name])[:, None] & ~np.isnan(data.values)
    return chosen & ~given_values(data, part, samples)
