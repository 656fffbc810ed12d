"""Dense output as data: the weight of every stage as a polynomial in θ, exact."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Polynomial = tuple[Fraction, ...]  # coefficients of θ, θ², …; weights vanish at θ = 0


def tower(b: Sequence[Fraction], end: int, rows: Sequence[Sequence[Fraction]] = ()) -> tuple[Polynomial, ...]:
    """The stage weights of y0 + θ(F0 + (1−θ)(F1 + θ(F2 + (1−θ)(F3 + θ(F4 + …))))).

    F0 = Δ = h Σ b_i k_i, F1 = h k_0 − Δ, F2 = 2Δ − h(k_0 + k_end), and F3, F4, … = h Σ d_i k_i for the given `rows` d.
    Without rows this is the cubic Hermite polynomial through both ends. `b` has one entry for every stage.
    Hairer, Nørsett & Wanner, Solving ODEs I (2nd ed., 1993), II.6 and the codes dopri5 and dop853 (`contd5`, `contd8`).

    >>> [float(sum(w)) for w in tower([Fraction(1), Fraction(0)], end=1)]
    [1.0, 0.0]
    """
    start = [Fraction(i == 0) for i in range(len(b))]
    finish = [Fraction(i == end) for i in range(len(b))]
    floors: list[Sequence[Fraction]] = [
        list(b),
        [s - w for s, w in zip(start, b, strict=True)],
        [2 * w - s - e for w, s, e in zip(b, start, finish, strict=True)],
        *[[*row, *[Fraction(0)] * (len(b) - len(row))] for row in rows],
    ]
    return tuple(_nested([floor[i] for floor in floors]) for i in range(len(b)))


def _nested(values: Sequence[Fraction]) -> Polynomial:
    """θ(v0 + (1−θ)(v1 + θ(v2 + …))) expanded; coefficients of θ, θ², …"""
    inner: list[Fraction] = [Fraction(0)]  # coefficients of 1, θ, …
    for level in range(len(values) - 1, -1, -1):
        inner = [values[level] + inner[0], *inner[1:]]
        shifted = [Fraction(0), *inner]
        inner = shifted if level % 2 == 0 else [p - q for p, q in zip([*inner, Fraction(0)], shifted, strict=True)]
    return tuple(inner[1:])
