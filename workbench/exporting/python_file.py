"""A model as a Python file that needs NumPy and SciPy only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from ..graph.network import needed
from .form import Form
from .language import Language, operations, placed, written
from .naming import comment, identifiers, legend
from .python_parts import ACTIVATIONS, FUNCTIONS, INPUTS, NETWORK, SOLVE

CALLS = {
    "pow": "np.power", "sqrt": "np.sqrt", "exp": "np.exp", "expm1": "np.expm1", "log": "np.log", "log10": "np.log10",
    "log1p": "np.log1p", "sin": "np.sin", "cos": "np.cos", "tan": "np.tan", "asin": "np.arcsin", "acos": "np.arccos",
    "atan": "np.arctan", "atan2": "np.arctan2", "sinh": "np.sinh", "cosh": "np.cosh", "tanh": "np.tanh",
    "asinh": "np.arcsinh", "acosh": "np.arccosh", "atanh": "np.arctanh", "abs": "np.abs", "sign": "np.sign",
    "floor": "np.floor", "min": "np.minimum", "max": "np.maximum", "step": "np.where({0} > 0, 1.0, 0.0)",
    "where": "np.where({0} > 0, {1}, {2})", "less": "np.where({0} < {1}, {2}, {3})", "sigmoid": "sigmoid",
    "softplus": "softplus", "xlogy": "xlogy", "ratio": "ratio", "chain": "chained", "lgamma": "gammaln",
    "digamma": "digamma", "trigamma": "trigamma",
}  # fmt: skip


def number(value: float) -> str:
    """A number that reads back to the same bits."""
    if value != value or abs(value) == float("inf"):
        return "np.nan" if value != value else f"{'-' if value < 0 else ''}np.inf"
    return repr(float(value))


PYTHON = Language(CALLS, number)


def python_file(form: Form) -> str:
    """The file's text: rhs, observe, the fitted numbers, inputs where there are any, and solve where no event is."""
    parts = [_head(form), *_functions(form), *_networks(form)]
    parts += [_group(form, "rhs", "dy/dt"), _group(form, "observed", "the channels")]
    parts += [_data(form)]
    if form.inputs is not None:
        parts.append(INPUTS)
    if not form.events:
        parts.append(SOLVE)
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _head(form: Form) -> str:
    graph = form.graph
    said = [f'"""{comment(form.title)}: dy/dt = rhs(t, y, u, c, p), exported by workbench.', ""]
    if form.events:
        said += [
            f"Events ({comment(', '.join(form.events))}) change the states between solves and are not part of rhs.",
            "",
        ]
    said += [f"time is {comment(form.time)}{_unit(form, form.time)}", *_legend(form), '"""', ""]
    gamma = sorted({"lgamma", "digamma", "trigamma"} & _used(form))
    imports = ["import numpy as np"]
    if not form.events and graph.states:
        imports.append("from scipy.integrate import solve_ivp")
    if form.inputs is not None:
        imports.append("from scipy.interpolate import CubicHermiteSpline")
    names = {"lgamma": "gammaln", "digamma": "digamma", "trigamma": "zeta"}
    if gamma:
        imports.append(f"from scipy.special import {', '.join(sorted(names[op] for op in gamma))}")
    return "\n".join([*said, *imports])


def _unit(form: Form, name: str) -> str:
    return f" [{comment(form.units[name])}]" if form.units.get(name) else ""


def _legend(form: Form) -> list[str]:
    graph = form.graph
    lines = []
    for letter, names in (("y", graph.states), ("u", graph.inputs), ("c", graph.covariates)):
        lines += legend(letter, names, form.units)
    lines += [f"p[{i}]  {comment(graph.parameters[i])}{_unit(form, graph.parameters[i])}" for i in form.scalars]
    lines += [f"observe[{i}]  {comment(name)}{_unit(form, name)}" for i, name in enumerate(form.channels)]
    return lines


def _used(form: Form) -> set[str]:
    outputs = list(chain.from_iterable(form.graph.groups[group] for group in form.groups))
    activations = {network.activation for network in form.graph.networks}
    return (
        operations(form.graph.nodes, outputs)
        | {"sigmoid" for each in activations if each == "silu"}
        | ({"softplus"} & activations)
    )


def _functions(form: Form) -> list[str]:
    """Definitions of the operations that NumPy has no name for, where they are used."""
    return [FUNCTIONS[op] for op in sorted(_used(form) & set(FUNCTIONS))]


