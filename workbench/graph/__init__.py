"""The one lowered form of a right-hand side, with its derivatives: scalar operations and networks in (t, y, u, c; p).

Formulas enter through `from_sympy`, Python functions through `from_function`, networks through `from_network`, torch
modules through `from_module`; a `Graph` gives its values and derivatives as NumPy and torch functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .encoding import Encoder
from .graph import Derivative, Graph, Kind
from .learned import LearnedTerm
from .network import NONE, Layer, Network, from_network, inputs_of
from .nodes import Builder, Node

if TYPE_CHECKING:
    import sympy
    import torch

__all__ = [
    "NONE",
    "Builder",
    "Derivative",
    "Encoder",
    "Graph",
    "Kind",
    "Layer",
    "LearnedTerm",
    "Network",
    "Node",
    "from_function",
    "from_module",
    "from_network",
    "from_sympy",
    "inputs_of",
]


def from_sympy(
    groups: Mapping[str, Sequence[sympy.Expr | float]],
    *,
    states: Sequence[str],
    parameters: Sequence[str],
    inputs: Sequence[str] = (),
    covariates: Sequence[str] = (),
    time: str = "t",
    expressions: Mapping[str, Any] | None = None,
    learned: Mapping[str, LearnedTerm] | None = None,
) -> Graph:
    """The graph that computes each group's expressions; symbols are told by their names.

    `states`, `parameters`, `inputs` and `covariates` name them in the order of the graph's arguments, `time` names t.
    `expressions` are named intermediates: their symbols may stand in the groups and in each other, and each is lowered
    once, however often it is mentioned. `learned` are terms that formulas call as applications of sympy.Function: each
    call becomes a network, and all calls of one term share its weights, whose names are among the parameters. Raises
    NotLowerable for undeclared symbols, undeclared learned terms, values that are not real, and functions outside the
    language of formulas.
    """
    from .lowering import lower

    leaves = {"t": (time,), "y": states, "u": inputs, "c": covariates, "p": parameters}
    return lower(groups, leaves, expressions or {}, learned or {})


def from_function(
    f: Callable[..., Any],
    states: Sequence[str],
    parameters: Sequence[str] | None = None,
    *,
    inputs: Sequence[str] = (),
    time: str = "t",
) -> Graph:
    """The graph of dy/dt = f(t, y, a, b, …), a function of one trajectory that gives one number for each state.

    `states` name the entries of y, `parameters` what comes behind it; unless given, these are f's own names of its
    arguments. `time` is what t is called there. With `inputs` f is f(t, y, u, a, b, …). y and u are arrays of numbers.
    f is called once, with numbers that write down what is done to them: arithmetic, powers, matrix products, NumPy's
    functions of one number, numpy.maximum, minimum and arctan2, and numpy.where(a > b, …). Loops run as they are.
    Raises NotLowerable for what else a graph cannot hold, such as a branch that depends on y.

    SymPy is not imported, so that the first result of a new system comes sooner than by `from_sympy`.

    >>> import numpy as np
    >>> def hunting(t, y, a, b, c, d):
    ...     prey, hunters = y
    ...     return a * prey - b * prey * hunters, d * prey * hunters - c * hunters
    >>> graph = from_function(hunting, ["prey", "hunters"])
    >>> graph.parameters
    ('a', 'b', 'c', 'd')
    >>> graph.function("rhs")(np.zeros(1), np.array([[2.0, 3.0]]), None, None, np.array([1.5, 1.0, 3.0, 1.0])).tolist()
    [[-3.0, -3.0]]
    """
    from .tracing import lower_function

    return lower_function(f, states, parameters, inputs, time)


def from_module(module: torch.nn.Module, states: int) -> Graph:
    """The graph of a module's forward(t, y) or forward(y) on y (rows, state), t (rows, 1) or one number.

    Parameters are the module's, flat, in the order of `named_parameters`, named like "net.0.weight[5]"; states are y0,
    y1, …, each observed. What has a form in graphs: Linear layers (weights may be shared, biases missing), tanh,
    softplus, silu, relu, sin and some other functions, arithmetic, columns picked (y[..., i], y[:, i:j]) and put
    together (cat, stack), constants and parameters that all rows share. A module keeps its mode: dropout is refused in
    training.

    The graph is compared with a float64 copy of the module at random points, in values and derivatives. Raises
    NotLowerable, which names the operation that has no form or what differs. Softplus is exact; torch's differs from it
    by up to 2.1e-9 where the argument exceeds 20.
    """
    from .module_lowering import lower_module

    return lower_module(module, states)
