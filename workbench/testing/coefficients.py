"""Runge–Kutta and Rosenbrock methods in one form, exactly, with a bound of the rounding of every coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from ..engine import RosenbrockTableau, Tableau

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Rounded:
    """A matrix of exact numbers that may be off by `error` (of the same shape) from the numbers that were meant."""

    exact: Sequence[Sequence[Fraction]]
    error: np.ndarray

    @cached_property
    def floats(self) -> np.ndarray:
        """The matrix in float64."""
        return np.array(self.exact, dtype=float).reshape(self.error.shape)

    def minus(self, other: Rounded) -> Rounded:
        """The difference of two matrices."""
        exact = [[x - y for x, y in zip(*rows, strict=True)] for rows in zip(self.exact, other.exact, strict=True)]
        return Rounded(exact, self.error + other.error)


@dataclass(frozen=True)
class Coefficients:
    """The matrices below vertices with several branches and with one; b and b̂ (1, stage), dense (power, stage)."""

    several: Rounded
    single: Rounded
    b: Rounded
    low: list[Rounded]
    dense: Rounded  # no power where the stages do not give it: cubic Hermite of a Rosenbrock method
    digits: int | None


def rounding(text: str, digits: int | None) -> float:
    """One unit in the last decimal of a coefficient of a method that is published with `digits` decimals.

    >>> rounding("0.12345", 4), rounding("1/3", 4), rounding("1", 4), rounding("1/3", None)
    (1e-05, 0.0001, 0.0, 0.0)
    """
    if digits is None or Fraction(text).denominator == 1:
        return 0.0
    return float(Fraction(1, 10 ** max(digits, len(text.partition(".")[2]) if "e" not in text.lower() else 0)))


def coefficients(method: Tableau | RosenbrockTableau) -> Coefficients:
    """The coefficients of a method and how far each may be off."""
    return _of_tableau(method) if isinstance(method, Tableau) else _of_rosenbrock(method)


def _of_tableau(method: Tableau) -> Coefficients:
    end = [] if method.fsal else [method.b]
    rows = [*method.a, *end, *method.a_more]
    a = _read(rows, len(rows), method.digits)
    b = _read([method.b], len(rows), method.digits)
    low = [b.minus(_read([row], len(rows), method.digits)) for row in method.errors]
    if method.b_low:
        low = [_read([method.b_low], len(rows), method.digits)]
    powers = max(map(len, method.polynomials))
    lines = [[row[p] if p < len(row) else Fraction(0) for row in method.polynomials] for p in range(powers)]
    if method.dense:
        own = _read(method.dense, powers, method.digits).error
        error = np.zeros((len(rows), powers))
        error[: len(own)] = own
    else:
        # a coefficient of a tower of n floors is the sum of n floors, doubled by every second one (1 − θ) and by F2
        floors = 3 + len(method.tower)
        last = max(rounding(x, method.digits) for row in [method.b, *method.tower] for x in row)
        error = np.full((len(rows), powers), last * (floors + 1) * 2 ** (floors // 2))
    return Coefficients(a, a, b, low, Rounded(lines, error.T), method.digits)


def _of_rosenbrock(method: RosenbrockTableau) -> Coefficients:
    """Γ = (I/γ − C)⁻¹ carries errors of C as Γ dC Γ, and rows x of the transformed form become xΓ."""
    form, stages, digits = method.classical_form, len(method.m), method.digits
    c = _read(method.c, stages, digits).error
    c += np.eye(stages) * rounding(method.gamma, digits) / float(Fraction(method.gamma)) ** 2
    gamma = np.abs(np.array(form.gamma, dtype=float))
    spread = gamma @ c @ gamma

    def carried(rows: Rows) -> np.ndarray:
        given = _read(rows, stages, digits)
        return given.error @ gamma + np.abs(given.floats) @ spread

    alpha = Rounded(form.alpha, carried(method.a))
    beta = [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(form.alpha, form.gamma, strict=True)]
    b = Rounded([form.b], carried([method.m]))
    low = [b.minus(Rounded([row], carried([own]))) for row, own in zip(form.errors, method.errors, strict=True)]
    dense = Rounded(list(zip(*form.dense, strict=True)), carried(list(zip(*method.dense, strict=True))))
    return Coefficients(alpha, Rounded(beta, alpha.error + spread), b, low, dense, digits)


def _read(rows: Rows, width: int, digits: int | None) -> Rounded:
    """Rows of strings, filled up with zeros."""
    filled = [[*row, *["0"] * (width - len(row))] for row in rows]
    error = np.array([[rounding(x, digits) for x in row] for row in filled]).reshape(len(filled), width)
    return Rounded([[Fraction(x) for x in row] for row in filled], error)
