"""The right-hand sides of a graph in LaTeX, through the SymPy expressions that `sympy` exports."""

from __future__ import annotations

from typing import Any

from ..system.writing import latex_name
from .form import Form
from .language import written
from .sympy_file import SYMPY


def latex_equations(form: Form) -> tuple[str, ...]:
    """A line for each state, then one for the inputs ξ_k of each network N_k; constants with four digits."""
    graph = form.graph
    symbols = _symbols(form)
    lines = [
        rf"\frac{{d{latex_name(name)}}}{{dt}} = {text}"
        for name, text in zip(graph.states, _group(form, "rhs", symbols), strict=True)
    ]
    for k in range(len(graph.networks)):
        entries = r",\; ".join(_group(form, f"network {k}", symbols))
        lines.append(rf"\xi_{{{k + 1}}} = \left({entries}\right)")
    return tuple(lines)


def _symbols(form: Form) -> dict[str, Any]:
    """What the printed expressions mention: symbols whose names are already LaTeX."""
    import sympy

    graph = form.graph
    made: dict[str, Any] = {"sympy": sympy, "t": sympy.Symbol(latex_name(form.time))}
    for kind in "yucp":
        made[kind] = [sympy.Symbol(latex_name(name)) for name in graph.names(kind)]  # type: ignore[arg-type]  # a letter of Kind
    z: list[Any] = [None] * graph.n_outputs
    for k, network in enumerate(graph.networks):
        for i in range(network.n_outputs):
            index = f", {i + 1}" if network.n_outputs > 1 else ""
            z[network.first + i] = sympy.Symbol(rf"N_{{{k + 1}{index}}}(\xi_{{{k + 1}}})")
    return made | {"z": z}


def _group(form: Form, group: str, symbols: dict[str, Any]) -> list[str]:
    graph = form.graph
    lines, values = written(
        graph.nodes, graph.groups[group], SYMPY, lambda kind, i: "t" if kind == "t" else f"{kind}[{i}]"
    )
    names = dict(symbols)
    for line in lines:
        exec(line, names)  # printed above: generated identifiers and numbers only
    return [_text(eval(value, names)) for value in values]


def _text(expression: Any) -> str:
    """An expression whose symbols are named in LaTeX."""
    import sympy

    expression = sympy.sympify(expression)
    short = {number: sympy.Float(float(number), 4) for number in expression.atoms(sympy.Float)}
    rounded = expression.xreplace(short)
    names = {symbol: str(symbol) for symbol in rounded.free_symbols}
    return str(sympy.latex(rounded, symbol_names=names, mul_symbol=r"\,"))
