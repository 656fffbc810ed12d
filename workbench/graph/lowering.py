"""SymPy expressions → Graph.

Sums become sums and differences, quotients stay quotients, whole powers products. Functions are told by the names of
their classes, so that both SymPy's own and those of the formula reader are known.

Imports SymPy; only functions that need it import this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from workbench.errors.problems import NotLowerable

from .graph import Graph
from .learned import Calls, LearnedTerm
from .nodes import Builder

UNARY = {"Abs": "abs", "Heaviside": "step", "loggamma": "lgamma"} | {
    name: name
    for name in (
        *("exp", "expm1", "log", "log10", "log1p", "abs", "sign", "floor", "step", "sigmoid", "softplus"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
        *("lgamma", "digamma"),
    )
}
SEVERAL = {"min": "min", "max": "max", "Min": "min", "Max": "max"}
EXACT = {"atan2": 2, "where": 3}  # functions of just so many arguments


def lower(
    groups: Mapping[str, Sequence[Any]],
    leaves: Mapping[str, Sequence[str]],
    expressions: Mapping[str, Any],
    learned: Mapping[str, LearnedTerm],
) -> Graph:
    """The graph of `groups`; leaves maps t, y, u, c and p to names, expressions and learned terms names to theirs."""
    lowering = _Lowering(leaves, expressions, learned)
    outputs = {group: tuple(lowering.node(_expression(each)) for each in wanted) for group, wanted in groups.items()}
    names = {kind: tuple(leaves[kind]) for kind in "yucp"}
    return Graph(
        tuple(lowering.builder.nodes),
        outputs | lowering.calls.groups,
        names["y"],
        names["p"],
        names["u"],
        names["c"],
        leaves["t"][0],
        tuple(lowering.calls.networks),
    )


def _expression(given: Any) -> Any:
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return sympy.Float(given)
    if not isinstance(given, sympy.Expr):
        raise TypeError(f"a graph is made from SymPy expressions and numbers, not from {type(given).__name__}")
    return given


class _Lowering:
    """One builder, and the node of every expression that was met."""

    def __init__(
        self,
        leaves: Mapping[str, Sequence[str]],
        expressions: Mapping[str, Any],
        learned: Mapping[str, LearnedTerm],
    ) -> None:
        self.builder = Builder()
        self.calls = Calls(self.builder, learned)
        self.leaves = {name: (kind, i) for kind in "tyucp" for i, name in enumerate(leaves[kind])}
        self.expressions = expressions
        self.met: dict[Any, int] = {}
        if len(self.leaves) != sum(len(names) for names in leaves.values()):
            raise NotLowerable("a name is declared twice", help="names of states, parameters, inputs differ")

    def node(self, expr: Any) -> int:
        """The node of an expression; its parts come first, by a stack of our own, since formulas may nest deeply."""
        waiting, opened = [expr], set()
        while waiting:
            part = waiting[-1]
            needed = [each for each in self._parts(part) if each not in self.met]
            if not needed:
                self.met.setdefault(waiting.pop(), self._node(part))
            elif part in opened:  # by the time that a part is met again, all that it needs has a node
                raise NotLowerable(f"the expression {str(part)[:40]!r} refers to itself in a circle")
            else:
                opened.add(part)
                waiting.extend(reversed(needed))
        return self.met[expr]

    def _parts(self, expr: Any) -> list[Any]:
        if expr.is_Symbol:
            named = expr.name in self.expressions and expr.name not in self.leaves
            return [_expression(self.expressions[expr.name])] if named else []
        if isinstance(expr, AppliedUndef) and expr.func.__name__ not in self.calls.terms:
            return []  # refused as a whole
        return [arg for arg in expr.args if isinstance(arg, sympy.Expr)]

    def _node(self, expr: Any) -> int:
        if expr.is_Symbol:
            return self._symbol(expr.name)
        if expr.is_Number or expr.is_NumberSymbol:
            return self._number(expr)
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul:
            return self._product(expr)
        if expr.is_Pow:
            return self._power(expr)
        return self._function(expr)

    def _symbol(self, name: str) -> int:
        if name in self.leaves:
            return self.builder.leaf(*self.leaves[name])
        if name not in self.expressions:
            raise NotLowerable(f"the symbol {name!r} is not declared", help="name it as a state, parameter or input")
        return self.met[_expression(self.expressions[name])]

    def _number(self, expr: Any) -> int:
        value = float(expr) if expr.is_real else math.nan
        if not math.isfinite(value):
            raise NotLowerable(f"the number {str(expr)[:40]} is no finite real number in float64")
        return self.builder.constant(value)

    def _sum(self, expr: Any) -> int:
        b = self.builder
        nodes = [self.met[arg] for arg in expr.args]
        minus = [negated for node in nodes if (negated := b.negated(node)) is not None]
        plus = [node for node in nodes if b.negated(node) is None]
        return b.sub(self._pairwise(plus), self._pairwise(minus))

    def _pairwise(self, nodes: list[int]) -> int:
        """The sum by halves: fewer digits lost, and derivatives of long sums in n·log n, not n², operations."""
        if not nodes:
            return self.builder.constant(0)
        while len(nodes) > 1:
            odd = nodes[-1:] if len(nodes) % 2 else []
            nodes = [self.builder.add(*pair) for pair in zip(nodes[::2], nodes[1::2], strict=False)] + odd
        return nodes[0]

    def _product(self, expr: Any) -> int:
        """coefficient · numerator / denominator; x/3 is a division, 2x/3 a product with 2/3."""
        b = self.builder
        above, below, number = [], [], sympy.Integer(1)
        for arg in expr.args:
            if arg.is_Number:
                number = number * arg
            elif arg.is_Pow and arg.exp.is_Number and arg.exp.is_negative:
                below.append(self._powered(arg.base, -arg.exp))
            else:
                above.append(self.met[arg])
        if number.is_Rational and abs(number.p) == 1 and number.q != 1:
            below.append(self._number(sympy.Integer(number.q)))
            number = sympy.Integer(number.p)
        numerator = self._times(above)
        scaled = b.mul(self._number(number), numerator)
        return b.div(scaled, self._times(below)) if below else scaled

    def _times(self, nodes: list[int]) -> int:
        """The product; a logarithm last, so that all that it is multiplied with can outweigh it at 0."""
        b = self.builder
        result = b.constant(1)
        for node in sorted(nodes, key=lambda node: b.nodes[node].op in ("log", "log10")):
            result = b.mul(result, node)
        return result

    def _power(self, expr: Any) -> int:
        if expr.base == sympy.E:
            return self.builder.apply("exp", self.met[expr.exp])
        return self._powered(expr.base, expr.exp)

    def _powered(self, base: Any, exponent: Any) -> int:
        to = self._number(exponent) if exponent.is_Number else self.met[exponent]
        return self.builder.power(self.met[base], to)

    def _function(self, expr: Any) -> int:
        b, name = self.builder, getattr(expr.func, "__name__", "?")
        if isinstance(expr, AppliedUndef):
            if name not in self.calls.terms:
                raise NotLowerable(f"{name!r} is a learned term, which has no formula")
            return self.calls.node(name, tuple(self.met[arg] for arg in expr.args))
        args = [self.met[arg] for arg in expr.args] if all(isinstance(arg, sympy.Expr) for arg in expr.args) else []
        if name in UNARY and args:
            return b.apply(UNARY[name], args[0])
        if name in SEVERAL and args:
            result = args[0]
            for other in args[1:]:
                result = b.apply(SEVERAL[name], result, other)
            return result
        if EXACT.get(name) == len(args):
            return b.apply(name, *args)
        if name == "polygamma" and args and expr.args[0] in (0, 1):
            return b.apply("digamma" if expr.args[0] == 0 else "trigamma", args[1])
        raise NotLowerable(f"{name!r} cannot be evaluated", help="use the functions of formulas: where(c, a, b), …")
