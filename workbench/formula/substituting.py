"""Putting expressions or numbers in the place of names, without SymPy's evaluation.

SymPy's own `subs` and `xreplace` evaluate what they rebuild, so that x^y^z at 9 would not come back, and powers of
powers of powers grow without bound.

Imports SymPy; only functions that need it import this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy

from workbench.errors.problems import ExponentTooLarge

from . import terms
from .constants import EXACT, Constant, finite
from .functions import FUNCTIONS
from .terms import Term


class Substitution:
    """One rebuilding of expressions, with `values` by name; `workbench.formula.substitute` says what holds."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.met: dict[Any, Term] = {}

    def term(self, expr: Any) -> Term:
        if expr not in self.met:
            self.met[expr] = self._term(expr)
        return self.met[expr]

    def _term(self, expr: Any) -> Term:
        if expr.is_Symbol:
            return self._named(expr)
        if expr.is_Number:
            return terms.constant(terms.number_back(expr))
        if expr.is_NumberSymbol:
            return terms.named(expr, float(expr))
        args = [self.term(arg) for arg in expr.args]
        try:
            return self._combined(expr, args)
        except (ArithmeticError, ValueError):
            return terms.named(expr.func(*(arg.expr for arg in args), evaluate=False))

    def _named(self, symbol: Any) -> Term:
        if symbol.name not in self.values:
            return terms.named(symbol)
        value = self.values[symbol.name]
        if isinstance(value, sympy.Expr):
            return terms.taken(value)
        return terms.constant(_exact(value))

    def _combined(self, expr: Any, args: list[Term]) -> Term:
        if expr.is_Add:
            return terms.total(args)
        if expr.is_Mul:
            return terms.product(args)
        if expr.is_Pow:
            return self._power(expr, *args)
        name = expr.func.__name__
        if name in FUNCTIONS and not isinstance(expr, sympy.core.function.AppliedUndef):
            return terms.applied(name, FUNCTIONS[name].fold, args)
        return terms.named(expr.func(*(arg.expr for arg in args), evaluate=False))

    def _power(self, expr: Any, base: Term, exponent: Term) -> Term:
        try:
            return terms.raised(base, exponent)
        except terms.ExponentOutside:
            if not expr.exp.is_number:  # a value for a named exponent: legitimate, however large
                raise
            message = f"powers of powers multiply out beyond ±{terms.HIGHEST} once named expressions are put in"
            raise ExponentTooLarge(message, str(expr)[:80], 1, help="write exp(n*log(x))") from None


def _exact(value: float) -> Constant:
    """A whole number that is exact in float64 as one, any other as it is."""
    return Fraction(int(value)) if float(value).is_integer() and abs(value) < EXACT else finite(float(value))
