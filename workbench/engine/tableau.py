"""A Runge–Kutta method as data, explicit or implicit: exact coefficients, checked when they are written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .controllers import ControllerName
from .dense import Polynomial, tower
from .exact import exact, total

if TYPE_CHECKING:
    import numpy as np

Row = Sequence[str]


@dataclass(frozen=True)
class Tableau:
    """A method y1 = y0 + h Σ b_i k_i, k_i = f(t + c_i h, y0 + h Σ a_ij k_j), its error and dense output.

    Rows of `a` with 0, 1, 2, … entries make it explicit. With 1, 2, 3, … entries, the diagonal included, it is
    diagonally implicit with an explicit first stage (ESDIRK): the first row is 0, the other rows share one diagonal
    entry γ, and the last row equals b, so that the last slope is f at the step's end. With as many entries in every row
    as there are stages it is fully implicit: the first row is 0 and the last one equals b, as before, and the stages
    between are one system of equations. Radau IIA methods have a column of 0 beside their own coefficients.

    Coefficients are strings: fractions ("1/5") or decimals as published. `digits` is the number of decimals of a method
    that is published rounded; without it every identity must hold exactly. An error estimate h Σ e_i k_i comes from the
    embedded weights `b_low` or from rows `errors`; of several rows the first leads and the others only damp it, as in
    dop853 (Hairer, Nørsett & Wanner, Solving ODEs I, 2nd ed., II.10). Its stages may include f at the step's end. Of a
    fully implicit method it is (I − hγJ)⁻¹ times that, where `filter` is the number γ.

    Dense output has one line of weights a stage: `dense` (powers θ, θ², … of each weight) or `tower` (see
    `dense.tower`), over the stages of the method, then f at the step's end unless it is a stage already, then the
    stages `c_more`, `a_more` that only dense output needs. Without either it is the cubic Hermite polynomial.
    """

    name: str
    order: int
    c: Row
    a: Sequence[Row]
    b: Row
    b_low: Row = ()
    errors: Sequence[Row] = ()
    order_low: int | None = None
    filter: str = "0"
    dense: Sequence[Row] = ()
    tower: Sequence[Row] = ()
    c_more: Row = ()
    a_more: Sequence[Row] = ()
    dense_order: int = 3  # local error of the dense output is O(h^(dense_order + 1))
    digits: int | None = None
    rtol: str = "1e-6"  # of its solver, where nothing else is asked for; atol is a thousandth
    controller: ControllerName = "pi"  # likewise
    summary: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        self._check_shape()
        if self.implicit:
            self._check_implicit()
        elif exact(self.filter):
            raise ValueError(f"tableau {self.name}: only the error of a fully implicit method has a filter")
        first = self.n_stages
        if [len(row) for row in self.a_more] != list(range(first, first + len(self.c_more))):
            raise ValueError(f"tableau {self.name}: stages of the dense output start with {first} entries")
        for c, row in zip((*self.c, *self.c_more), (*self.a, *self.a_more), strict=True):
            if self._differs(total(row), exact(c)):
                raise ValueError(f"tableau {self.name}: the row of c = {c} sums to {float(total(row))}")
            if not 0 <= exact(c) <= 1:  # f is never evaluated outside [t0, t1]
                raise ValueError(f"tableau {self.name}: the node c = {c} lies outside the step; nodes are from 0 to 1")
        if self._differs(total(self.b), Fraction(1)):
            raise ValueError(f"tableau {self.name}: the weights do not sum to 1")
        for weights in self.error_weights:
            if len(weights) > first or self._differs(total(weights), Fraction(0)):
                raise ValueError(f"tableau {self.name}: error weights must be one a stage and sum to 0")
        for row in self.tower:  # it meets y1 whatever its rows are, which need to be numbers only
            total(row)
        for weights, end in zip(self.polynomials, self._end_weights, strict=True) if self.dense else ():
            if self._differs(total(weights), end, scale=total(map(abs, weights))):
                raise ValueError(f"tableau {self.name}: dense output does not meet y1 at θ = 1")

    def _check_shape(self) -> None:
        stages, widths = len(self.b), [len(row) for row in self.a]
        explicit, diagonal, full = list(range(stages)), list(range(1, stages + 1)), [stages] * stages
        if len(self.c) != stages or widths not in (explicit, diagonal, full) or not stages:
            raise ValueError(
                f"tableau {self.name}: {stages} weights need {stages} nodes and rows of 0 … {stages - 1} entries, "
                f"of 1 … {stages} with the diagonal of an implicit method, or of {stages} if it is fully implicit"
            )

    def _check_implicit(self) -> None:
        kind = "fully" if self.fully_implicit else "diagonally"
        if any(map(exact, self.a[0])) or len(self.b) < 2:
            raise ValueError(f"tableau {self.name}: the first stage of a {kind} implicit method is explicit: [0]")
        diagonal = {exact(row[-1]) for row in self.a[1:]}
        if not self.fully_implicit and (len(diagonal) > 1 or min(diagonal) <= 0):
            raise ValueError(f"tableau {self.name}: the stages after the first share one diagonal entry above 0")
        if [exact(x) for x in self.a[-1]] != [exact(x) for x in self.b]:
            raise ValueError(f"tableau {self.name}: the last row of a {kind} implicit method equals b")
        if self.c_more:
            raise ValueError(f"tableau {self.name}: only explicit methods have further stages for their dense output")
        if exact(self.filter) < 0 or (exact(self.filter) and not self.fully_implicit):
            raise ValueError(f"tableau {self.name}: filter is a number above 0, of a fully implicit method")

    def _differs(self, found: Fraction | int, wanted: Fraction, scale: Fraction | int = 1) -> bool:
        slack = 0 if self.digits is None else 10 * Fraction(1, 10**self.digits) * max(1, scale, abs(wanted))
        return abs(found - wanted) > slack

    @property
    def implicit(self) -> bool:
        """The rows of `a` hold their diagonal: the stages after the first are equations for their slopes."""
        return bool(self.a) and len(self.a[0]) > 0

    @property
    def fully_implicit(self) -> bool:
        """The rows of `a` are full: the stages after the first are one system of equations."""
        return self.implicit and len(self.a[0]) > 1

    @property
    def gamma(self) -> Fraction:
        """The diagonal entry that the implicit stages share, or that of the filter; 0 for an explicit method."""
        if self.fully_implicit:
            return exact(self.filter)
        return exact(self.a[-1][-1]) if self.implicit else Fraction(0)

    @property
    def fsal(self) -> bool:
        """The last stage is f at the step's end: it is the first of the next step."""
        return self.implicit or (
            len(self.b) > 1
            and exact(self.c[-1]) == 1
            and all(exact(x) == exact(y) for x, y in zip((*self.a[-1], "0"), self.b, strict=True))
        )

    @property
    def n_stages(self) -> int:
        """Stages of a step, f at its end included."""
        return len(self.b) + (not self.fsal)

    @property
    def adaptive(self) -> bool:
        """It estimates its own error."""
        return bool(self.b_low or self.errors)

    @property
    def error_power(self) -> int:
        """The leading error estimate is of size h to this power."""
        return 1 + min(self.order, self.order - 1 if self.order_low is None else self.order_low)

    @cached_property
    def error_weights(self) -> tuple[tuple[Fraction, ...], ...]:
        """The rows e of the error estimates h Σ e_i k_i."""
        if not self.b_low:
            return tuple(tuple(map(exact, row)) for row in self.errors)
        b = (*map(exact, self.b), *[Fraction(0)] * (len(self.b_low) - len(self.b)))
        return (tuple(x - exact(y) for x, y in zip(b, self.b_low, strict=True)),)

    @property
    def _end_weights(self) -> list[Fraction]:
        return [*map(exact, self.b), *[Fraction(0)] * (self.n_stages - len(self.b) + len(self.c_more))]

    @cached_property
    def polynomials(self) -> tuple[Polynomial, ...]:
        """The weight of each stage in y(θ) = y0 + h Σ w_i(θ) k_i, as coefficients of θ, θ², …"""
        if self.dense:
            rows = [tuple(map(exact, row)) for row in self.dense]
            rows += [(Fraction(0),)] * (len(self._end_weights) - len(rows))
            return tuple(rows)
        return tower(self._end_weights, self.n_stages - 1, [tuple(map(exact, row)) for row in self.tower])

    @cached_property
    def arrays(self) -> Arrays:
        """The coefficients as float64."""
        return Arrays(self)


