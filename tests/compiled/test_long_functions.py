"""Long formulas: parts, tables and reverse sweeps give what statements and entries give."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import EXAMPLES

from workbench import engine
from workbench.compiled import Handle, Kernel, long_functions
from workbench.contracts import SolveOptions
from workbench.graph import Builder, Graph, from_sympy
from workbench.graph.reverse import pulled
from workbench.model.graph_rhs import GraphRhs
from workbench.registry import installed

ROUNDING = 1e-9  # relative; as between the engines


@pytest.mark.parametrize("huge", [0, 10**6], ids=["tables", "parts"])
@pytest.mark.parametrize(("solver", "wide"), [("tsit5", True), ("rodas5p", False)])
def test_long_formulas_agree_at_kinks_too(solver: str, wide: bool, huge: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, length in (("LONG", 0), ("PART", 7), ("HUGE", huge)):
        monkeypatch.setattr(long_functions, name, length)
    example, method = EXAMPLES["kinked"](), installed().make("solver", solver)
    kernel = Kernel(example.graph, method.tableau, np.dtype(float), wide)
    ts, options = np.linspace(0.0, 1.0, 4)[None], SolveOptions(keep=True)
    rhs = GraphRhs(example.graph, example.p, None, None, None)
    with np.errstate(all="ignore"):
        wanted = method.solve(rhs, example.y0[None], np.zeros(1), ts, options)
    found = Handle(kernel, method, np.zeros(1), ts, SolveOptions(keep=True, replay=wanted.mesh)).solve(
        example.y0[None], example.p
    )
    gys = np.random.default_rng(2).normal(size=wanted.ys.shape)
    for mine, theirs in zip(found.pull(gys), engine.pullback(method, rhs, wanted, gys), strict=True):
        assert np.allclose(mine, theirs, rtol=ROUNDING, atol=ROUNDING)
    for mine, theirs in zip(found.push(), engine.sensitivities(method, rhs, wanted), strict=True):
        assert np.allclose(mine, theirs, rtol=ROUNDING, atol=ROUNDING)


def chain(states: int) -> Graph:
    """xᵢ' = −k xᵢ + tanh(Σⱼ wⱼ xⱼ), where every state moves every other."""
    import sympy

    x, w, k = sympy.symbols(f"x:{states}"), sympy.symbols(f"w:{states}"), sympy.Symbol("k")
    rhs = [-k * x[i] + sympy.tanh(sum(w[j] * x[j] for j in range(states)) + x[i]) for i in range(states)]
    return from_sympy({"rhs": rhs}, states=[*map(str, x)], parameters=[*map(str, w), "k"])


def test_a_reverse_sweep_is_as_long_as_the_formulas() -> None:
    """Each product passes two cotangents on, by one product and at most one sum each; a slope takes at most four."""
    graph = chain(20)
    builder = Builder(graph.nodes)
    made = list(pulled(builder, graph.groups["rhs"], ("y", "p")))
    assert len(builder.nodes) + len(made) < 8 * len(graph.nodes)


def test_second_derivatives_along_a_direction_grow_with_the_jacobian() -> None:
    """Doubling the states of a full Jacobian gives four times the entries, and not eight times the statements."""

    def length(states: int) -> int:
        graph = chain(states)
        kernel = Kernel(graph, installed().make("solver", "rodas5p").tableau, np.dtype(float), wide=False)
        return kernel.source("push").count("const R v")

    assert length(16) < 5 * length(8)
