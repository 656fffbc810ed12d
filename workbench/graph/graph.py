"""Graph: a right-hand side, its initial values and observations as one table of scalar operations, with derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from . import derivatives as rules
from .network import Network, check_networks, inputs_of, needed
from .nodes import LEAVES, Builder, Node
from .source import Result, compiled, function_source

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["t", "y", "u", "c", "p", "z"]


@dataclass(frozen=True)
class Derivative:
    """A sparse derivative: `graph` holds the nodes of the one it was taken of, with the same numbers, and more.

    `entries` maps (output, leaf) to the node that computes it; what is missing is zero everywhere.
    """

    graph: Graph
    shape: tuple[int, int]  # outputs of the group, leaves of the kind
    entries: Mapping[tuple[int, int], int]


@dataclass(frozen=True, eq=False)
class Graph:
    """The lowered form of formulas and networks: nodes in order of evaluation, and groups of outputs among them.

    A graph computes from time t (rows,), states y (rows, state), inputs u (rows, input), covariates c (rows, covariate)
    and parameters p (rows, parameter) or (parameter,), each row by itself. Leaves of the kind z are outputs of its
    networks, whose inputs are groups of their own ("network 0", …): f = rhs(t, y, u, c, p, z).

    >>> from workbench.graph import from_sympy
    >>> import numpy as np, sympy
    >>> x, k = sympy.symbols("x k")
    >>> decay = from_sympy({"rhs": [-k * x]}, states=["x"], parameters=["k"])
    >>> f = decay.function("rhs", ("y", "p"))
    >>> value, by_y, by_p = f(np.zeros(1), np.array([[3.0]]), None, None, np.array([2.0]))
    >>> float(value[0, 0]), float(by_y[0, 0, 0]), float(by_p[0, 0, 0])
    (-6.0, -2.0, -3.0)
    """

    nodes: tuple[Node, ...]
    groups: Mapping[str, tuple[int, ...]]
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    time: str = "t"
    networks: tuple[Network, ...] = ()
    _made: dict[tuple[str, ...], Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.networks:
            check_networks(self)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """The leaves of a kind, in the order of their columns."""
        given = {"t": (self.time,), "y": self.states, "u": self.inputs, "c": self.covariates, "p": self.parameters}
        return given[kind] if kind != "z" else tuple(f"z{i}" for i in range(self.n_outputs))

    @property
    def n_outputs(self) -> int:
        """How many z the networks compute."""
        return max((network.first + network.n_outputs for network in self.networks), default=0)

    def depends(self, group: str, kind: Kind | None = None) -> frozenset[str]:
        """The kinds of leaves (of t, y, u, c, p, z) that a group is computed from; of one kind, their names.

        By way of networks too: what their inputs are computed from, and their weights.
        """
        networks = needed(self, group)
        outputs = [number for each in (group, *map(inputs_of, networks)) for number in self.groups[each]]
        leaves = {self.nodes[number] for number in rules.reachable(self.nodes, outputs)}
        leaves |= {Node("p", (), place) for k in networks for place in self.networks[k].weight_places}
        if kind is None:
            return frozenset(leaf.op for leaf in leaves if leaf.op in LEAVES)
        names = self.names(kind)
        return frozenset(names[int(leaf.value)] for leaf in leaves if leaf.op == kind)

    def differentiate(self, group: str, wrt: Kind) -> Derivative:
        """∂group/∂leaves of the kind `wrt`, sparse; see workbench.graph.derivatives for what holds at kinks.

        Where there are networks, with their outputs z held; the derivative by those is that of the kind z.
        """
        return self._once(("derivative", group, wrt), lambda: self._differentiated(group, wrt))

    def _differentiated(self, group: str, wrt: Kind) -> Derivative:
        builder = Builder(self.nodes)
        columns = rules.differentiate(builder, self.groups[group], wrt)
        graph = replace(self, nodes=tuple(builder.nodes))
        entries = {(i, j): node for i, column in enumerate(columns) for j, node in column.items()}
        return Derivative(graph, (len(self.groups[group]), len(self.names(wrt))), entries)

    def tangent(self, group: str) -> Graph:
        """The graph of f_y w + f_t τ + f_u v for the outputs f of a group; w, τ and v stand behind the covariates.

        So second derivatives along a direction are first derivatives of this graph. Its networks are tangent networks.
        """
        from .tangent import tangent

        return self._once(("tangent", group), lambda: tangent(self, group))

    def sparsity(self, group: str, wrt: Kind) -> np.ndarray:
        """Where ∂group/∂leaves may differ from zero: (output, leaf) of booleans."""
        from .composition import sparsity

        return sparsity(self, group, wrt)

    def linear_weights(self, group: str) -> tuple[int, ...]:
        """The parameters in which a group is linear together whatever the others are, as far as they are weights."""
        from .network import linear_weights

        return self._once(("linear", group), lambda: linear_weights(self, group))

    def function(self, group: str, derivatives: Sequence[Kind] = ()) -> Callable[..., Any]:
        """f(t, y, u, c, p) on NumPy arrays: the value (rows, output), or with derivatives a tuple of value and each.

        A derivative is (rows, output, leaf), by time (rows, output). u, c and, where the group does not need them, y
        and p may be None. Real and complex arrays of any precision; results have the common type of y, u, c and p.
        Nothing is raised for values that are not finite. Functions are made once and kept.
        """
        wanted = tuple(derivatives)
        return self._once(("numpy", group, *wanted), lambda: self._numpy(group, wanted))

    def _numpy(self, group: str, wanted: tuple[Kind, ...]) -> Callable[..., Any]:
        from . import composition
        from . import numpy_functions as numpy

        if needed(self, group):
            return composition.function(self, group, wanted)
        return self._compiled(group, wanted, numpy.NAMES, numpy.REST)

    def pullback(self, group: str) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """(t, y, u, c, p, g, row) → gᵀf_y (line, state) and gᵀf_p summed by `row` (trajectory, parameter), on NumPy.

        For g (line, output), and row (line,), the trajectory of each line. The derivative by weights is never formed
        line by line, so that networks may have many.
        """
        from . import composition

        return self._once(("pullback", group), lambda: composition.pullback(self, group))

    def torch_function(self, group: str, derivatives: Sequence[Kind] = ()) -> Callable[..., Any]:
        """The same on tensors; the value alone has the graph's own derivatives under autograd, at kinks too."""
        wanted = tuple(derivatives)
        return self._once(("torch", group, *wanted), lambda: self._torch(group, wanted))

    def _torch(self, group: str, wanted: tuple[Kind, ...]) -> Callable[..., Any]:
        from . import autograd, torch_composition
        from . import torch_functions as torch

        if needed(self, group):
            return torch_composition.function(self, group, wanted)
        plain = self._compiled(group, wanted, torch.NAMES, torch.REST)
        return plain if wanted else autograd.differentiable(self, group, plain)

    def _compiled(
        self, group: str, wanted: tuple[Kind, ...], operations: Mapping[str, Any], rest: Mapping[str, Any]
    ) -> Callable[..., Any]:
        return compiled(self.source(group, wanted), operations, rest)

    def source(self, group: str, derivatives: Sequence[Kind] = ()) -> str:
        """The text of the function of t, y, u, c, p that `function` and `torch_function` compile.

        Where there are networks, of z too, and derivatives are those with z held.
        """
        builder = Builder(self.nodes)
        outputs = self.groups[group]
        results = [Result((len(outputs),), tuple(range(len(outputs))), outputs)]
        for kind in derivatives:
            width = len(self.names(kind))
            columns = rules.differentiate(builder, outputs, kind)
            entries = {i * width + j: node for i, column in enumerate(columns) for j, node in column.items()}
            shape = (len(outputs),) if kind == "t" else (len(outputs), width)
            results.append(Result(shape, tuple(entries), tuple(entries.values())))
        return function_source(builder.nodes, results)

    def _once(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_made": {}}  # compiled functions are made again where the graph arrives
