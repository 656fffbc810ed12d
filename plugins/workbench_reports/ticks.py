"""Where an axis has its ticks: whole steps of 1, 2 or 5, or powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def linear_ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten within [low, high]; integers where that is asked for.

    >>> linear_ticks(0, 21, 6)
    [0.0, 5.0, 10.0, 15.0, 20.0]
    """
    span = high - low
    if not span > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    power = max(power, 1.0) if whole else power
    step = next(m * power for m in (1, 2, 5, 10, 20) if span / (m * power) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(np.round(k * step, 12 - math.floor(math.log10(step)))) for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten within [low, high], every second or so where there are many; linear ticks where there are few."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        return [tick for tick in linear_ticks(low, high, most) if tick > 0]
    stride = max(1, math.ceil((last - first + 1) / most))
    return [10.0**k for k in range(first, last + 1, stride)]


def labels(ticks: Sequence[float]) -> list[str]:
    """The ticks of one axis in words, with as many digits as tell them apart.

    >>> labels([0.99998, 1.0, 1.00002]), labels([1000000.0, 1000001.0])
    (['0.99998', '1', '1.00002'], ['1000000', '1000001'])
    """
    for digits in range(6, 15):
        found = [label(tick, digits) for tick in ticks]
        if len(set(found)) == len(found):
            break
    return found


def label(value: float, digits: int = 6) -> str:
    """A tick in words: plain where it is short, a power of ten else."""
    text = f"{value:.{digits}g}"
    if "e" in text or len(text) > digits + 1:
        mantissa, _, power = f"{value:.{digits - 3}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    return text.replace("-", "−")


def flat_range(y: np.ndarray) -> tuple[float, float] | None:
    """A range for values that differ by less than a thousandth, so that they look it; None for others."""
    if not y.size:
        return None
    middle, size = float(y.min() + y.max()) / 2, float(np.abs(y).max())
    return (middle - 0.1 * size, middle + 0.1 * size) if np.ptp(y) < 1e-3 * size else None
