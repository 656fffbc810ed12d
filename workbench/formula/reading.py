"""Formula text → SymPy expression.

Python's parser settles precedence, on a text in which every operand is a generated name (`v7` for word 7): it never
sees a character that a user wrote, so that keywords (`lambda`), odd numbers and `^` are no special cases.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.errors.problems import (
    ArgumentCountWrong,
    ConstantRefused,
    ExponentTooLarge,
    FormulaTooLarge,
    FormulaUnreadable,
    FormulaWrong,
    FunctionUnknown,
    NameUndeclared,
    NotAValue,
)

from .constants import literal
from .functions import FUNCTIONS
from .scanning import Word, scan, split

if TYPE_CHECKING:
    import sympy

    from .terms import Term


def parse(text: str, names: Iterable[str], *, functions: Mapping[str, int] | None = None) -> sympy.Expr:
    """The SymPy expression that `text` says, in real Symbols of the declared `names`, as written: not simplified.

    `functions` are declared learned terms (name → number of arguments), which become applications of sympy.Function.
    Raises children of FormulaRefused that name the column; `error.at(Where(file, line))` adds the place.

    >>> parse("r*N*(1 - N/K)^2", ["N", "r", "K"])
    N*r*(1 - N/K)**2
    """
    words = scan(text)
    return _Reader(text, words, tuple(names), functions or {}).term(_tree(text, words)).expr


def names_in(text: str) -> set[str]:
    """The names that `text` uses as values, declared or not; functions that it calls are not among them.

    >>> sorted(names_in("a*exp(-x/tau)"))
    ['a', 'tau', 'x']
    """
    pairs = pairwise([*split(text), Word("end", "", 0)])
    return {word.text for word, after in pairs if word.kind == "name" and after.text != "("}


def _tree(text: str, words: list[Word]) -> ast.expr:
    source = "".join(
        f"v{i}" if word.kind in ("name", "number") else "**" if word.text == "^" else word.text
        for i, word in enumerate(words)
    )
    try:
        return ast.parse(source, mode="eval").body
    except (RecursionError, MemoryError):
        raise FormulaTooLarge("too long or too deeply nested", text, 1, help="name parts of it") from None
    except SyntaxError as error:
        raise FormulaUnreadable("the formula cannot be read", text, 1) from error


class _Reader:
    """Builds terms from a tree of +, -, *, /, **, calls and generated names, and refuses every other node."""

    def __init__(self, text: str, words: list[Word], names: tuple[str, ...], functions: Mapping[str, int]) -> None:
        import sympy

        from . import terms

        self.text, self.words, self.functions = text, words, functions
        self.terms, self.symbol = terms, sympy.Symbol
        self.names = dict.fromkeys(names)
        self.constants = {"pi": (sympy.pi, math.pi), "E": (sympy.E, math.e)}

    def term(self, node: ast.expr) -> Term:
        """The term of a node; ArithmeticError of constants becomes a refusal at the node's column."""
        try:
            return self._term(node)
        except self.terms.ExponentOutside:
            message = f"a constant exponent beyond ±{self.terms.HIGHEST} (powers of powers multiply)"
            raise self._error(ExponentTooLarge, node, message, help="write exp(n*log(x))") from None
        except (ArithmeticError, ValueError):
            message = "a constant part here has no finite real value"
            raise self._error(ConstantRefused, node, message, help="write numbers within its domain") from None

    def _term(self, node: ast.expr) -> Term:
        match node:
            case ast.Name():
                return self._operand(self._word(node))
            case ast.Call(func=ast.Name() as called, args=args, keywords=[]):
                return self._call(self._word(called), args)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.terms.negative(self.term(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.term(operand)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self.terms.total(self._chain(node, (ast.Add, ast.Sub), ast.Sub, self.terms.negative))
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self.terms.product(self._chain(node, (ast.Mult, ast.Div), ast.Div, self.terms.reciprocal))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self.terms.raised(self.term(left), self.term(right))
        raise self._error(FormulaUnreadable, node, "the formula cannot be read")

    def _chain(self, node: ast.BinOp, kinds: tuple[type, ...], inverting: type, invert: Any) -> list[Term]:
        """The terms of a - b + c …, first to last, without recursion along the chain."""
        found, left = [], node
        while isinstance(left, ast.BinOp) and isinstance(left.op, kinds):
            right = self.term(left.right)
            found.append(invert(right) if isinstance(left.op, inverting) else right)
            left = left.left  # type: ignore[assignment]  # the loop ends at anything but a BinOp
        return [self.term(left), *reversed(found)]

    def _operand(self, word: Word) -> Term:
        if word.kind == "number":
            return self.terms.constant(literal(word.text))
        if word.text in self.names:
            return self.terms.named(self.symbol(word.text, real=True))
        if word.text in self.functions or word.text in FUNCTIONS:
            message = f"{word.text!r} is a function, not a value"
            raise NotAValue(message, self.text, word.column, help=f"write {word.text}(…), or declare the name")
        if word.text in self.constants:
            return self.terms.named(*self.constants[word.text])
        help = _nearest(word.text, [*self.names, *FUNCTIONS])
        raise NameUndeclared(f"{word.text[:40]!r} is not declared", self.text, word.column, help=help)

    def _call(self, word: Word, args: list[ast.expr]) -> Term:
        shown = word.text[:40]
        if word.text in self.names and word.text not in self.functions:
            message = f"{shown!r} is a declared name, not a function"
            raise FormulaUnreadable(message, self.text, word.column, help=f"a product is written {shown}*(…)")
        if word.text not in self.functions and word.text not in FUNCTIONS:
            help = _nearest(word.text, [*self.functions, *FUNCTIONS])
            raise FunctionUnknown(f"there is no function {shown!r}", self.text, word.column, help=help)
        self._require_arity(word, len(args))
        fold = None if word.text in self.functions else FUNCTIONS[word.text].fold
        return self.terms.applied(word.text, fold, [self.term(arg) for arg in args])

    def _require_arity(self, word: Word, given: int) -> None:
        if word.text in self.functions:
            least = most = self.functions[word.text]
            arity, meaning = f"{most} argument{'s' * (most != 1)}", ""
        else:
            function = FUNCTIONS[word.text]
            least, most, arity, meaning = function.least, function.most, function.arity, function.meaning  # type: ignore[assignment]
        if given < least or (most is not None and given > most):
            raise ArgumentCountWrong(f"{word.text} takes {arity}, not {given}", self.text, word.column, help=meaning)

    def _word(self, name: ast.Name) -> Word:
        return self.words[int(name.id[1:])]

    def _error(self, kind: type[FormulaWrong], node: ast.expr, message: str, help: str = "") -> FormulaWrong:
        first = min((each for each in ast.walk(node) if isinstance(each, ast.Name)), key=lambda each: each.col_offset)
        return kind(message, self.text, self._word(first).column, help=help)


def _nearest(name: str, known: list[str]) -> str:
    if close := difflib.get_close_matches(name[:64], known, n=1):
        return f"did you mean {close[0]!r}?"
    return f"known here: {', '.join(known[:12])}{', …' if len(known) > 12 else ''}" if known else ""
