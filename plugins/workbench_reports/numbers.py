"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import Any

ABSENT = "–"


def number(value: Any, digits: int = 4) -> str:
    """A number to some significant digits, a dash where there is none.

    >>> number(0.000123456), number(1234567.0), number(None), number(21)
    ('0.0001235', '1.235e+06', '–', '21')
    """
    if value is None:
        return ABSENT
    if isinstance(value, int):
        return str(value)
    return f"{value:.{digits}g}"


def estimate(value: Any, stderr: Any) -> tuple[str, str]:
    """A value and its standard error, the error to two significant digits and the value to the same place.

    >>> estimate(212.6837, 6.947155), estimate(0.0641213, 0.0082809), estimate(0.5, None)
    (('212.7', '6.9'), ('0.0641', '0.0083'), ('0.5', '–'))
    """
    if value is None or not stderr:
        return number(value, 5), ABSENT
    place = 1 - math.floor(math.log10(stderr))
    leading = math.floor(math.log10(abs(value))) if value else 0
    if place > 8 or leading > 6:
        digits = max(0, min(leading + place, 15))
        return f"{value:.{digits}e}", f"{stderr:.1e}"
    places = max(place, 0)
    return f"{value:.{places}f}", f"{stderr:.{places}f}"


def interval(ends: Any, stderr: Any) -> str:
    """Both ends of an interval, to the place that the standard error gives.

    >>> interval([197.2045, 228.163], 6.947155)
    '197.2 … 228.2'
    """
    if ends is None or None in ends:
        return ABSENT
    return " … ".join(estimate(end, stderr)[0] for end in ends)
