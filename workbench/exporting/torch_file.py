"""A model as a Python file with a torch module: forward(t, y, u, c) over rows of states, differentiable."""

from __future__ import annotations

from ..graph.network import needed
from .form import Form
from .language import Language, indexed, placed, written
from .naming import comment, legend
from .python_file import array

CALLS = {
    "pow": "torch.pow(as_tensor({0}, y), {1})", "sqrt": "torch.sqrt", "exp": "torch.exp", "expm1": "torch.expm1",
    "log": "torch.log", "log10": "torch.log10", "log1p": "torch.log1p", "sin": "torch.sin", "cos": "torch.cos",
    "tan": "torch.tan", "asin": "torch.asin", "acos": "torch.acos", "atan": "torch.atan",
    "atan2": "torch.atan2(as_tensor({0}, y), as_tensor({1}, y))", "sinh": "torch.sinh", "cosh": "torch.cosh",
    "tanh": "torch.tanh", "asinh": "torch.asinh", "acosh": "torch.acosh", "atanh": "torch.atanh", "abs": "torch.abs",
    "sign": "torch.sign", "floor": "torch.floor", "step": "torch.where({0} > 0, 1.0, 0.0)",
    "where": "torch.where({0} > 0, as_tensor({1}, y), as_tensor({2}, y))",
    "min": "torch.minimum(as_tensor({0}, y), as_tensor({1}, y))",
    "max": "torch.maximum(as_tensor({0}, y), as_tensor({1}, y))",
    "less": "torch.where(as_tensor({0}, y) < as_tensor({1}, y), as_tensor({2}, y), as_tensor({3}, y))",
    "sigmoid": "torch.sigmoid", "softplus": "torch.nn.functional.softplus", "xlogy": "torch.xlogy({0}, {1})",
    "ratio": "torch.where({0} == 0, 0.0, {0} / {1})", "chain": "torch.where({1} == 0, 0.0, {0} * {1})",
    "lgamma": "torch.lgamma", "digamma": "torch.digamma", "trigamma": "torch.polygamma(1, {0})",
}  # fmt: skip
ACTIVATIONS = {
    "tanh": "torch.tanh", "softplus": "torch.nn.functional.softplus", "silu": "torch.nn.functional.silu",
    "relu": "torch.relu", "sin": "torch.sin",
}  # fmt: skip


def number(value: float) -> str:
    """A number that reads back to the same bits."""
    return repr(float(value)) if abs(value) < float("inf") else f"float({str(value)!r})"


TORCH = Language(CALLS, number)

AS_TENSOR = '''
def as_tensor(value, like):
    """A number or a tensor, as a tensor of the kind of `like`."""
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=like.dtype, device=like.device)
'''

DENSE = '''
def dense(x, p, layers, activation):
    """Dense layers over the last axis, an activation after each but the last."""
    for number, (n_out, n_in, matrix, biases) in enumerate(layers):
        weight = p[matrix : matrix + n_out * n_in].reshape(n_out, n_in)
        bias = None if biases is None else p[biases : biases + n_out]
        x = torch.nn.functional.linear(activation(x) if number else x, weight, bias)
    return x
'''


def torch_file(form: Form) -> str:
    """The file's text: a module `Model`, whose parameter p is the fitted one, and the fitted starts."""
    parts = [_head(form), AS_TENSOR]
    if form.graph.networks:
        parts.append(DENSE)
    parts += [_data(form), _module(form)]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _head(form: Form) -> str:
    graph, units = form.graph, form.units
    lines = [f'"""{comment(form.title)}: dy/dt = Model()(t, y, u, c), exported by workbench.', ""]
    if form.events:
        lines += [f"Events ({comment(', '.join(form.events))}) change the states between solves: no part of it.", ""]
    for letter, names in (("y", graph.states), ("u", graph.inputs), ("c", graph.covariates)):
        lines += legend(letter, names, units)
    lines += [f"p[{i}]  {comment(graph.parameters[i])}" for i in form.scalars]
    return "\n".join([*lines, '"""', "", "import numpy as np", "import torch"])


def _data(form: Form) -> str:
    p = form.p[:1] if form.shared else form.p
    lines = [array("P", p), array("T0", form.t0), array("Y0", form.y0)]
    lines += [array("C", form.c)] if form.c is not None else []
    return "\n".join(lines)


def _module(form: Form) -> str:
    graph = form.graph
    text = [
        "class Model(torch.nn.Module):",
        f'    """t () or (row, 1), y (..., {len(graph.states)}); u and c likewise, in the order above."""',
        "",
        "    def __init__(self, trajectory=0, dtype=torch.float64):",
        "        super().__init__()",
        "        self.p = torch.nn.Parameter(torch.tensor(P[trajectory if len(P) > 1 else 0], dtype=dtype))",
        "",
        "    def forward(self, t, y, u=None, c=None):",
        '        """dy/dt, shaped like y."""',
        *_body(form, "rhs"),
        "",
        "    def observe(self, t, y, u=None, c=None):",
        '        """The channels (…, channel)."""',
        *_body(form, "observed"),
    ]
    return "\n".join(text)


def _body(form: Form, group: str) -> list[str]:
    graph = form.graph
    lines = ["p = self.p", "t = as_tensor(t, y)", "t = t[..., 0] if t.ndim else t"]
    networks = needed(graph, group)
    lines += [f"z = [None] * {graph.n_outputs}"] if networks else []
    for k in networks:
        network = graph.networks[k]
        own, values = written(graph.nodes, graph.groups[f"network {k}"], TORCH, _leaf)
        lines += [*own, f"x = torch.stack(torch.broadcast_tensors({_tensors(values)}), -1)"]
        lines += [f"x = dense(x, p, [{', '.join(placed(network))}], {ACTIVATIONS[network.activation]})"]
        lines += [f"z[{network.first}:{network.first + network.n_outputs}] = x.unbind(-1)"]
    own, values = written(graph.nodes, graph.groups[group], TORCH, _leaf)
    if not values:
        return ["        return y"]
    like = "y[..., 0]" if graph.states else "t"
    lines += [*own, f"return torch.stack(torch.broadcast_tensors({_tensors(values)}, {like})[:-1], -1)"]
    return [f"        {line}" for line in lines]


def _tensors(values: list[str]) -> str:
    return ", ".join(f"as_tensor({value}, y)" for value in values)


def _leaf(kind: str, index: int) -> str:
    if kind in "yuc":
        return f"{kind}[..., {index}]"
    return indexed(kind, index)
