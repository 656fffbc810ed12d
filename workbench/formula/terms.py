"""Terms: how SymPy expressions are put together here, without SymPy's evaluation.

A Term is coefficient · factors, all the constants in the coefficient. Sums and products are flattened and sorted as
SymPy sorts them, so that `a*x - b*x*y` is SymPy's own tree; beyond that nothing is rewritten: no distribution, no
collection, no powers multiplied out. So the cost is linear in the text, and printing shows what was written.

Imports SymPy; only functions that need it import this module. Constants that are not finite raise ArithmeticError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.add import _addsort
from sympy.core.mul import _mulsort

from .constants import Constant, add, finite, multiply, power
from .symbols import application

HIGHEST = 64  # of a constant exponent


class ExponentOutside(ArithmeticError):
    """A constant exponent beyond ±64."""


@dataclass(frozen=True)
class Term:
    """coefficient · Π factors; `value` is its number where no name is involved (pi and E are factors, and numbers)."""

    coefficient: Constant
    factors: tuple[Any, ...] = ()
    value: Constant | None = None

    @property
    def expr(self) -> Any:
        """The term as a SymPy expression."""
        factors = [] if self.coefficient == 1 and self.factors else [number(self.coefficient)]
        factors += self.factors
        return factors[0] if len(factors) == 1 else sympy.Mul._from_args(tuple(factors))


def constant(value: Constant) -> Term:
    """The term that is a number."""
    return Term(value, (), value)


def named(expr: Any, value: float | None = None) -> Term:
    """The term that is one symbol or function; `value` for the constants pi and E."""
    return Term(Fraction(1), (expr,), value)


def taken(expr: Any) -> Term:
    """An expression that was put together here, as a term again."""
    first, *others = expr.args if expr.is_Mul else (expr,)
    if not first.is_Number:
        return Term(Fraction(1), (first, *others))
    coefficient = number_back(first)
    return Term(coefficient, tuple(others)) if others else constant(coefficient)


def number(value: Constant) -> Any:
    """A constant as a SymPy number."""
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    return sympy.Float(value)


def total(terms: Sequence[Term]) -> Term:
    """The sum of terms; constants are added up, and only nested sums with coefficient 1 are flattened."""
    if all(term.value is not None for term in terms):
        return constant(_folded(add, [term.value for term in terms]))  # type: ignore[misc]  # none of them is None
    parts: list[Any] = []
    offset: Constant = Fraction(0)
    for part in _flat(terms):
        if part.is_Number:
            offset = add(offset, number_back(part))
        else:
            parts.append(part)
    _addsort(parts)
    if offset != 0:
        parts.insert(0, number(offset))
    if len(parts) != 1:
        return named(sympy.Add._from_args(tuple(parts)))
    return next((term for term in terms if term.factors and term.expr == parts[0]), named(parts[0]))


def product(terms: Sequence[Term]) -> Term:
    """The product of terms; 0 where a coefficient is 0."""
    coefficient = _folded(multiply, [term.coefficient for term in terms])
    values = [term.value for term in terms]
    value = None if None in values else _folded(multiply, values)  # type: ignore[arg-type]  # none of them is None
    if coefficient == 0:
        return constant(Fraction(0))
    factors = [factor for term in terms for factor in term.factors]
    _mulsort(factors)
    return Term(coefficient, tuple(factors), value)


def negative(term: Term) -> Term:
    """-term."""
    return Term(-term.coefficient, term.factors, None if term.value is None else -term.value)


def reciprocal(term: Term) -> Term:
    """1/term."""
    value = None if term.value is None else power(term.value, Fraction(-1))
    return Term(power(term.coefficient, Fraction(-1)), tuple(_inverse(factor) for factor in term.factors), value)


def raised(base: Term, exponent: Term) -> Term:
    """base^exponent; raises ExponentOutside where powers of powers multiply out to more than ±64."""
    if base.value is not None and exponent.value is not None:
        return constant(power(base.value, exponent.value))
    if exponent.value is None:
        natural = base.factors == (sympy.E,) and base.coefficient == 1
        function, args = (sympy.exp, (exponent.expr,)) if natural else (sympy.Pow, (base.expr, exponent.expr))
        return named(function(*args, evaluate=False))
    to = _whole(exponent.value)
    if to == 0 or to == 1:
        return constant(Fraction(1)) if to == 0 else base
    if to == -1:
        return reciprocal(base)
    if not -HIGHEST <= to * max((_degree(factor) for factor in base.factors), default=1.0) <= HIGHEST:
        raise ExponentOutside
    return named(sympy.Pow(base.expr, exponent.expr if exponent.factors else number(to), evaluate=False))


def applied(name: str, fold: Callable[..., float] | None, args: Sequence[Term]) -> Term:
    """A function of the language, or a learned term (`fold` None), at its arguments."""
    if fold is None:
        return named(sympy.Function(name)(*(arg.expr for arg in args), evaluate=False))
    values = [arg.value for arg in args if arg.value is not None]
    if len(values) < len(args):
        return named(application(name, [arg.expr for arg in args]))
    return constant(finite(fold(*(values if name in ("min", "max") else map(float, values)))))


def _folded(operation: Callable[[Constant, Constant], Constant], values: Sequence[Constant]) -> Constant:
    result, *others = values
    for other in others:
        result = operation(result, other)
    return result


def _flat(terms: Sequence[Term]) -> list[Any]:
    parts: list[Any] = []
    for term in terms:
        expr = term.expr
        parts.extend(expr.args if expr.is_Add else (expr,))
    return parts


def number_back(expr: Any) -> Constant:
    """A SymPy number as a constant."""
    return Fraction(int(expr.p), int(expr.q)) if expr.is_Rational else float(expr)


def _inverse(factor: Any) -> Any:
    if factor.is_Pow and factor.exp.is_Number:
        exponent = -factor.exp
        return factor.base if exponent == 1 else sympy.Pow(factor.base, exponent, evaluate=False)
    return sympy.Pow(factor, sympy.Integer(-1), evaluate=False)


def _whole(value: Constant) -> Constant:
    """A float that is a whole number, as one: x^2.0 is x^2."""
    return Fraction(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) <= HIGHEST else value


def _degree(expr: Any) -> float:
    """The largest constant exponent that SymPy would multiply a further one with."""
    if expr.is_Mul:
        return max(_degree(arg) for arg in expr.args)
    if expr.is_Pow and expr.exp.is_number:
        return math.fabs(float(expr.exp)) * max(1.0, _degree(expr.base))
    return 1.0