def _networks(form: Form) -> list[str]:
    if not form.graph.networks:
        return []
    parts = [NETWORK]
    for k, network in enumerate(form.graph.networks):
        layers = [f"    {each}," for each in placed(network)]
        head = f"LAYERS_{k} = [  # outputs, inputs, and where the matrix (row by row) and the biases begin in p"
        parts.append("\n".join([head, *layers, "]"]))
        lines, values = _lines(form, f"network {k}")
        parts.append(
            "\n".join(
                [
                    f"def network_{k}(t, y, u, c, p, z):",
                    *(f"    {line}" for line in lines),
                    f"    x = np.array([{', '.join(values)}])",
                    f"    return dense(x, p, LAYERS_{k}, {ACTIVATIONS[network.activation]})",
                ]
            )
        )
    return parts


def _group(form: Form, group: str, what: str) -> str:
    name = {"rhs": "rhs", "observed": "observe"}[group]
    lines, values = _lines(form, group)
    text = [f"def {name}(t, y, u=None, c=None, p=None):", f'    """{what} as a NumPy array, at one time and state."""']
    text.append("    p = P[0] if p is None else p")
    networks = needed(form.graph, group)
    if networks:
        text.append(f"    z = np.zeros({form.graph.n_outputs})")
    for k in networks:
        first = form.graph.networks[k].first
        text.append(f"    z[{first}:{first + form.graph.networks[k].n_outputs}] = network_{k}(t, y, u, c, p, z)")
    text += [f"    {line}" for line in lines]
    text.append(f"    return np.array([{', '.join(values)}], dtype=float)")
    return "\n".join(text)


def _lines(form: Form, group: str) -> tuple[list[str], list[str]]:
    """The statements of a group with its leaves by name, and its results."""
    graph = form.graph
    outputs = graph.groups[group]
    names: dict[tuple[str, int], str] = {}
    taken: list[str] = [*CALLS, "rhs", "observe", "solve", "dense", "gammaln", "chained", "P"]
    used: dict[str, list[int]] = {}
    from ..graph.derivatives import reachable

    for n in reachable(graph.nodes, outputs):
        node = graph.nodes[n]
        if node.op in "yucp":
            used.setdefault(node.op, []).append(int(node.value))
    opening = []
    for kind in "yucp":
        places = sorted(set(used.get(kind, [])))
        found = identifiers([graph.names(kind)[i] for i in places], kind, taken)  # type: ignore[arg-type]  # a letter of Kind
        taken += found
        names |= {(kind, i): name for i, name in zip(places, found, strict=True)}
        opening += [f"{name} = {kind}[{i}]" for i, name in zip(places, found, strict=True)]
    lines, values = written(
        graph.nodes, outputs, PYTHON, lambda kind, i: "t" if kind == "t" else names.get((kind, i), f"{kind}[{i}]")
    )
    return opening + lines, values


def _data(form: Form) -> str:
    """The fitted numbers: parameters, starts, covariates and tables of inputs, one row a trajectory."""
    p = form.p[:1] if form.shared else form.p
    lines = [array("P", p), f"TRAJECTORIES = {[comment(name) for name in form.trajectories]!r}"]
    lines += [array("T0", form.t0), array("Y0", form.y0)]
    if form.c is not None:
        lines.append(array("C", form.c))
    if form.inputs is not None:
        from ..engine.piecewise import spline_slopes

        ends = np.cumsum(form.inputs.row_size)
        lines.append("INPUTS = []  # t (sample,), u (sample, input) and du/dt at the samples, for each trajectory")
        for first, last in zip(ends - form.inputs.row_size, ends, strict=True):
            t, u = form.inputs.t[first:last], form.inputs.values[first:last]
            slopes = spline_slopes(t, u) if "cubic" in form.interpolation else np.zeros_like(u)
            lines += [array("_t", t), array("_u", u), array("_du", slopes), "INPUTS.append((_t, _u, _du))"]
        lines.append(f"KINDS = {list(form.interpolation)!r}")
    return "\n".join(lines)


def array(name: str, values: np.ndarray) -> str:
    """`NAME = np.array(…)` in lines of six numbers, every digit kept."""
    flat = [repr(float(each)) for each in np.asarray(values, dtype=float).ravel()]
    flat = ["np.nan" if each == "nan" else each.replace("inf", "np.inf") for each in flat]
    shape = tuple(int(n) for n in np.shape(values))
    if len(flat) <= 6:
        return f"{name} = np.array([{', '.join(flat)}]).reshape({_shape(shape)})"
    lines = [f"    {', '.join(flat[i : i + 6])}," for i in range(0, len(flat), 6)]
    return "\n".join([f"{name} = np.array([", *lines, f"]).reshape({_shape(shape)})"])


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
