"""Programs that models are exported as compute what the graph computes, in every language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from graphs import FORMULAS, NETWORKS, Example
from scipy.integrate import solve_ivp

from workbench.dataset import Inputs
from workbench.errors.usage import NotExportable
from workbench.exporting import Form, c_file, latex_file, python_file, sympy_file, torch_file
from workbench.exporting.latex_equations import latex_equations
from workbench.exporting.naming import comment, identifiers
from workbench.exporting.rereading import Reread, from_c, from_python, from_sympy, from_torch
from workbench.graph import Builder, Graph

LANGUAGES: dict[str, tuple[Callable[[Form], str], Callable[[str, Form], Reread]]] = {
    "python": (python_file, from_python),
    "c": (c_file, from_c),
    "torch": (torch_file, from_torch),
    "sympy": (sympy_file, from_sympy),
}
EXAMPLES = FORMULAS | NETWORKS


def form_of(example: Example) -> Form:
    graph = example.graph
    return Form(
        title="an example",
        graph=graph,
        channels=tuple(f"seen {i}" for i in range(len(graph.groups["observed"]))),
        trajectories=("0",),
        p=example.p[None],
        t0=np.zeros(1),
        y0=example.y0[None],
        c=None if example.c is None else example.c[None],
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_exported_program_computes_what_the_graph_computes(name: str, language: str) -> None:
    """To a few roundings: the order of operations is the graph's, but for the sums of a layer and SymPy's own."""
    example = EXAMPLES[name]()
    form = form_of(example)
    write, read = LANGUAGES[language]
    program = read(write(form), form)
    np.testing.assert_array_equal(program.p, form.p)
    np.testing.assert_array_equal(program.y0, form.y0)
    points = example.points()
    none = np.zeros(0)
    for group, function in (("rhs", program.rhs), ("observed", program.observe)):
        wanted = example.graph.function(group)(**points)
        for i in range(len(wanted)):
            u, c = (none if points[kind] is None else points[kind][i] for kind in "uc")  # type: ignore[index]
            found = function(float(points["t"][i]), points["y"][i], u, c, example.p)  # type: ignore[index]
            np.testing.assert_allclose(found, wanted[i], rtol=1e-13, atol=1e-14)


ONE = (
    "sqrt exp expm1 log log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh abs sign floor step sigmoid".split()
)
TWO = "pow atan2 min max xlogy ratio chain".split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation_has_its_meaning_in_every_language(language: str) -> None:
    b = Builder()
    x, y = b.leaf("y", 0), b.leaf("y", 1)
    outputs = [b.put(op, x) for op in [*ONE, "softplus", "atanh", "lgamma"]] + [b.put("acosh", b.add(y, b.constant(2)))]
    outputs += [b.put(op, x, y) for op in TWO] + [b.put("where", b.sub(x, y), x, y), b.put("less", x, y, y, x)]
    outputs += [b.neg(b.sub(b.constant(-1.5), b.mul(b.add(x, y), b.neg(b.div(x, b.mul(y, y))))))]
    graph = Graph(tuple(b.nodes), {"rhs": (x, y), "observed": tuple(outputs)}, ("x", "y"), ())
    form = form_of(Example(graph, np.array([0.3, 0.7]), np.zeros(0)))
    write, read = LANGUAGES[language]
    program = read(write(form), form)
    for point in ([0.3, 0.7], [0.8, 0.2]):
        wanted = graph.function("observed")(np.zeros(1), np.array([point]), None, None, np.zeros(0))[0]
        found = program.observe(0.0, np.array(point), np.zeros(0), np.zeros(0), np.zeros(0))
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_c_says_what_its_library_does_not_have() -> None:
    b = Builder()
    x = b.leaf("y", 0)
    graph = Graph(tuple(b.nodes), {"rhs": (b.put("digamma", x),), "observed": (x,)}, ("x",), ())
    graph = replace(graph, nodes=tuple(b.nodes))
    form = replace(form_of(Example(graph, np.array([0.3]), np.zeros(0))), channels=("x",))
    with pytest.raises(NotExportable, match="digamma"):
        c_file(form)
    assert python_file(form).count("digamma") >= 2


HOSTILE = ("a*/ int main(){}", '"""\nimport os\nos._exit(3)\n"""', "x\\", "{0}", "lambda", "µ%s", "np", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_a_users_columns_do_nothing_in_exported_programs(language: str) -> None:
    example = FORMULAS["driven"]()
    graph = replace(
        example.graph, states=HOSTILE[:2], parameters=HOSTILE[2:4], inputs=HOSTILE[4:5], covariates=HOSTILE[5:6]
    )
    form = replace(
        form_of(replace(example, graph=graph)),
        title=HOSTILE[1],
        channels=HOSTILE[:2],
        time=HOSTILE[0],
        units=dict.fromkeys(HOSTILE, HOSTILE[1]),
        trajectories=HOSTILE[1:2],
    )
    write, read = LANGUAGES[language]
    program = read(write(form), form)
    own = example.points()
    wanted = example.graph.function("rhs")(**own)[0]
    found = program.rhs(float(own["t"][0]), own["y"][0], own["u"][0], own["c"][0], example.p)  # type: ignore[index]
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_names_become_identifiers_only_where_they_are_safe() -> None:
    assert identifiers(["hare", "hare", "class", "t", "v12", "_x", "x y", "é"], "y", ["lynx"]) == (
        *("hare", "y_1", "y_2", "y_3", "y_4", "y_5", "y_6", "y_7"),
    )
    assert identifiers(["lynx"], "y", ["lynx"]) == ("y_0",)
    for name in HOSTILE:
        said = comment(name)
        assert said.isascii()
        assert not any(sign in said for sign in ("*/", '"', "\\", "\n"))


@pytest.mark.parametrize("kind", ["hold", "linear", "cubic"])
def test_the_python_program_solves_through_tables_of_inputs(kind: str) -> None:
    """Against SciPy on the same input, made here from its meaning, interval by interval; both at tolerance 1e-10."""
    from scipy.interpolate import CubicSpline

    example = FORMULAS["driven"]()
    ts, us = np.linspace(0, 2, 9), np.cos(np.linspace(0, 5, 9))
    form = replace(
        form_of(example), inputs=Inputs(("u",), ts, us[:, None], [9]), interpolation=(kind,), channels=("x", "v")
    )
    module: dict = {}
    exec(python_file(form), module)
    observed, states = module["solve"]([0.0, 0.6, 2.0])
    spline = CubicSpline(ts, us)
    y, wanted = example.y0, {0.0: example.y0}
    for i, (a, b) in enumerate(pairwise(ts)):
        look = {"hold": lambda t, i=i: us[i], "linear": lambda t: np.interp(t, ts, us), "cubic": spline}[kind]
        for stop in sorted({b, *([0.6] if a < 0.6 < b else [])}):
            f = lambda t, y, look=look: example.graph.function("rhs")(  # noqa: E731
                np.array([t]),
                y[None],
                np.array([[look(t)]]),
                example.c[None],
                example.p,  # type: ignore[index]
            )[0]
            y = solve_ivp(f, (a, stop), y, "DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
            a, wanted[stop] = stop, y
    np.testing.assert_allclose(states, [wanted[t] for t in (0.0, 0.6, 2.0)], rtol=1e-8)
    np.testing.assert_array_equal(observed, states)


@pytest.mark.parametrize("name", EXAMPLES)
def test_latex_balances_its_braces_and_environments(name: str) -> None:
    form = form_of(EXAMPLES[name]())
    text = latex_file(form, latex_equations(form), {"a_b": {"value": 1.5e-7, "stderr": None, "unit": "m/s^2"}})
    assert text.count("{") == text.count("}")
    assert text.count(r"\begin") == text.count(r"\end")
    assert text.count(r"\left") == text.count(r"\right")
    assert "1.5 \\cdot 10^{-7}" in text
    assert all(rf"N_{{{k + 1}}}" in text for k in range(len(form.graph.networks)))
