"""A torch module → Graph, by symbolic tracing and a whitelist, and then by comparing numbers.

Imports torch; only functions that need it import this module.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from workbench.errors.problems import NotLowerable

from .graph import Graph
from .module_operations import MODULES, NAMES, called, settled
from .module_values import Array, Sketch, Value, refused

AGREEMENT = 1e-10  # of values and derivatives in float64, relative to the largest
POINTS = 12


class Called(nn.Module):
    """A module called with t and y alone, whatever else it might take."""

    def __init__(self, module: nn.Module, with_time: bool) -> None:
        super().__init__()
        self.module, self.with_time = module, with_time

    def forward(self, t: Any, y: Any) -> Any:
        """dy/dt as the module gives it."""
        return self.module(t, y) if self.with_time else self.module(y)


def lower_module(module: nn.Module, states: int) -> Graph:
    """The graph of forward(t, y) or forward(y) on y (rows, state); see `workbench.graph.from_module`."""
    with_time = _takes_time(module)
    try:
        called_ = Called(copy.deepcopy(module), with_time).double()
    except Exception as error:  # copying runs code of the module's author
        raise refused(f"it cannot be copied: {error}") from error
    first: NotLowerable | None = None
    for t_axes in (2, 0):  # t (rows, 1), or else one number
        try:
            graph = _Lowering(called_, states, t_axes).graph()
            compare(graph, called_, states, t_axes)
        except NotLowerable as error:
            first = first or error
        else:
            return graph
    assert first is not None, "two ways were tried"
    raise first


def _takes_time(module: nn.Module) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = [each for each in inspect.signature(module.forward).parameters.values() if each.kind in kinds]
    needed = [each for each in given if each.default is inspect.Parameter.empty]
    if not 1 <= len(needed) <= 2:
        raise refused(f"forward takes {len(needed)} arguments, not (y) or (t, y)")
    return len(needed) == 2


class _Lowering:
    """The traced operations of a module, one after the other, as nodes."""

    def __init__(self, module: Called, states: int, t_axes: int) -> None:
        self.module, self.states, self.sketch = module, states, Sketch()
        t = self.sketch.leaves("t", 1, rows=True)
        self.t = t if t_axes else Array(False, t.entries[0, ...])
        self.places: dict[int, int] = {}  # parameter → where it begins among p
        self.parameters: list[str] = []
        for name, weight in module.module.named_parameters():
            self.places[id(weight)] = len(self.parameters)
            self.parameters += [f"{name}[{i}]" for i in range(weight.numel())]

    def graph(self) -> Graph:
        """Of the whole module; raises NotLowerable."""
        y = self.sketch.leaves("y", self.states, rows=True)
        found: dict[fx.Node, Value] = {}
        for node in self._traced().nodes:
            if node.op == "placeholder":
                value: Value = self.t if node.name == "t" else y
            elif node.op == "output":
                return self._complete(fx.node.map_arg(node.args[0], lambda each: found[each]), y)
            else:
                arguments, options = fx.node.map_arg((node.args, node.kwargs), lambda each: found[each])
                value = self._value(node, arguments, options)
            found[node] = settled(self.sketch, value, len(node.users))
        raise refused("its trace has no end")

    def _traced(self) -> fx.Graph:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return fx.Tracer().trace(self.module)
        except Exception as error:  # whatever a module does with what is no tensor
            raise refused(f"it cannot be traced: {repr(error).partition('. ')[0]}") from error

    def _value(self, node: fx.Node, arguments: Any, options: Any) -> Value:
        if node.op == "get_attr":
            return self._attribute(str(node.target))
        if node.op == "call_module":
            return self._submodule(str(node.target), arguments, options)
        if node.op == "call_method":
            return called(self.sketch, str(node.target), f"the method {node.target}", arguments, options)
        name = getattr(node.target, "__name__", str(node.target))
        return called(self.sketch, NAMES.get(node.target, f"?{name}"), f"the function {name}", arguments, options)

    def _attribute(self, target: str) -> Array:
        tensor: Any = self.module
        for part in target.split("."):
            tensor = getattr(tensor, part)
        if not isinstance(tensor, torch.Tensor) or tensor.is_complex():
            raise refused(f"the constant {target!r} is no real tensor")
        return self._tensor(tensor)

    def _tensor(self, tensor: torch.Tensor) -> Array:
        if id(tensor) not in self.places:
            return self.sketch.constants(tensor.detach().cpu().double().numpy())
        place = self.places[id(tensor)]
        nodes = [self.sketch.builder.leaf("p", place + i) for i in range(tensor.numel())]
        return Array(False, np.array(nodes, dtype=int).reshape(tuple(tensor.shape)))

    def _submodule(self, target: str, arguments: Any, options: Any) -> Value:
        module = self.module.get_submodule(target)
        kind = type(module).__name__
        if len(arguments) != 1 or options or (type(module) not in MODULES and type(module) is not nn.Linear):
            raise refused(f"{target.replace('module', 'its part', 1).replace('part.', 'part ')} is a {kind}")
        if type(module) is nn.Linear:
            bias = None if module.bias is None else self._tensor(module.bias)
            return self.sketch.layer(arguments[0], self._tensor(module.weight), bias)
        return MODULES[type(module)](self.sketch, module, arguments[0])

    def _complete(self, value: Value, y: Array) -> Graph:
        slope = self.sketch.lifted(value)
        if not slope.rows or slope.entries.shape != (self.states,):
            raise refused(f"forward gives the shape {slope.shape}, not (rows, {self.states})")
        groups = {"rhs": slope, "observed": y}
        outputs = {name: tuple(int(node) for node in array.entries) for name, array in groups.items()}
        names = tuple(f"y{i}" for i in range(self.states))
        networks = tuple(self.sketch.networks)
        nodes = tuple(self.sketch.builder.nodes)
        return Graph(nodes, outputs | self.sketch.groups, names, tuple(self.parameters), networks=networks)


def compare(graph: Graph, module: Called, states: int, t_axes: int) -> None:
    """Raise NotLowerable where the graph's values or derivatives at random points are not the module's."""
    rng = np.random.default_rng(20_240_229)
    y = rng.normal(0.0, 1.0, (POINTS, states))
    y[::2] = np.abs(y[::2])  # where roots and logarithms are real
    t, g = rng.uniform(0.0, 2.0, POINTS), rng.normal(0.0, 1.0, (POINTS, states))
    parameters = list(module.module.parameters())
    flat = [weight.detach().cpu().numpy().ravel() for weight in parameters]
    p = np.concatenate(flat) if flat else np.zeros(0)
    value, by_t = graph.function("rhs", ("t",))(t, y, None, None, p)
    finite = np.isfinite(value).all(axis=1)
    if not finite.any():
        raise refused("it has no finite value at any of the points that it was tried at")
    t, y, g, value, by_t = (each[finite] for each in (t, y, g, value, by_t))
    by_y, by_p = graph.pullback("rhs")(t, y, None, None, p, g, np.zeros(len(t), dtype=int))
    try:
        theirs = _by_torch(module, parameters, t, y, g, t_axes)
    except RuntimeError as error:
        raise refused(f"it fails at random points: {str(error).splitlines()[0]}") from error
    ours = (value, np.einsum("ls,ls->l", g, by_t), by_y, by_p[0])
    for what, one, other in zip(
        ("value", "derivative by t", "derivative by y", "derivative by parameters"), ours, theirs, strict=True
    ):
        size = np.abs(other).max(initial=0.0)
        if not np.abs(one - other).max(initial=0.0) <= AGREEMENT * max(size, 1e-300):
            raise refused(f"its graph does not compute the same {what}")


def _by_torch(
    module: Called, parameters: list[nn.Parameter], t: np.ndarray, y: np.ndarray, g: np.ndarray, t_axes: int
) -> tuple[np.ndarray, ...]:
    """f, and gᵀf by t (line,), by y (line, state) and by p (parameter,)."""
    t_, y_ = (torch.from_numpy(each.copy()).requires_grad_() for each in (t, y))
    for weight in parameters:
        weight.requires_grad_()
    with torch.enable_grad():
        at, before = y_ * 1, y.copy()
        if t_axes:
            f = module(t_[:, None], at)
        else:
            f = torch.cat([module(t_[i], at[i : i + 1]) for i in range(len(t))])
        if not isinstance(f, torch.Tensor) or not np.array_equal(at.detach().numpy(), before):
            raise refused("it changes the states that it is given")
        inputs = [t_, y_, *parameters]
        if not f.requires_grad:
            zeros = [torch.zeros_like(each) for each in inputs]
            by_t, by_y, *by_p = zeros
        else:
            by_t, by_y, *by_p = torch.autograd.grad(f, inputs, torch.from_numpy(g).to(f.dtype), materialize_grads=True)
    flat = [each.reshape(-1) for each in by_p]
    return tuple(each.detach().numpy() for each in (f, by_t, by_y, torch.cat(flat) if flat else torch.zeros(0)))
