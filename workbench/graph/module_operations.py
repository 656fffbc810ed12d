"""The operations of torch that have a form in graphs: the whitelist, and what each becomes.

An operation is told by its name where it is torch's own or Python's operator; arguments that are not listed here are
refused. Imports torch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from .module_values import Array, Chain, Rows, Sketch, Value, refused
from .network import ACTIVATIONS
from .nodes import Builder

Operation = Callable[..., Value]  # (sketch, arguments …) → value

ARITHMETIC: dict[str, Callable[[Builder], Callable[..., int]]] = {
    "add": lambda b: b.add, "sub": lambda b: b.sub, "mul": lambda b: b.mul, "truediv": lambda b: b.div,
    "neg": lambda b: b.neg, "pow": lambda b: b.power, "square": lambda b: lambda x: b.mul(x, x),
}  # fmt: skip
ALIKE = {
    "subtract": "sub", "multiply": "mul", "div": "truediv", "divide": "truediv", "true_divide": "truediv",
    "negative": "neg", "iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "truediv",
    "concat": "cat", "concatenate": "cat", "mm": "matmul",
}  # fmt: skip
FUNCTIONS = ("cos", "tan", "exp", "expm1", "log", "log1p", "sqrt", "abs", "sigmoid", "sinh", "cosh", "atan")
HOMES = (operator, torch, torch.nn.functional, torch.special)


def linear(s: Sketch, x: Value, weight: Value, bias: Value = None) -> Value:
    return s.layer(x, s.lifted(weight), None if bias is None else s.lifted(bias))


def matmul(s: Sketch, x: Value, other: Value) -> Value:
    return s.layer(x, transpose(s, other), None)


def transpose(s: Sketch, x: Value) -> Array:
    matrix = s.lifted(x)
    if matrix.rows or matrix.entries.ndim != 2:
        raise refused(f"the transpose of a tensor of shape {matrix.shape}")
    return Array(False, matrix.entries.T)


def softplus(s: Sketch, x: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    if (beta, threshold) != (1, 20):
        raise refused(f"softplus with beta = {beta} and threshold = {threshold}, which are not torch's own")
    return s.activated(x, "softplus")


def in_place(name: str) -> Operation:
    """An activation that torch may write over its argument."""

    def operation(s: Sketch, x: Value, inplace: bool = False) -> Value:
        if inplace:
            raise refused(f"{name} in place")
        return s.activated(x, name)

    return operation


def dropout(s: Sketch, x: Value, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    if training and p > 0:
        raise refused("dropout draws at random while the module is in training mode")
    return x


def power(s: Sketch, x: Value, exponent: Value) -> Array:
    return s.mapped(s.builder.power, x, exponent)


def _last(array: Array, dim: int, n_axes: int) -> None:
    if dim not in (-1, n_axes - 1) or not array.rows:
        raise refused(f"the axis {dim} of a tensor of shape {array.shape} is not that of columns")


def cat(s: Sketch, tensors: Sequence[Value], dim: int = 0) -> Array:
    """Columns side by side, along the last axis."""
    arrays = [s.lifted(each) for each in tensors]
    for array in arrays:
        _last(array, dim, array.n_axes)
        if array.entries.ndim != 1:
            raise refused(f"a tensor of shape {array.shape} beside others")
    return Array(True, np.concatenate([array.entries for array in arrays]))


def stack(s: Sketch, tensors: Sequence[Value], dim: int = 0) -> Array:
    """Tensors of one shape side by side, along a new last axis."""
    arrays = [s.lifted(each) for each in tensors]
    for array in arrays:
        _last(array, dim, array.n_axes + 1)
        if array.entries.shape != arrays[0].entries.shape:
            raise refused("tensors of different shapes are stacked")
    return Array(True, np.stack([array.entries for array in arrays], axis=-1))


def getitem(s: Sketch, x: Value, index: Any) -> Value:
    """Columns: y[..., i], y[:, i], y[:, i:j]; items of tuples."""
    if isinstance(x, tuple | list):
        return x[index]
    array = s.lifted(x)
    parts = index if isinstance(index, tuple) else (index,)
    if not all(part is None or part is Ellipsis or isinstance(part, int | slice | list) for part in parts):
        raise refused(f"the index [{', '.join(map(str, parts))}] is not made of numbers")
    if array.rows:
        inner = [part for part in parts if part is not None and part is not Ellipsis]
        if parts[0] is Ellipsis and len(inner) <= array.entries.ndim:
            pass
        elif isinstance(parts[0], slice) and parts[0] == slice(None):
            parts = parts[1:]
        else:
            raise refused(f"the index [{', '.join(map(str, parts))}] picks rows; a state is y[..., i] or y[:, i]")
    return Array(array.rows, np.asarray(array.entries[parts]))


def unbind(s: Sketch, x: Value, dim: int = 0) -> tuple[Array, ...]:
    array = s.lifted(x)
    _last(array, dim, array.n_axes)
    return tuple(Array(True, np.asarray(array.entries[..., i])) for i in range(array.entries.shape[-1]))


def chunk(s: Sketch, x: Value, chunks: int, dim: int = 0) -> tuple[Array, ...]:
    array = s.lifted(x)
    _last(array, dim, array.n_axes)
    size = -(-array.entries.shape[-1] // chunks)
    starts = range(0, array.entries.shape[-1], size)
    return tuple(Array(True, array.entries[..., i : i + size]) for i in starts)


def attribute(s: Sketch, x: Value, name: str) -> Value:
    if name == "shape":
        return s.lifted(x).shape
    if name in ("T", "mT"):
        return transpose(s, x)
    raise refused(f"the attribute {name!r} of a tensor")


def size(s: Sketch, x: Value, dim: int | None = None) -> Value:
    shape = s.lifted(x).shape
    return shape if dim is None else shape[dim]


def expand(s: Sketch, x: Value, *sizes: Any) -> Array:
    """To the rows of a shape like y.shape, or columns repeated."""
    array = s.lifted(x)
    wanted = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    if not wanted or not (isinstance(wanted[0], Rows) or (array.rows and wanted[0] == -1)):
        raise refused(f"expand to {wanted}: the first axis must be that of rows")
    if any(isinstance(each, Rows) for each in wanted[1:]) or -1 in wanted[1:]:
        raise refused(f"expand to {wanted}")
    like = Array(True, np.full(wanted[1:], s.builder.constant(0)))
    return s.mapped(lambda x, _: x, array, like)


def filled(value: float) -> Operation:
    def operation(s: Sketch, x: Value) -> Array:
        return s.mapped(lambda _: s.builder.constant(value), x)

    return operation


def unsqueeze(s: Sketch, x: Value, dim: int) -> Array:
    array = s.lifted(x)
    if dim not in (-1, array.n_axes) or not array.rows:
        raise refused(f"unsqueeze({dim}) of a tensor of shape {array.shape}")
    return Array(True, array.entries[..., None])


def squeeze(s: Sketch, x: Value, dim: int) -> Array:
    array = s.lifted(x)
    _last(array, dim, array.n_axes)
    return Array(True, array.entries[..., 0]) if array.entries.shape[-1:] == (1,) else array


def total(s: Sketch, x: Value, dim: int, keepdim: bool = False) -> Array:
    array = s.lifted(x)
    _last(array, dim, array.n_axes)
    if not array.entries.ndim:
        raise refused("a sum over rows")
    return s.summed(array, keepdim)


def _mapping(of: Callable[[Builder], Callable[..., int]], n: int) -> Operation:
    def operation(s: Sketch, *values: Value) -> Array:
        if len(values) != n:
            raise TypeError(f"{n} arguments, not {len(values)}")
        return s.mapped(of(s.builder), *values)

    return operation


def _function(name: str) -> Operation:
    return lambda s, x: s.mapped(lambda node: s.builder.apply(name, node), x)


def _activation(name: str) -> Operation:
    return lambda s, x: s.activated(x, name)


OPERATIONS: dict[str, Operation] = {
    **{name: _mapping(of, 1 if name in ("neg", "square") else 2) for name, of in ARITHMETIC.items()},
    **{name: _function(name) for name in FUNCTIONS},
    **{name: _activation(name) for name in ACTIVATIONS},
    "relu": in_place("relu"), "silu": in_place("silu"), "softplus": softplus, "dropout": dropout,
    "linear": linear, "matmul": matmul, "t": transpose, "cat": cat, "stack": stack, "getitem": getitem,
    "unbind": unbind, "chunk": chunk, "getattr": attribute, "size": size, "expand": expand, "sum": total,
    "unsqueeze": unsqueeze, "squeeze": squeeze, "ones_like": filled(1.0), "zeros_like": filled(0.0),
    "clone": lambda s, x: x, "contiguous": lambda s, x: x,
}  # fmt: skip
OPERATIONS |= {alias: OPERATIONS[name] for alias, name in ALIKE.items()}
"""Name → what it becomes."""

NAMES: dict[Any, str] = {
    function: name for name in OPERATIONS for home in HOMES if (function := getattr(home, name, None)) is not None
} | {getattr: "getattr"}
"""Function of torch or Python → its name in `OPERATIONS`."""

MODULES: dict[type, Callable[[Sketch, Any, Value], Value]] = {
    nn.Tanh: lambda s, m, x: s.activated(x, "tanh"),
    nn.ReLU: lambda s, m, x: OPERATIONS["relu"](s, x, m.inplace),
    nn.SiLU: lambda s, m, x: OPERATIONS["silu"](s, x, m.inplace),
    nn.Softplus: lambda s, m, x: softplus(s, x, m.beta, m.threshold),
    nn.Sigmoid: lambda s, m, x: OPERATIONS["sigmoid"](s, x),
    nn.Identity: lambda s, m, x: x,
    nn.Dropout: lambda s, m, x: dropout(s, x, m.p, m.training),
}
"""Module → what it becomes of one argument; Linear stands apart, for it has parameters."""


def called(s: Sketch, name: str, label: str, arguments: Sequence[Value], options: dict[str, Value]) -> Value:
    """One operation of the whitelist; raises NotLowerable for others and for arguments that it does not take."""
    if name.endswith("_") and not name.endswith("__"):
        raise refused(f"{label} works in place")
    if name not in OPERATIONS:
        raise refused(f"{label} has no form in graphs")
    try:
        return OPERATIONS[name](s, *arguments, **options)
    except (TypeError, IndexError, ValueError) as error:
        raise refused(f"{label}: {str(error).rpartition('() ')[2]}") from error


def settled(s: Sketch, value: Value, users: int) -> Value:
    """Layers that more than one operation looks at become a network at once."""
    return s.lifted(value) if isinstance(value, Chain) and users > 1 else value
