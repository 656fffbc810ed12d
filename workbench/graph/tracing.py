"""A function of plain numbers → Graph: it is called once, with numbers that write down what is done to them.

No SymPy here, whose import takes longer than everything else on the way to a compiled model.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from workbench.errors.problems import NotLowerable

from .graph import Graph
from .nodes import Builder

UNARY = {name: name for name in ("exp", "expm1", "log", "log10", "log1p", "sign", "floor", "sqrt")}
UNARY |= {name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
UNARY |= {"absolute": "abs"} | {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
"""NumPy's name of a function → the graph's."""
BINARY = {"maximum": "max", "minimum": "min", "arctan2": "atan2"}
ARITHMETIC = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "power": "power", "negative": "neg"}
HELP = "arithmetic, NumPy's functions of one number, numpy.maximum, minimum, arctan2 and where are understood"


def lower_function(
    f: Callable[..., Any],
    states: Sequence[str],
    parameters: Sequence[str] | None,
    inputs: Sequence[str],
    time: str,
) -> Graph:
    """The graph of f(t, y, [u,] *parameters); see `from_function`."""
    names = tuple(_named(f, bool(inputs)) if parameters is None else parameters)
    every = [time, *states, *inputs, *names]
    if len(set(every)) != len(every):
        raise NotLowerable("a name is declared twice", help="names of states, parameters, inputs differ")
    builder = Builder()
    columns = [_leaves(builder, "y", len(states)), *([_leaves(builder, "u", len(inputs))] if inputs else [])]
    slopes = f(Traced(builder, builder.leaf("t")), *columns, *_leaves(builder, "p", len(names)))
    outputs = [_node(builder, slope) for slope in np.ravel(np.array(slopes, dtype=object))]
    if len(outputs) != len(states):
        raise NotLowerable(
            f"f gives {len(outputs)} slopes for {len(states)} states", help="return one number for each state"
        )
    return Graph(tuple(builder.nodes), {"rhs": tuple(outputs)}, tuple(states), names, tuple(inputs), (), time)


def _named(f: Callable[..., Any], with_inputs: bool) -> list[str]:
    """The names of f's arguments behind t, y and u."""
    every = list(inspect.signature(f).parameters.values())[2 + with_inputs :]
    if any(each.kind is each.VAR_POSITIONAL for each in every):
        raise NotLowerable("f takes any number of parameters", help='parameters=["a", "b"] names them')
    return [each.name for each in every]


def _leaves(builder: Builder, kind: str, n: int) -> np.ndarray:
    leaves = np.empty(n, dtype=object)
    leaves[:] = [Traced(builder, builder.leaf(kind, i)) for i in range(n)]
    return leaves


def _node(builder: Builder, value: Any) -> int:
    """The node of a traced number or of a plain one."""
    if isinstance(value, Traced):
        return value.node
    if isinstance(value, np.ndarray) and not value.ndim:
        return _node(builder, value.item())
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)) or not math.isfinite(value):
        raise NotLowerable(f"{str(value)[:40]!r} is no finite real number", help=HELP)
    return builder.constant(float(value))


def _refused(what: str) -> NoReturn:
    raise NotLowerable(f"f cannot be read: {what}", help=HELP)


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """A number of which only its node in a graph is known. Its operators are NumPy's functions, as those of arrays."""

    __slots__ = ("builder", "node")

    def __init__(self, builder: Builder, node: int) -> None:
        self.builder, self.node = builder, node

    def _made(self, method: str, *values: Any) -> Traced:
        return Traced(self.builder, getattr(self.builder, method)(*(_node(self.builder, value) for value in values)))

    def _applied(self, op: str, *values: Any) -> Traced:
        return Traced(self.builder, self.builder.apply(op, *(_node(self.builder, value) for value in values)))

    def __bool__(self) -> NoReturn:
        _refused("it decides by a number that is not known yet; write numpy.where(condition, a, b)")

    def __float__(self) -> NoReturn:
        _refused("it takes a number's value, as functions of math do; write numpy.exp for math.exp")

    def __getattr__(self, name: str) -> Callable[[], Traced]:
        """NumPy asks entries of arrays of objects for a method of a function's name."""
        if name not in UNARY:
            raise AttributeError(name)
        return lambda: self._applied(UNARY[name], self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *values: Any, **options: Any) -> Any:
        """A function of NumPy, of a number or, entry by entry, of arrays."""
        if method != "__call__" or options:
            _refused(f"it calls numpy.{ufunc.__name__}.{method}")
        if any(isinstance(value, np.ndarray) and value.ndim for value in values):
            return np.vectorize(lambda *each: self._ufunc(ufunc.__name__, each), otypes=[object])(*values)
        return self._ufunc(ufunc.__name__, values)

    def _ufunc(self, name: str, values: tuple[Any, ...]) -> Traced:
        if name in UNARY or name in BINARY:
            return self._applied(UNARY.get(name) or BINARY[name], *values)
        if name in ARITHMETIC:
            return self._made(ARITHMETIC[name], *values)
        if name in ("greater", "less"):
            above, below = values if name == "greater" else values[::-1]
            return self._applied("step", self._made("sub", above, below))
        if name == "square":
            return self._made("mul", *values, *values)
        if name == "positive":
            return self
        _refused(f"it calls numpy.{name}")

    def __array_function__(self, function: Any, types: Any, values: tuple[Any, ...], options: dict[str, Any]) -> Traced:
        """numpy.where of numbers."""
        if function is not np.where or len(values) != 3 or options:
            _refused(f"it calls numpy.{function.__name__}")
        return self._applied("where", *values)
