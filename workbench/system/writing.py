"""A System's equations for people: plain text with parameter values put in, and LaTeX.

Imports SymPy; only functions that need it import this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import sympy
from sympy.core.parameters import distribute
from sympy.printing.latex import LatexPrinter
from sympy.printing.printer import Printer
from sympy.printing.str import StrPrinter

from workbench.formula import substitute

from .symbolic import Symbolic

if TYPE_CHECKING:
    from .system import System

GREEK = frozenset(
    (
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
        *("xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
        *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"),
    )
)
EXACT = 1000  # whole numbers up to this are written without a decimal point
DIGITS = 4  # significant ones of every other number


class _GainsFirst(Printer):
    """Orders the terms of a sum as SymPy does, but those with a minus sign last."""

    def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
        terms = super()._as_ordered_terms(expr, order)
        return sorted(terms, key=lambda term: bool(term.as_coeff_Mul()[0].is_negative))


class _Plain(_GainsFirst, StrPrinter):
    """SymPy's own text, with short numbers."""

    def _print_Float(self, expr: sympy.Float) -> str:
        return f"{float(expr):.{DIGITS}g}"

    def _print_Integer(self, expr: sympy.Integer) -> str:
        return str(expr.p) if abs(expr.p) <= EXACT else f"{float(expr):.{DIGITS}g}"


class _Latex(_GainsFirst, LatexPrinter):
    """SymPy's LaTeX, with short numbers and names set as what they are: letters, Greek, or words."""

    def _print_Float(self, expr: sympy.Float) -> str:
        mantissa, _, power = f"{float(expr):.{DIGITS}g}".partition("e")
        return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa

    def _print_Symbol(self, expr: sympy.Symbol, **_: object) -> str:
        return latex_name(expr.name)


def latex_name(name: str) -> str:
    r"""A declared name in LaTeX: single letters and Greek as symbols, words upright, what follows `_` as a subscript.

    >>> latex_name("alpha_m"), latex_name("hare"), latex_name("crowbar"), latex_name("x1")
    ('\\alpha_{m}', '\\mathrm{hare}', '\\mathrm{crowbar}', 'x_{1}')
    """
    head, *subscripts = name.split("_")
    letters = head.rstrip("0123456789")
    if digits := head[len(letters) :]:
        subscripts.insert(0, digits)
    symbol = rf"\{letters}" if letters in GREEK else letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
    return symbol + (f"_{{{','.join(_subscript(part) for part in subscripts)}}}" if subscripts else "")


def _subscript(part: str) -> str:
    if part in GREEK:
        return rf"\{part}"
    return part if len(part) == 1 or part.isdigit() else rf"\mathrm{{{part}}}"


def equations(system: System, values: Mapping[str, float]) -> tuple[str, ...]:
    """`d x/dt = …` for every state, then `name = …` for the expressions that they mention, values put in.

    A system without states is what it observes: `name = …` for that.
    """
    printer = _Plain()
    return tuple(
        f"{f'd {name}/dt' if kind == 'state' else name} = {printer.doprint(_readable(expr, values))}"
        for kind, name, expr in _written(system)
    )


def latex(system: System) -> tuple[str, ...]:
    """The same in LaTeX, with names for the parameters."""
    printer = _Latex({"mul_symbol": r"\,"})
    lines = []
    for kind, name, expr in _written(system):
        left = rf"\frac{{d{latex_name(name)}}}{{dt}}" if kind == "state" else latex_name(name)
        lines.append(f"{left} = {printer.doprint(_readable(expr, {}))}")
    return tuple(lines)


def _written(system: System) -> list[tuple[str, str, sympy.Expr]]:
    """("state" or "expression", name, formula as written) for the states and the expressions that they depend on.

    In the place of states, where there are none, stands what is observed.
    """
    reading = Symbolic(system)
    states = [("state", name, reading.read(("states", name, "equation"))) for name in system.state_names]
    if not states:
        states = [("expression", name, reading.read(("observed", name, "formula"))) for name in system.observed_names]
    waiting, mentioned = [expr for _, _, expr in states], set[str]()
    while waiting:
        new = {str(symbol) for symbol in waiting.pop().free_symbols} & reading.expressions.keys() - mentioned
        mentioned |= new
        waiting.extend(reading.expressions[name] for name in new)
    named = [(e.name, reading.expressions[e.name]) for e in system.expressions if e.name in mentioned]
    return states + [("expression", name, expr) for name, expr in named]


def _readable(expr: sympy.Expr, numbers: Mapping[str, float]) -> sympy.Expr:
    """The expression with numbers put in, constants merged, decimals as decimals; sums are not multiplied out."""
    with distribute(False):
        return _decimal(substitute(expr, numbers))


def _decimal(expr: sympy.Expr) -> sympy.Expr:
    """Fractions that are short decimals written as such, but for exponents: 0.1*x for x/10, v**3/3 as it is."""
    if expr.is_Rational:
        rest = expr.q
        for factor in (2, 5):
            while rest % factor == 0:
                rest //= factor
        return expr if expr.is_Integer or rest > 1 else sympy.Float(expr)
    if expr.is_Pow:
        return sympy.Pow(_decimal(expr.base), expr.exp if expr.exp.is_Rational else _decimal(expr.exp))
    args = [_decimal(arg) for arg in expr.args]
    return expr.func(*args) if any(new is not old for new, old in zip(args, expr.args, strict=True)) else expr
