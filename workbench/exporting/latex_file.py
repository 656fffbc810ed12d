"""A model as LaTeX: its equations, what is observed, and a table of the estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.network import NONE
from .form import Form
from .naming import comment

SHOWN = 64  # weights of a layer that are printed; of larger ones the shape
NAMES = {
    "tanh": r"\tanh",
    "sin": r"\sin",
    "relu": r"\operatorname{relu}",
    "softplus": r"\operatorname{softplus}",
    "silu": r"\operatorname{silu}",
}


def latex_file(form: Form, equations: Sequence[str], parameters: Mapping[str, Any]) -> str:
    """A document body: `equations` in LaTeX, networks written out below, and parameters with standard errors."""
    lines = [f"% {comment(form.title)}, exported by workbench; needs amsmath", r"\begin{align*}"]
    lines += [f"  {_aligned(each)} \\\\" for each in equations]
    lines[-1] = lines[-1].removesuffix(r" \\")
    lines.append(r"\end{align*}")
    for k in range(len(form.graph.networks)):
        lines += _network(form, k)
    rows = [(name, one) for name, one in parameters.items() if isinstance(one.get("value"), int | float)]
    if rows:
        from ..system.writing import latex_name

        lines += [r"\begin{tabular}{lrrl}", r"  parameter & value & standard error & unit \\ \hline"]
        for name, one in rows:
            error = "fixed" if one.get("fixed") else _number(one.get("stderr"))
            lines.append(
                f"  ${latex_name(name)}$ & ${_number(one['value'])}$ & {error} & {_words(one.get('unit') or '')} \\\\"
            )
        lines.append(r"\end{tabular}")
    return "\n".join(lines) + "\n"


def _aligned(equation: str) -> str:
    return equation.replace("=", "&=", 1)


def _number(value: Any) -> str:
    """All digits of an estimate, so that a reader can compute with it."""
    if value is None:
        return "--"
    mantissa, _, power = repr(float(value)).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa


def _words(text: str) -> str:
    """Text with the signs that mean something to TeX taken away."""
    return "".join(sign if sign.isalnum() or sign in " ./()-" else rf"\char{ord(sign)} " for sign in comment(text))


def _network(form: Form, k: int) -> list[str]:
    """Layer by layer: matrices while they are small, their shapes else."""
    network, p = form.graph.networks[k], form.p[0]
    sigma = NAMES[network.activation]
    text = "x"
    for i in range(len(network.layers)):
        inner = text if i == 0 else rf"{sigma}\left({text}\right)"
        text = rf"W_{i + 1} {inner}" + (rf" + b_{i + 1}" if network.layers[i].biases != NONE else "")
    lines = [r"\begin{align*}", rf"  N_{{{k + 1}}}(x) &= {text} \\"]
    for i, layer in enumerate(network.layers):
        matrix = p[layer.matrix : layer.matrix + layer.n_inputs * layer.n_outputs].reshape(layer.n_outputs, -1)
        lines.append(rf"  W_{i + 1} &{_matrix(matrix)} \\")
        if layer.biases != NONE:
            lines.append(rf"  b_{i + 1} &{_matrix(p[layer.biases : layer.biases + layer.n_outputs, None])} \\")
    lines[-1] = lines[-1].removesuffix(r" \\")
    return [*lines, r"\end{align*}"]


def _matrix(values: np.ndarray) -> str:
    if values.size > SHOWN:
        return rf"\in \mathbb{{R}}^{{{values.shape[0]} \times {values.shape[1]}}}"
    rows = [" & ".join(_number(each) for each in row) for row in values.tolist()]
    return "= " + r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"
