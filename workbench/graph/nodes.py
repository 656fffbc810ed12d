"""Nodes of a graph and the builder that makes them: scalar operations, each at most once, simplified as they are made.

A node is an operation on earlier nodes, so that ascending numbers are an order of evaluation. Simplification is
algebraic and never loses digits: 0·x = 0, x/x = 1, x - x = 0, constants folded, negations moved outward, integer powers
as products, a·log b as `xlogy` (0 where a is 0, so that 0·log 0 = 0).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

LEAVES = ("t", "y", "u", "c", "p", "z")
"""Time, states, inputs, covariates and parameters, what a graph is a function of, and outputs of its networks."""


class Node(NamedTuple):
    """One scalar operation; `value` is a constant's value or a leaf's index."""

    op: str
    args: tuple[int, ...] = ()
    value: float = 0


class Builder:
    """A growing list of nodes without duplicates; every method returns the number of the node that it asks for."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self.nodes = list(nodes)
        self.numbers = {node: number for number, node in enumerate(self.nodes)}

    def put(self, op: str, *args: int, value: float = 0) -> int:
        """The node as it is given, not simplified."""
        node = Node(op, args, value)
        number = self.numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
        return number

    def constant(self, value: float) -> int:
        """The node of a number."""
        return self.put("constant", value=math.nan if value != value else float(value) + 0.0)  # one NaN, no -0.0

    def leaf(self, kind: str, index: int = 0) -> int:
        """The node of the state, parameter, input, … with this index."""
        return self.put(kind, value=index)

    def value(self, number: int) -> float | None:
        """A constant's value; None for any other node."""
        node = self.nodes[number]
        return node.value if node.op == "constant" else None

    def is_(self, number: int, value: float) -> bool:
        """The node is this number."""
        return self.nodes[number] == ("constant", (), value)

    def negated(self, number: int) -> int | None:
        """x where the node is -x."""
        node = self.nodes[number]
        return node.args[0] if node.op == "neg" else None

    def neg(self, x: int) -> int:
        """-x."""
        if (value := self.value(x)) is not None:
            return self.constant(-value)
        node = self.nodes[x]
        if node.op in ("neg", "sub"):
            return node.args[0] if node.op == "neg" else self.put("sub", *reversed(node.args))
        return self.put("neg", x)

    def add(self, x: int, y: int) -> int:
        """x + y."""
        if self.is_(x, 0) or self.is_(y, 0):
            return y if self.is_(x, 0) else x
        minus_x, minus_y = self.negated(x), self.negated(y)
        if minus_y is not None:
            return self.sub(x, minus_y)
        if minus_x is not None:
            return self.sub(y, minus_x)
        folded = self._fold("add", x, y)
        return self.put("add", *sorted((x, y))) if folded is None else folded

    def sub(self, x: int, y: int) -> int:
        """x - y."""
        if x == y:
            return self.constant(0)
        if self.is_(y, 0) or self.is_(x, 0):
            return x if self.is_(y, 0) else self.neg(y)
        minus_x, minus_y = self.negated(x), self.negated(y)
        if minus_y is not None:
            return self.add(x, minus_y)
        if minus_x is not None:
            return self.neg(self.add(minus_x, y))
        folded = self._fold("sub", x, y)
        return self.put("sub", x, y) if folded is None else folded

    def mul(self, x: int, y: int) -> int:
        """x·y."""
        if self.is_(x, 0) or self.is_(y, 0):
            return self.constant(0)
        if (folded := self._fold("mul", x, y)) is not None:
            return folded
        if self.value(y) is not None or (self.value(x) is None and y < x):
            x, y = y, x  # a constant first, else in order of making
        if self.is_(x, 1) or self.is_(x, -1):
            return y if self.is_(x, 1) else self.neg(y)
        minus_x, minus_y = self.negated(x), self.negated(y)
        if minus_x is not None or minus_y is not None:
            product = self.mul(x if minus_x is None else minus_x, y if minus_y is None else minus_y)
            return self.neg(product) if minus_x is None or minus_y is None else product
        return self._scaled(x, y) if self.value(x) is not None else self._product(x, y)

    def _scaled(self, factor: int, y: int) -> int:
        if (value := self.value(factor)) is not None and value < 0:
            return self.neg(self._scaled(self.constant(-value), y))
        op, args, _ = self.nodes[y]
        if op == "mul" and self.value(args[0]) is not None:
            return self.mul(self.mul(factor, args[0]), args[1])
        if op == "div" and self.value(args[0]) is not None:
            return self.div(self.mul(factor, args[0]), args[1])
        return self.put("mul", factor, y)

    def _product(self, x: int, y: int) -> int:
        for one, other in ((x, y), (y, x)):
            op, args, _ = self.nodes[other]
            if op == "log" and self.nodes[one].op != "log":
                return self.xlogy(one, args[0])
            if op == "log10" and self.nodes[one].op != "log10":
                return self.mul(self.constant(1 / math.log(10)), self.xlogy(one, args[0]))
            if op == "div" and self.is_(args[0], 1):
                return self.div(one, args[1])
        return self.put("mul", x, y)

    def div(self, x: int, y: int) -> int:
        """x/y."""
        if self.is_(x, 0) and not self.is_(y, 0):
            return x
        if x == y:
            return self.constant(1)
        if self.is_(y, 1) or self.is_(y, -1):
            return x if self.is_(y, 1) else self.neg(x)
        if (folded := self._fold("div", x, y)) is not None:
            return folded
        minus_x, minus_y = self.negated(x), self.negated(y)
        if minus_x is not None or minus_y is not None:
            quotient = self.div(x if minus_x is None else minus_x, y if minus_y is None else minus_y)
            return self.neg(quotient) if minus_x is None or minus_y is None else quotient
        return self.put("div", x, y)

    def xlogy(self, x: int, y: int) -> int:
        """x·log y, 0 where x is 0 whatever y is."""
        if self.value(x) is not None or self.value(y) is not None:
            return self.mul(x, self.apply("log", y))
        return self.put("xlogy", x, y)

    def ratio(self, x: int, y: int) -> int:
        """x/y, 0 where x is 0 whatever y is."""
        if self.value(x) is not None or self.value(y) is not None:
            return self.div(x, y)
        return self.put("ratio", x, y)

    def chain(self, slope: int, dx: int) -> int:
        """slope·dx for a slope that may be infinite: 0 where dx is 0, for then nothing moves."""
        if self.value(slope) is not None or self.value(dx) is not None:
            return self.mul(slope, dx)
        return self.put("chain", slope, dx)

    def integer_power(self, x: int, n: int) -> int:
        """xⁿ by repeated squaring; x⁰ = 1."""
        if n < 0:
            return self.div(self.constant(1), self.integer_power(x, -n))
        result = self.constant(1)
        while n:
            if n & 1:
                result = self.mul(result, x)
            n >>= 1
            if n:
                x = self.mul(x, x)
        return result

    def power(self, x: int, y: int) -> int:
        """x^y."""
        value = self.value(y)
        if value is not None and value.is_integer():
            return self.integer_power(x, int(value))
        if value in (0.5, -0.5):
            root = self.apply("sqrt", x)
            return root if value == 0.5 else self.div(self.constant(1), root)
        return self.apply("pow", x, y)

    def apply(self, op: str, *args: int) -> int:
        """A function of nodes, folded where all of them are constants."""
        if (folded := self._fold(op, *args)) is not None:
            return folded
        if op == "where" and (args[1] == args[2] or self.value(args[0]) is not None):
            condition = self.value(args[0])
            return args[1] if condition is None or condition > 0 else args[2]
        if op in ("min", "max") and args[0] == args[1]:
            return args[0]
        return self.put(op, *args)

    def _fold(self, op: str, *args: int) -> int | None:
        values = [self.value(arg) for arg in args]
        if None in values:
            return None
        import numpy as np

        from . import numpy_functions

        with np.errstate(all="ignore"):
            return self.constant(float(numpy_functions.NAMES[op](*(np.float64(value) for value in values))))
