"""Coefficients as exact numbers: a text is read once, and a sum has one denominator, so that solvers list quickly."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache


def exact(x: str | Fraction) -> Fraction:
    """The number that a fraction ("1/5") or a decimal stands for; raises ValueError and ZeroDivisionError."""
    return x if isinstance(x, Fraction) else _read(x)


def total(row: Iterable[str | Fraction]) -> Fraction:
    """Their sum.

    >>> total(["1/5", "0.3", Fraction(1, 2)])
    Fraction(1, 1)
    """
    top, bottom = 0, 1
    for x in map(exact, row):
        p, q = x.numerator, x.denominator
        top, bottom = (top + p, bottom) if q == bottom else (top * q + p * bottom, bottom * q)
    return Fraction(top, bottom)


_read = cache(Fraction)
