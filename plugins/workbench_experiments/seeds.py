"""Several seeds as one number: the median, and the lowest and highest beside it."""

from __future__ import annotations

import numpy as np


def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, lowest and highest over the first axis, the seeds; a NaN is left out, and NaN where all are.

    >>> spread(np.array([[1.0, 5.0], [3.0, 4.0], [2.0, np.nan]]))
    (array([2. , 4.5]), array([1., 4.]), array([3., 5.]))
    """
    kept = np.ma.masked_invalid(values)
    middle, low, high = (np.ma.filled(f(kept, axis=0), np.nan) for f in (np.ma.median, np.ma.min, np.ma.max))
    return middle, low, high
