"""A model as a Python file of SymPy expressions, parameters as symbols with their fitted values beside them."""

from __future__ import annotations

from collections.abc import Sequence

from .form import Form
from .language import Language, indexed, placed, written
from .naming import comment
from .python_file import array

CALLS = {
    "pow": "sympy.Pow", "sqrt": "sympy.sqrt", "exp": "sympy.exp", "expm1": "sympy.exp({0}) - 1", "log": "sympy.log",
    "log10": "sympy.log({0}, 10)", "log1p": "sympy.log(1 + {0})", "sin": "sympy.sin", "cos": "sympy.cos",
    "tan": "sympy.tan", "asin": "sympy.asin", "acos": "sympy.acos", "atan": "sympy.atan", "atan2": "sympy.atan2",
    "sinh": "sympy.sinh", "cosh": "sympy.cosh", "tanh": "sympy.tanh", "asinh": "sympy.asinh", "acosh": "sympy.acosh",
    "atanh": "sympy.atanh", "abs": "sympy.Abs", "sign": "sympy.sign", "floor": "sympy.floor", "min": "sympy.Min",
    "max": "sympy.Max", "step": "sympy.Piecewise((1, {0} > 0), (0, True))",
    "where": "sympy.Piecewise(({1}, {0} > 0), ({2}, True))", "less": "sympy.Piecewise(({2}, {0} < {1}), ({3}, True))",
    "sigmoid": "1 / (1 + sympy.exp(-{0}))", "softplus": "sympy.log(1 + sympy.exp({0}))",
    "xlogy": "{0} * sympy.log({1})", "ratio": "{0} / {1}", "chain": "{0} * {1}",
    "lgamma": "sympy.loggamma", "digamma": "sympy.digamma",
    "trigamma": "sympy.trigamma",
}  # fmt: skip
ACTIVATIONS = {
    "tanh": "sympy.tanh", "softplus": "lambda x: sympy.log(1 + sympy.exp(x))",
    "silu": "lambda x: x / (1 + sympy.exp(-x))",
    "relu": "lambda x: sympy.Max(x, 0)", "sin": "sympy.sin",
}  # fmt: skip

DENSE = '''
def dense(x, layers, activation):
    """Dense layers, an activation after each but the last."""
    for number, (n_out, n_in, matrix, biases) in enumerate(layers):
        x = [activation(each) for each in x] if number else x
        rows = [sum(p[matrix + n_in * i + j] * x[j] for j in range(n_in)) for i in range(n_out)]
        x = rows if biases is None else [row + p[biases + i] for i, row in enumerate(rows)]
    return x
'''

FITTED = '''
def fitted(expression):
    """The expression with the fitted numbers."""
    return expression.xreplace(values)
'''


def number(value: float) -> str:
    """Whole numbers exact, others with all their digits."""
    if value.is_integer() and abs(value) < 1e15:
        return f"sympy.Integer({int(value)})"
    return f"sympy.Float({value!r}, 17)"


SYMPY = Language(CALLS, number)


def sympy_file(form: Form) -> str:
    """The file's text: symbols t, y, u, c, p, the lists `rhs` and `observed`, and `values` of the parameters."""
    graph = form.graph
    symbols = Symbols()
    if graph.networks:
        symbols.taken |= {f"w_{i}" for i in range(len(graph.parameters))}
    head = [f'"""{comment(form.title)}: dy/dt = rhs, exported by workbench.', ""]
    if form.events:
        head += [
            f"Events ({comment(', '.join(form.events))}) change the states between solves and are no part of rhs.",
            "",
        ]
    head += ["rhs and observed are lists of expressions in t, y, u, c and p; `fitted(expression)` puts the numbers in."]
    lines = [*head, '"""', "", "import numpy as np", "import sympy", "", f"t = {symbols('t', [form.time])[0]}"]
    for kind, names in (("y", graph.states), ("u", graph.inputs), ("c", graph.covariates)):
        lines.append(f"{kind} = [{', '.join(symbols(kind, names))}]")
    scalars = dict(zip(form.scalars, symbols("p", [graph.parameters[i] for i in form.scalars]), strict=True))
    if graph.networks:
        lines.append(f'p = [sympy.Symbol(f"w_{{i}}", real=True) for i in range({len(graph.parameters)})]')
        lines += [f"p[{i}] = {symbol}" for i, symbol in scalars.items()]
    else:
        lines.append(f"p = [{', '.join(symbols('p', graph.parameters))}]")
    lines += [f"channels = {[comment(name) for name in form.channels]!r}"]
    lines += [array("P", form.p[:1] if form.shared else form.p), array("T0", form.t0), array("Y0", form.y0)]
    lines += ["values = {symbol: sympy.Float(float(number), 17) for symbol, number in zip(p, P[0])}"]
    parts = ["\n".join(lines)]
    parts += [DENSE] if graph.networks else []
    body: list[str] = [f"z = [None] * {graph.n_outputs}"] if graph.networks else []
    for k, network in enumerate(graph.networks):
        own, values = written(graph.nodes, graph.groups[f"network {k}"], SYMPY, indexed)
        call = f"dense([{', '.join(values)}], [{', '.join(placed(network))}], {ACTIVATIONS[network.activation]})"
        body += [*own, f"z[{network.first}:{network.first + network.n_outputs}] = {call}"]
    for group in ("rhs", "observed"):
        own, values = written(graph.nodes, graph.groups[group], SYMPY, indexed)
        body += [*own, f"{group} = [sympy.sympify(each) for each in [{', '.join(values)}]]"]
    parts.append("\n".join(body))
    parts.append(FITTED)
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


class Symbols:
    """Writes symbols by the names that users gave, each of them once: two of one name would be the same symbol."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def __call__(self, kind: str, names: Sequence[str]) -> list[str]:
        """How the symbols of one kind are made."""
        found = []
        for number, name in enumerate(names):
            word = comment(name)
            word = word if word and word not in self.taken else f"{kind}_{number}"
            while word in self.taken:
                word += "_"
            self.taken.add(word)
            found.append(f"sympy.Symbol({word!r}, real=True)")
        return found
