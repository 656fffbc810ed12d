"""The stability function R of a method, y1 = R(hλ) y0 on y' = λy (Hairer & Wanner, Solving ODEs II, IV.3, IV.7)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import NamedTuple

import numpy as np

from ..engine import RosenbrockTableau, Tableau
from .coefficients import coefficients


class StabilityFunction(NamedTuple):
    """R = N/D, coefficients of 1, z, z², …; `slack` bounds what the rounding of digits does to those of N."""

    numerator: tuple[Fraction, ...]
    denominator: tuple[Fraction, ...]
    slack: tuple[float, ...]

    def on_imaginary_axis(self) -> tuple[list[Fraction], float]:
        """|D(iy)|² − |N(iy)|² in powers of y², nowhere negative if A-stable (IV.3), and its slack."""
        top, bottom = _square(self.numerator), _square(self.denominator)
        size = max(len(top), len(bottom))
        top, bottom = (p + [Fraction(0)] * (size - len(p)) for p in (top, bottom))
        total = sum(abs(float(x)) for x in (*self.numerator, *self.denominator))
        return [d - n for n, d in zip(top, bottom, strict=True)], 2 * total * max(self.slack)


def stability_function(method: Tableau | RosenbrockTableau) -> StabilityFunction:
    """N = D (1 + Σ z^j bᵀB^(j−1)1) up to the number of stages, D = det(I − zB): (1 − γz)^(number of implicit stages).

    >>> heun = Tableau("heun2", 2, c=["0", "1"], a=[[], ["1"]], b=["1/2", "1/2"])
    >>> [str(x) for x in stability_function(heun).numerator]
    ['1', '1', '1/2']
    """
    of = coefficients(method)
    stages = len(method.b) if isinstance(method, Tableau) else len(method.m)
    denominator = _denominator(method, of.single.exact)
    series, slack = [Fraction(1)], [0.0]
    column, size, error = [Fraction(1)] * stages, np.ones(stages), np.zeros(stages)
    matrix, rounding = np.abs(of.single.floats[:stages, :stages]), of.single.error[:stages, :stages]
    b, its_rounding = np.abs(of.b.floats[0, :stages]), of.b.error[0, :stages]
    for _ in range(stages):
        series.append(sum((x * y for x, y in zip(of.b.exact[0], column, strict=False)), Fraction(0)))
        slack.append(float(b @ error + its_rounding @ size))
        column = [sum((x * y for x, y in zip(row, column, strict=False) if x), Fraction(0)) for row in of.single.exact]
        column = column[:stages]
        size, error = matrix @ size, matrix @ error + rounding @ size
    numerator, bounds = [], []
    for power in range(stages + 1):
        parts = [(d, power - i) for i, d in enumerate(denominator) if i <= power]
        numerator.append(sum((d * series[j] for d, j in parts), Fraction(0)))
        bounds.append(sum(abs(float(d)) * slack[j] for d, j in parts))
    return StabilityFunction(tuple(numerator), tuple(denominator), tuple(bounds))


def _denominator(method: Tableau | RosenbrockTableau, matrix: Sequence[Sequence[Fraction]]) -> list[Fraction]:
    """det(I − zB) in powers of z."""
    if isinstance(method, Tableau) and method.fully_implicit:
        return _determinant([list(row[1:]) for row in matrix[1:]])
    stages = len(method.b) if isinstance(method, Tableau) else len(method.m)
    implicit = (stages - 1 if method.implicit else 0) if isinstance(method, Tableau) else stages
    gamma = Fraction(method.gamma)
    return [comb(implicit, i) * (-gamma) ** i for i in range(implicit + 1)]


def _determinant(matrix: list[list[Fraction]]) -> list[Fraction]:
    """det(I − zM) in powers of z, by Faddeev's and Leverrier's recursion.

    >>> [str(x) for x in _determinant([[Fraction(5, 12), Fraction(-1, 12)], [Fraction(3, 4), Fraction(1, 4)]])]
    ['1', '-2/3', '1/6']
    """
    n = len(matrix)
    found, product = [Fraction(1)], [[Fraction(0)] * n for _ in range(n)]
    for power in range(1, n + 1):
        inner = [[x + (found[-1] if i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(product)]
        columns = list(zip(*inner, strict=True))
        product = [[sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for c in columns] for row in matrix]
        found.append(-sum((product[i][i] for i in range(n)), Fraction(0)) / power)
    return found


def _square(p: tuple[Fraction, ...]) -> list[Fraction]:
    """|p(iy)|² in powers of y²."""
    out = [Fraction(0)] * len(p)
    for i, x in enumerate(p):
        for j, y in enumerate(p):
            if (i + j) % 2 == 0:  # i^i conj(i^j) = i^(i−j), real where i − j is even: (−1)^((i−j)/2)
                out[(i + j) // 2] += x * y if (i - j) % 4 == 0 else -x * y
    return out
