"""The one lowered form of a right-hand side, with its derivatives: scalar operations and networks in (t, y, u, c; p).

Formulas enter through `from_sympy`, networks through `from_network`; a `Graph` gives its values and derivatives as
NumPy and torch functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .graph import Derivative, Graph, Kind
from .network import Layer, Network, from_network
from .nodes import Builder, Node

if TYPE_CHECKING:
    import sympy

__all__ = ["Builder", "Derivative", "Graph", "Kind", "Layer", "Network", "Node", "from_network", "from_sympy"]


def from_sympy(
    groups: Mapping[str, Sequence[sympy.Expr | float]],
    *,
    states: Sequence[str],
    parameters: Sequence[str],
    inputs: Sequence[str] = (),
    covariates: Sequence[str] = (),
    time: str = "t",
    expressions: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph that computes each group's expressions; symbols are told by their names.

    `expressions` are named intermediates: their symbols may stand in the groups and in each other, and each is lowered
    once, however often it is mentioned. Raises NotLowerable for undeclared symbols, learned terms, values that are not
    real, and functions outside the language of formulas.
    """
    from .lowering import lower

    leaves = {"t": (time,), "y": states, "u": inputs, "c": covariates, "p": parameters}
    return lower(groups, leaves, expressions or {})
