"""A Rosenbrock method as data: exact coefficients, checked when they are written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from .dense import Polynomial
from .exact import exact, total
from .tableau import Row, padded

Line = tuple[Fraction, ...]


class Classical(NamedTuple):
    """The same method as k_i = f(y0 + h Σ α_ij k_j) + h J Σ γ_ij k_j, y1 = y0 + h Σ b_i k_i (Hairer & Wanner, IV.7.4).

    Square matrices over the stages; `alpha` is strictly lower, `gamma` has γ on its diagonal.
    """

    alpha: tuple[Line, ...]
    gamma: tuple[Line, ...]
    b: Line
    errors: tuple[Line, ...]  # b − b̂, one row an estimate
    dense: tuple[Polynomial, ...]  # b_i(θ) of every stage; () for cubic Hermite


@dataclass(frozen=True)
class RosenbrockTableau:
    """A linearly implicit method, in the form in which a stage costs one solve and no product with the Jacobian.

    (I/γ − hJ) k_i = f(t + α_i h, y0 + h Σ a_ij k_j) + Σ c_ij k_j + γ_i h ∂f/∂t,  y1 = y0 + h Σ m_i k_i, with J = ∂f/∂y
    at (t, y0): Hairer & Wanner, Solving ODEs II (2nd ed., 1996), IV.7, (7.25) with u_i = h k_i. The error estimate is
    h Σ e_i k_i for the rows `errors`, e = m − m̂. Dense output is y0 + h Σ w_i(θ) k_i, one row of `dense` a stage with
    the coefficients of θ, θ², … of w_i; without `dense` it is the cubic Hermite polynomial through both ends.

    Coefficients are strings: fractions or decimals as published, `digits` the number of decimals of a method that is
    published rounded. `a` and `c` are strictly lower: rows of 0, 1, 2, … entries. `alpha` and `gammas` must be the sums
    of the rows α_ij and γ_ij of the classical form, the weights of which sum to 1 and those of its errors to 0.
    """

    name: str
    order: int
    gamma: str
    alpha: Row
    a: Sequence[Row]
    c: Sequence[Row]
    gammas: Row
    m: Row
    errors: Sequence[Row] = ()
    order_low: int | None = None
    dense: Sequence[Row] = ()
    dense_order: int = 3  # local error of the dense output is O(h^(dense_order + 1))
    digits: int | None = None
    rtol: str = "1e-6"  # of its solver, where nothing else is asked for; atol is a thousandth
    summary: str = ""
    source: str = ""

    @classmethod
    def classical(
        cls,
        name: str,
        order: int,
        gamma: str,
        alpha: Sequence[Row],
        gammas: Sequence[Row],
        b: Row,
        b_low: Row = (),
        dense: Sequence[Row] = (),
        **rest: Any,
    ) -> RosenbrockTableau:
        """The method from its classical form, exactly: rows α_ij and γ_ij strictly lower, weights b, b̂ and b_i(θ).

        >>> RosenbrockTableau.classical("euler", 1, "1", alpha=[[]], gammas=[[]], b=["1"]).m
        ('1',)
        """
        stages, diagonal = len(b), exact(gamma)
        full = [[*map(exact, row), diagonal] for row in gammas]
        back = _inverse(full)
        a = [_times([exact(x) for x in row], back, stages) for row in alpha]
        weights = [exact(x) for x in b]
        errors = [_times([x - exact(y) for x, y in zip(weights, b_low, strict=True)], back, stages)] if b_low else []
        powers = list(zip(*([exact(x) for x in row] for row in dense), strict=True))  # one line a power of θ
        lines = [_times(line, back, stages) for line in powers]
        return cls(
            name=name,
            order=order,
            gamma=gamma,
            alpha=_text(map(total, alpha)),
            a=[_text(row[:i]) for i, row in enumerate(a)],
            c=[_text(-x for x in back[i][:i]) for i in range(stages)],
            gammas=_text(sum(row, Fraction(0)) for row in full),
            m=_text(_times(weights, back, stages)),
            errors=[_text(row) for row in errors],
            dense=[_text(row) for row in zip(*lines, strict=True)],
            **rest,
        )

    def __post_init__(self) -> None:
        self._check_shape()
        diagonal = exact(self.gamma)
        for i, (alpha, gamma) in enumerate(zip(self.alpha, self.gammas, strict=True)):
            self._check_sum(f"α_{i + 1}", exact(alpha), self.a[i])
            self._check_sum(f"γ_{i + 1} / γ - 1", exact(gamma) / diagonal - 1, self.c[i])  # (I/γ − C) Γ1 = 1
            if not 0 <= exact(alpha) <= 1:  # f is never evaluated outside [t0, t1]
                raise ValueError(f"method {self.name}: the node α_{i + 1} = {alpha} lies outside the step, 0 … 1")
        self._check_sum("Σ b", Fraction(1), self.m)
        for row in self.errors:
            self._check_sum("the sum of the error weights", Fraction(0), row)
        for m, row in zip(self.m, self.dense, strict=bool(self.dense)):
            terms = 1 + total(abs(exact(x)) for x in row)
            if abs(total(row) - exact(m)) > self._slack * terms:
                raise ValueError(f"method {self.name}: dense output does not meet y1 at θ = 1")

    def _check_shape(self) -> None:
        stages = len(self.m)
        lower = list(range(stages))
        if exact(self.gamma) <= 0:
            raise ValueError(f"method {self.name}: gamma is {self.gamma}, a number above 0 was wanted")
        if any([len(row) for row in rows] != lower for rows in (self.a, self.c)):
            raise ValueError(f"method {self.name}: {stages} weights m need rows of 0 … {stages - 1} entries in a and c")
        for name, row in [("alpha", self.alpha), ("gammas", self.gammas), *(("errors", row) for row in self.errors)]:
            if len(row) != stages:
                raise ValueError(f"method {self.name}: {name} has {len(row)} entries for {stages} stages")
        if self.dense and (len(self.dense) != stages or len({len(row) for row in self.dense}) > 1):
            raise ValueError(f"method {self.name}: dense output needs {stages} rows of the same number of powers")

    def _check_sum(self, what: str, wanted: Fraction, row: Sequence[Fraction | str]) -> None:
        """Σ x_i Γ_ij over a whole row is Σ x_i γ_i; off by ε Σ(|x_i| + |γ_i|) where both are rounded by ε."""
        terms = [(exact(x), exact(g)) for x, g in zip(row, self.gammas, strict=False)]
        found = total(x * g for x, g in terms)
        size = 1 + total(abs(x) + abs(g) for x, g in terms)
        if abs(found - wanted) > self._slack * size:
            raise ValueError(f"method {self.name}: {what} is {float(wanted)} and the coefficients give {float(found)}")

    @property
    def _slack(self) -> Fraction:
        return Fraction(0) if self.digits is None else 10 * Fraction(1, 10**self.digits)

    @property
    def adaptive(self) -> bool:
        """It estimates its own error."""
        return bool(self.errors)

    @property
    def error_power(self) -> int:
        """The leading error estimate is of size h to this power."""
        return 1 + min(self.order, self.order - 1 if self.order_low is None else self.order_low)

    @property
    def stiffly_accurate(self) -> bool:
        """The last stage ends at y1: α_s = 1 and b equals the last row of α + γ, in this form m = (a_s, 1)."""
        ended = exact(self.alpha[-1]) == 1
        return ended and [exact(x) for x in self.m] == [*map(exact, self.a[-1]), Fraction(1)]

    @cached_property
    def classical_form(self) -> Classical:
        """The coefficients α_ij, γ_ij, b_i, exactly: Γ = (I/γ − C)⁻¹, α = aΓ, b = mΓ."""
        stages, diagonal = len(self.m), 1 / exact(self.gamma)
        gamma = _inverse([[*(-exact(x) for x in row), diagonal] for row in self.c])

        def back(row: Iterable[Any]) -> Line:
            return _times([exact(x) for x in row], gamma, stages)

        dense = [back(power) for power in zip(*self.dense, strict=True)]
        return Classical(
            alpha=tuple(back(row) for row in self.a),
            gamma=tuple((*row, *[Fraction(0)] * (stages - len(row))) for row in map(tuple, gamma)),
            b=back(self.m),
            errors=tuple(back(row) for row in self.errors),
            dense=tuple(zip(*dense, strict=True)),
        )

    @cached_property
    def arrays(self) -> RosenbrockArrays:
        """The coefficients as float64."""
        return RosenbrockArrays(self)


class RosenbrockArrays:
    """A method in float64.

    gamma; alpha, gammas, m (stage,); a, c (stage, stage), strictly lower; errors (row, stage); w (stage, power), of no
    power where dense output is cubic Hermite.
    """

    def __init__(self, tableau: RosenbrockTableau) -> None:
        stages = len(tableau.m)
        self.stages = stages
        self.gamma = float(exact(tableau.gamma))
        self.alpha, self.gammas, self.m = padded([tableau.alpha, tableau.gammas, tableau.m], stages)
        self.a, self.c = padded(tableau.a, stages), padded(tableau.c, stages)
        self.errors = padded(tableau.errors, stages)
        self.w = padded(tableau.dense or [()] * stages, len(tableau.dense[0]) if tableau.dense else 0)


def _inverse(lower: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The inverse of a lower triangular matrix given by rows of 1, 2, 3, … entries, in the same shape."""
    found: list[list[Fraction]] = []
    for i, row in enumerate(lower):
        line = [-sum((row[k] * found[k][j] for k in range(j, i)), Fraction(0)) / row[i] for j in range(i)]
        found.append([*line, 1 / row[i]])
    return found


def _times(row: Sequence[Fraction], lower: Sequence[Sequence[Fraction]], width: int) -> Line:
    """A row times a lower triangular matrix: `width` entries."""
    return tuple(
        sum((x * lower[k][j] for k, x in enumerate(row) if j < len(lower[k])), Fraction(0)) for j in range(width)
    )


def _text(row: Iterable[Fraction]) -> tuple[str, ...]:
    return tuple(map(str, row))
