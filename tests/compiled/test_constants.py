"""Numbers of one data set stay out of the C of a network: its library serves all data sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy

from workbench.compiled import Kernel
from workbench.compiled.constants import shared
from workbench.graph import Graph, from_network, from_sympy
from workbench.graph.nodes import Builder
from workbench.registry import installed
from workbench.solving import prepare

PURPOSES = ("solve", "follow", "pull", "push")
TS = np.linspace(0.0, 2.0, 21)
SCALES: dict[str, Any] = {"centre": (0.13, -2.7, 1.1), "spread": (1.7, 0.31, 5.3), "slope": (2.2, 0.83)}
OTHERS: dict[str, Any] = {"centre": (-1.9, 0.4, 8.3), "spread": (0.21, 3.9, 1.3), "slope": (0.17, 6.1)}


def network(covariates: tuple[str, ...] = ("z",), **scales: Any) -> Graph:
    return from_network((5,), "tanh", states=("x", "y"), covariates=covariates, **scales)


def kernel(graph: Graph, solver: str) -> Kernel:
    return Kernel(graph, installed().make("solver", solver).tableau, np.dtype(float), wide=False)


@pytest.mark.parametrize("solver", ["dopri5", "rodas5p"])
def test_networks_of_one_shape_have_one_source(solver: str) -> None:
    one, other = (kernel(network(**scales), solver) for scales in (SCALES, OTHERS))
    for purpose in PURPOSES:
        assert one.source(purpose) == other.source(purpose)
    assert one.graph.covariates == ("z",), "those whom they are given to do not see them"
    spreads = np.array(SCALES["spread"])
    given = np.concatenate([SCALES["centre"], spreads, SCALES["slope"], 1 / spreads])
    assert sorted(one.constants) == sorted(given)


def test_the_graph_with_its_constants_apart_is_the_graph() -> None:
    graph = network(**SCALES)
    apart = shared(graph)
    rng = np.random.default_rng(0)
    t, y, c, p = np.zeros(4), rng.normal(size=(4, 2)), rng.normal(size=(4, 1)), rng.normal(size=len(graph.parameters))
    wanted = graph.function("rhs", ("y", "p"))(t, y, None, c, p)
    given = np.column_stack([c, np.tile(apart.constants, (4, 1))])
    found = apart.graph.function("rhs", ("y", "p"))(t, y, None, given, p)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, two)


def test_solves_on_one_library_are_those_of_their_own_scales() -> None:
    solver, y0 = installed().make("solver", "rk4"), np.random.default_rng(1).standard_normal((4, 2))
    for scales in (SCALES, OTHERS):
        graph = network((), **scales | {name: scales[name][:2] for name in ("centre", "spread")})
        p = 0.3 * np.random.default_rng(0).standard_normal(len(graph.parameters))
        found, loop = (prepare(graph, TS, solver, engine=which, params=p)(y0) for which in ("compiled", "torch"))
        np.testing.assert_allclose(found.ys, loop.ys, rtol=1e-12)


def test_what_belongs_to_a_formula_stays() -> None:
    """Small halves, exponents and arguments of functions; and all numbers of formulas without networks."""
    graph = network((), centre=0.5, spread=2.0, slope=3.0)
    builder = Builder(graph.nodes)
    x, (out, *rest) = builder.leaf("y", 0), graph.groups["rhs"]
    bent = builder.apply("pow", builder.apply("abs", x), builder.constant(1.37))
    held = builder.mul(builder.constant(9.81), builder.apply("max", x, builder.constant(0.29)))
    total = builder.add(out, builder.add(bent, held))
    graph = replace(graph, nodes=tuple(builder.nodes), groups={**graph.groups, "rhs": (total, *rest)})
    apart = shared(graph)
    assert apart.constants.tolist() == [9.81]
    assert apart.graph.covariates == (f"constant {builder.constant(9.81)}",)
    y = sympy.Symbol("y")
    formula = from_sympy({"rhs": [-2.718 * y]}, states=["y"], parameters=[])
    assert shared(formula).graph is formula
