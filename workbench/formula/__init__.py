"""Text → SymPy, by whitelist: a formula can compute and do nothing else.

A formula holds numbers, declared names, `+ - * / ^` (or `**`), parentheses and the functions of `FUNCTIONS`. Declared
names win over everything; undeclared `pi` and `E` are the two constants. No character of the text reaches an evaluator:
Python's parser only ever sees generated names, and SymPy's nodes are built directly, without its evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .functions import FUNCTIONS
from .reading import names_in, parse

if TYPE_CHECKING:
    import sympy

__all__ = ["FUNCTIONS", "names_in", "parse", "substitute"]


def substitute(expr: sympy.Expr, values: Mapping[str, sympy.Expr | float]) -> sympy.Expr:
    """`expr` with each name of `values` replaced; constants fold as they do in formulas, all else stays as written.

    Whole numbers are put in exactly, so that 1.0·x becomes x. A constant that would not be finite is left unfolded.
    Raises ExponentTooLarge where powers of powers come to multiply out beyond ±64.

    >>> substitute(parse("a*x^n", ["a", "x", "n"]), {"a": 0.5, "n": 2.0})
    0.5*x**2
    """
    from .substituting import Substitution

    return Substitution(values).term(expr).expr
