"""Arithmetic on the constants of a formula: exact while small, float64 otherwise, and never more than that.

A constant is a Fraction with numerator and denominator below 2**53, so that 2/3 stays 2/3, or a float. Whatever is not
a finite real number raises ArithmeticError.
"""

from __future__ import annotations

import math
from fractions import Fraction

Constant = Fraction | float
EXACT = 2**53  # whole numbers below this are exact in float64


def literal(text: str) -> Constant:
    """The constant that a number of a formula stands for: whole numbers exactly, others as float64.

    >>> literal("12"), literal("0.1"), literal("1e3")
    (Fraction(12, 1), 0.1, 1000.0)
    """
    return bounded(Fraction(int(text))) if text.isdigit() else finite(float(text))


def finite(value: Constant) -> Constant:
    """`value` itself, if it is a finite real number."""
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise ArithmeticError
    return value


def bounded(value: Constant) -> Constant:
    """`value`, as a float if it is exact but long."""
    if isinstance(value, Fraction) and max(abs(value.numerator), value.denominator) >= EXACT:
        return finite(float(value))
    return finite(value)


def add(a: Constant, b: Constant) -> Constant:
    """a + b."""
    return bounded(a + b)


def multiply(a: Constant, b: Constant) -> Constant:
    """a·b."""
    return bounded(a * b)


def power(a: Constant, b: Constant) -> Constant:
    """a^b; exact where a is exact, b a whole number and the result small.

    >>> power(Fraction(2, 3), Fraction(-2)), power(2.0, Fraction(1, 2))
    (Fraction(9, 4), 1.4142135623730951)
    """
    if isinstance(a, Fraction) and isinstance(b, Fraction) and b.denominator == 1:
        longest = max(abs(a.numerator), a.denominator).bit_length()
        if longest == 1 or longest * abs(b) <= 2 * EXACT.bit_length():  # 0 and ±1 stay short, others may not
            return bounded(a ** int(b))
    return finite(float(a) ** float(b))
