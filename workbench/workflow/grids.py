"""Evenly spaced times without the dust of binary rounding."""

from __future__ import annotations

import numpy as np


def evenly(first: float, last: float, count: int) -> np.ndarray:
    """`count` times from first to last, both included; 0.3 where a decimal of 12 digits lies within rounding of one.

    >>> evenly(0.0, 1.0, 11)[3].item(), evenly(0.0, 1.0, 4)[1].item()
    (0.3, 0.3333333333333333)
    """
    ts = np.linspace(first, last, count)
    short = np.array([float(f"{t:.12g}") for t in ts.tolist()])
    rounding = 4 * np.spacing(max(abs(first), abs(last)))
    return np.where(np.abs(short - ts) <= rounding, short, ts)
