"""Scores of forecasts a few observations ahead, beside those of repeating the observation that they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dataset import Dataset
from .parts import PARTS
from .scoring import score, spread_of

STEPS = (1, 5)
"""How many observations ahead forecasts are scored."""


def steps_ahead(data: Dataset, part: np.ndarray, predictions: Mapping[int, np.ndarray]) -> dict[str, Any]:
    """{k: {part: scores}} of `predictions` {k: (observation, channel)}, each made from the observation k rows before.

    A forecast belongs to the part of its target; NaN marks where none was made, and an infinity where it came to
    nothing. The scores are those of `metrics`, in the same units, with `persistence`: the nrmse of repeating the value
    that the forecast starts from, over the same targets. None for a part without any.
    """
    spread = spread_of(data.values)
    found: dict[str, Any] = {}
    for k, prediction in predictions.items():
        repeated = np.full(data.values.shape, np.nan)
        repeated[k:] = data.values[:-k]
        made = ~np.isnan(prediction) & np.isfinite(data.values) & np.isfinite(repeated)
        found[str(k)] = {}
        for name, which in PARTS.items():
            counted = made & (part == which)[:, None]
            scores = score(data.values, prediction, counted, spread, data.channels)
            if scores is not None:
                naive = score(data.values, repeated, counted, spread, data.channels)
                scores["persistence"] = naive["nrmse"] if naive else None
            found[str(k)][name] = scores
    return found