def padded(rows: Sequence[Sequence[Any]], width: int) -> np.ndarray:
    """Rows of exact numbers as float64 (row, width), filled up with zeros."""
    import numpy as np

    out = np.zeros((len(rows), width))
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = [float(exact(x)) for x in row]
    return out


class Arrays:
    """A tableau in float64: c (stage,), a (stage, stage), b (own stage,), errors (row, stage), w (stage, power).

    `a` holds the diagonal of an implicit method, `gamma` the entry that its stages share or that of its filter.
    """

    def __init__(self, tableau: Tableau) -> None:
        import numpy as np

        own, first = len(tableau.b), tableau.n_stages
        end = [] if tableau.fsal else [tableau.b]
        a = padded([*tableau.a, *end, *tableau.a_more], first + len(tableau.c_more))
        nodes = [*tableau.c, *["1"] * len(end), *tableau.c_more]
        self.own, self.first, self.all = own, first, len(nodes)
        self.gamma = float(tableau.gamma)
        self.c = np.array([float(exact(c)) for c in nodes])
        self.a = a
        self.b = np.array([float(exact(x)) for x in tableau.b])
        width = max((len(row) for row in tableau.error_weights), default=0)
        self.errors = padded(tableau.error_weights, width)
        self.w = padded(tableau.polynomials, max(len(row) for row in tableau.polynomials))
