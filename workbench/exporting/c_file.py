"""A model as a C file without dependencies: model_rhs, model_observe and the fitted numbers."""

from __future__ import annotations

import numpy as np

from ..errors.usage import NotExportable
from ..graph.network import NONE, needed
from .form import Form
from .language import Language, indexed, operations, written
from .naming import comment, legend

CALLS = {
    "pow": "pow", "sqrt": "sqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log10": "log10", "log1p": "log1p",
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "atan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "asinh", "acosh": "acosh", "atanh": "atanh",
    "abs": "fabs", "floor": "floor", "lgamma": "lgamma", "sign": "({0} > 0) - ({0} < 0)",
    "step": "{0} > 0 ? 1.0 : 0.0", "where": "{0} > 0 ? {1} : {2}", "min": "{1} < {0} ? {1} : {0}",
    "max": "{1} > {0} ? {1} : {0}", "less": "{0} < {1} ? {2} : {3}", "sigmoid": "sigmoid", "softplus": "softplus",
    "xlogy": "{0} == 0 ? 0.0 : {0} * log({1})", "ratio": "{0} == 0 ? 0.0 : {0} / {1}",
    "chain": "{1} == 0 ? 0.0 : {0} * {1}",
}  # fmt: skip
FUNCTIONS = {
    "sigmoid": "static double sigmoid(double x) { return 1 / (1 + exp(-x)); }",
    "softplus": "static double softplus(double x) { return log1p(exp(-fabs(x))) + (x > 0 ? x : 0.0); }",
}
ACTIVATIONS = {
    "tanh": "tanh(x)",
    "softplus": "softplus(x)",
    "silu": "x * sigmoid(x)",
    "relu": "x > 0 ? x : 0.0",
    "sin": "sin(x)",
}
ARGUMENTS = "double t, const double *y, const double *u, const double *c, const double *p"


def number(value: float) -> str:
    """A number that reads back to the same bits."""
    if value != value or abs(value) == float("inf"):
        return "NAN" if value != value else f"{'-' if value < 0 else ''}INFINITY"
    return repr(float(value))


C = Language(CALLS, number, "const double {name} = {value};")


def c_file(form: Form) -> str:
    """The file's text; raises NotExportable where an operation has no counterpart in C's library."""
    parts = [_head(form), _functions(form), *_networks(form)]
    parts += [_group(form, "rhs", "model_rhs", "dy/dt"), _group(form, "observed", "model_observe", "the channels")]
    parts.append(_data(form))
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(form: Form) -> str:
    graph, units = form.graph, form.units
    lines = [f"{comment(form.title)}: a fitted model, exported by workbench.", ""]
    lines += ["model_rhs writes dy/dt, model_observe what is measured, at one time and state. p: a row of model_p."]
    if form.events:
        lines.append(
            f"Events ({comment(', '.join(form.events))}) change the states between solves: no part of model_rhs."
        )
    lines += ["", f"t     {comment(form.time)}"]
    for letter, names in (("y", graph.states), ("u", graph.inputs), ("c", graph.covariates)):
        lines += legend(letter, names, units)
    lines += [f"p[{i}]  {comment(graph.parameters[i])}" for i in form.scalars]
    lines += [f"channel {i}  {comment(name)}" for i, name in enumerate(form.channels)]
    text = "\n".join(f" * {line}".rstrip() for line in lines)
    return f"/*\n{text}\n */\n#include <math.h>"


def _functions(form: Form) -> str:
    used = _used(form)
    missing = sorted(used - {*CALLS, "add", "sub", "mul", "div", "neg"})
    if missing:
        raise NotExportable(f"C's library has no {missing[0]}", help="export python, which takes it from SciPy")
    return "\n".join(FUNCTIONS[op] for op in sorted(used & set(FUNCTIONS)))


def _used(form: Form) -> set[str]:
    used: set[str] = set()
    for group in form.groups:
        used |= operations(form.graph.nodes, form.graph.groups[group])
    for network in form.graph.networks:
        used |= {"silu": {"sigmoid"}, "softplus": {"softplus"}}.get(network.activation, set())
    return used


def _networks(form: Form) -> list[str]:
    """One function a network: z from t, y, u, c, p and the outputs of those before it."""
    parts = []
    for k, network in enumerate(form.graph.networks):
        widest = max(network.sizes)
        lines, values = written(form.graph.nodes, form.graph.groups[f"network {k}"], C, indexed)
        text = [f"static void network_{k}({ARGUMENTS}, double *z) {{", f"    double a[{widest}], b[{widest}];"]
        text += [f"    {line}" for line in lines]
        text += [f"    a[{i}] = {value};" for i, value in enumerate(values)]
        for number_, layer in enumerate(network.layers):
            weight = f"p[{layer.matrix} + {layer.n_inputs} * i + j]"
            start = f"p[{layer.biases} + i]" if layer.biases != NONE else "0"
            last = number_ == len(network.layers) - 1
            result = "x" if last else ACTIVATIONS[network.activation]
            target = f"z[{network.first} + i]" if last else "b[i]"
            text += [
                f"    for (int i = 0; i < {layer.n_outputs}; i++) {{",
                f"        double x = {start};",
                f"        for (int j = 0; j < {layer.n_inputs}; j++) x += {weight} * a[j];",
                f"        {target} = {result};",
                "    }",
            ]
            if not last:
                text.append(f"    for (int i = 0; i < {layer.n_outputs}; i++) a[i] = b[i];")
        parts.append("\n".join([*text, "}"]))
    return parts


def _group(form: Form, group: str, name: str, what: str) -> str:
    lines, values = written(form.graph.nodes, form.graph.groups[group], C, indexed)
    networks = needed(form.graph, group)
    text = [f"/* {what} */", f"void {name}({ARGUMENTS}, double *out) {{"]
    if networks:
        text.append(f"    double z[{form.graph.n_outputs}];")
    text += [f"    network_{k}(t, y, u, c, p, z);" for k in networks]
    text += [f"    {line}" for line in lines]
    text += [f"    out[{i}] = {value};" for i, value in enumerate(values)]
    return "\n".join([*text, "}"])


def _data(form: Form) -> str:
    """Sizes and fitted numbers; one row a trajectory."""
    graph = form.graph
    p = form.p[:1] if form.shared else form.p
    sizes = {
        "N_STATES": len(graph.states), "N_CHANNELS": len(form.channels), "N_INPUTS": len(graph.inputs),
        "N_PARAMETERS": p.shape[1], "N_TRAJECTORIES": len(form.trajectories),
    }  # fmt: skip
    lines = [f"enum {{ {', '.join(f'{name} = {value}' for name, value in sizes.items())} }};"]
    lines += [f"const int model_shared_p = {int(form.shared)}; /* one row of model_p for all trajectories */"]
    lines += [_array("model_p", p), _array("model_t0", form.t0[:, None]), _array("model_y0", form.y0)]
    if form.c is not None:
        lines.append(_array("model_c", form.c))
    return "\n".join(lines)


def _array(name: str, values: np.ndarray) -> str:
    """A table, every digit kept; C has no empty arrays, so one without columns holds a zero."""
    values = values if values.shape[1] else np.zeros((len(values), 1))
    rows = []
    for row in values:
        flat = [number(float(each)) for each in row]
        rows.append("    {" + ",\n     ".join(", ".join(flat[i : i + 6]) for i in range(0, len(flat), 6)) + "},")
    return "\n".join([f"const double {name}[{len(values)}][{values.shape[1]}] = {{", *rows, "};"])
