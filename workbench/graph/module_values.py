"""What a tensor of a torch module is in a graph: an array of nodes, or layers that are not yet a network.

Only the axis of rows has no length; every other axis is written out: a tensor of shape (rows, 3) is three nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors.problems import NotLowerable

from .network import ACTIVATIONS, Layer, Network, inputs_of
from .nodes import Builder

WRITTEN_OUT = 4096  # products of numbers that a matrix product may become where the matrix is not a layer's


@dataclass(frozen=True)
class Array:
    """Nodes (…) over all axes but that of rows, which comes first where there is one."""

    rows: bool
    entries: np.ndarray  # of node numbers

    @property
    def n_axes(self) -> int:
        return self.rows + self.entries.ndim

    @property
    def shape(self) -> tuple[Any, ...]:
        return (*((ROWS,) if self.rows else ()), *self.entries.shape)


class Rows:
    """The length of the axis of rows, in a shape."""

    def __repr__(self) -> str:
        return "rows"


ROWS = Rows()


@dataclass(frozen=True)
class Chain:
    """Layers one behind the other over `inputs` (rows, n), the last of them followed by the activation or not."""

    inputs: Array
    layers: tuple[Layer, ...]
    activation: str = ""
    activated: bool = False


Value = Any  # Array, Chain, a number, or tuples and lists of them


def refused(what: str) -> NotLowerable:
    """The error for an operation that a graph does not hold."""
    return NotLowerable(
        f"the module has no graph: {what}",
        help="it runs on the torch engine; graphs hold Linear layers, their activations and arithmetic by columns",
    )


class Sketch:
    """A graph while it is made: its nodes, and the networks that are complete."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.networks: list[Network] = []
        self.groups: dict[str, tuple[int, ...]] = {}

    def leaves(self, kind: str, n: int, rows: bool) -> Array:
        """The first n leaves of a kind, as a vector."""
        return Array(rows, np.array([self.builder.leaf(kind, i) for i in range(n)], dtype=int))

    def constants(self, values: np.ndarray) -> Array:
        """Numbers that are the same for all rows."""
        flat = [self.builder.constant(float(value)) for value in values.ravel()]
        return Array(False, np.array(flat, dtype=int).reshape(values.shape))

    def lifted(self, value: Value) -> Array:
        """A value as nodes: layers become a network, numbers constants."""
        if isinstance(value, Array):
            return value
        if isinstance(value, Chain):
            return self._network(value)
        if isinstance(value, int | float):
            return self.constants(np.array(float(value)))
        raise refused(f"{type(value).__name__} stands where a tensor or a number should")

    def _network(self, chain: Chain) -> Array:
        sizes = (chain.layers[0].n_inputs, *(layer.n_outputs for layer in chain.layers))
        first = sum(network.n_outputs for network in self.networks)
        places = tuple((layer.matrix, layer.biases) for layer in chain.layers)
        activation = chain.activation or ACTIVATIONS[0]  # of one layer: not used
        plain = Network(sizes, activation, places[0][0], first)
        whole = plain if plain.layers == chain.layers else replace(plain, places=places)
        self.groups[inputs_of(len(self.networks))] = tuple(int(node) for node in chain.inputs.entries)
        self.networks.append(whole)
        z = np.array([self.builder.leaf("z", first + i) for i in range(sizes[-1])], dtype=int)
        found = Array(chain.inputs.rows, z)
        return self.mapped(lambda x: scalar(self.builder, chain.activation, x), found) if chain.activated else found

    def mapped(self, operation: Callable[..., int], *values: Value) -> Array:
        """An operation on nodes, entry by entry, with broadcasting as in torch."""
        arrays = [self.lifted(value) for value in values]
        with_rows = [array for array in arrays if array.rows]
        entries = []
        for array in arrays:
            if array.rows and array.n_axes != max(each.n_axes for each in arrays):
                shapes = " and ".join(str(each.shape) for each in arrays)
                raise refused(f"shapes {shapes} would set rows against columns")
            if with_rows and not array.rows and array.n_axes == with_rows[0].n_axes:
                if array.entries.shape[0] != 1:
                    raise refused(f"a tensor of shape {array.shape} has an entry for every row")
                array = Array(False, array.entries[0])
            entries.append(array.entries)
        try:
            together = np.broadcast_arrays(*entries)
        except ValueError as error:
            raise refused(f"shapes do not fit: {error}") from error
        nodes = [operation(*(int(node) for node in each)) for each in zip(*(e.ravel() for e in together), strict=True)]
        return Array(bool(with_rows), np.array(nodes, dtype=int).reshape(together[0].shape))

    def layer(self, x: Value, matrix: Array, biases: Array | None) -> Value:
        """x Wᵀ + b for W (output, input): a layer where W and b are parameters in their order, else written out."""
        places = self._place(matrix), self._place(biases) if biases is not None else -1
        if matrix.rows or matrix.entries.ndim != 2:
            raise refused(f"a matrix product with shape {matrix.shape}")
        n_outputs, n_inputs = matrix.entries.shape
        if places[0] is not None and places[1] is not None:
            layer = Layer(n_inputs, n_outputs, places[0], places[1])
            if isinstance(x, Chain) and x.activated and x.layers[-1].n_outputs == n_inputs:
                return replace(x, layers=(*x.layers, layer), activated=False)
            inputs = self._vector(x, n_inputs)
            return Chain(inputs, (layer,))
        inputs = self._vector(x, n_inputs)
        if matrix.entries.size > WRITTEN_OUT:
            raise refused(f"a product with a {n_outputs} × {n_inputs} matrix that is not one layer's weights")
        sums = [self._sum(self.mapped(self.builder.mul, inputs, Array(False, row))) for row in matrix.entries]
        product = Array(inputs.rows, np.array(sums, dtype=int))
        return product if biases is None else self.mapped(self.builder.add, product, biases)

    def _vector(self, x: Value, n: int) -> Array:
        found = self.lifted(x)
        if found.entries.shape != (n,):
            raise refused(f"a layer of {n} inputs on a tensor of shape {found.shape}")
        return found

    def _sum(self, array: Array) -> int:
        total = self.builder.constant(0)
        for node in array.entries:
            total = self.builder.add(total, int(node))
        return total

    def summed(self, array: Array, keep: bool) -> Array:
        """The sum over the last axis."""
        flat = array.entries.reshape(-1, array.entries.shape[-1])
        sums = np.array([self._sum(Array(False, each)) for each in flat], dtype=int).reshape(array.entries.shape[:-1])
        return Array(array.rows, sums[..., None] if keep else sums)

    def _place(self, array: Array) -> int | None:
        """Where a tensor begins among the parameters, if it is a piece of them in their order."""
        nodes = [self.builder.nodes[int(node)] for node in array.entries.ravel()]
        first = int(nodes[0].value) if nodes and nodes[0].op == "p" else None
        if first is None or any(n != ("p", (), first + i) for i, n in enumerate(nodes)):
            return None
        return first

    def activated(self, x: Value, name: str) -> Value:
        """An activation, within the layers that it stands behind where they have the same."""
        if isinstance(x, Chain) and not x.activated and x.activation in ("", name):
            return replace(x, activation=name, activated=True)
        return self.mapped(lambda node: scalar(self.builder, name, node), x)


def scalar(b: Builder, activation: str, x: int) -> int:
    """An activation as nodes; the slope of relu at 0 is 0."""
    if activation == "relu":
        return b.apply("max", b.constant(0), x)
    return b.mul(x, b.apply("sigmoid", x)) if activation == "silu" else b.apply(activation, x)
