"""Rosenbrock methods in C: the loop's steps, states and derivatives, on stiff problems and where a step must fail."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from graphs import EXAMPLES

from workbench import engine
from workbench.compiled import Handle, Kernel
from workbench.contracts import SolveOptions, Trajectory
from workbench.formula import parse
from workbench.graph import Graph, from_sympy
from workbench.measure.references import STIFF, referenced
from workbench.model.graph_rhs import GraphRhs
from workbench.registry import installed

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("gcc", "clang", "cc"))), reason="no C compiler")

STATES, DERIVATIVES = 1e-10, 1e-9  # relative to the largest, in float64
SIDES = pytest.mark.parametrize("wide", [False, True], ids=["one by one", "side by side"])


@cache
def kernel(graph: Graph, method: str, wide: bool, dtype: type = np.float64) -> Kernel:
    return Kernel(graph, installed().make("solver", method).tableau, np.dtype(dtype), wide)


def formulas(texts: list[str], states: list[str], parameters: list[str]) -> Graph:
    groups = {"rhs": [parse(text, [*states, *parameters, "t"]) for text in texts]}
    return from_sympy(groups, states=states, parameters=parameters)


VAN_DER_POL = formulas(["y", "m*(1 - x^2)*y - x"], ["x", "y"], ["m"])
CHAIN = formulas(
    [f"k*(x{(i - 1) % 12} - 2*x{i} + x{(i + 1) % 12}) - x{i}^3 + sin(t)*x{(i + 5) % 12}" for i in range(12)],
    [f"x{i}" for i in range(12)],
    ["k"],
)
"""Twelve states, each of which acts on four: more than are written out."""


class Both:
    """The same solve in C and by the loop on NumPy."""

    def __init__(self, graph: Graph, y0: np.ndarray, p: np.ndarray, ts: np.ndarray, wide: bool, **settings: object):
        self.solver = replace(installed().make("solver", "rodas5p"), **settings)
        self.rhs, self.y0, self.p = GraphRhs(graph, p), y0, p
        self.ts = np.broadcast_to(ts, (len(y0), len(ts)))
        self.kernel = kernel(graph, "rodas5p", wide)

    def handle(self, **options: object) -> Handle:
        return Handle(self.kernel, self.solver, self.ts[:, 0], self.ts, SolveOptions(keep=True, **options))

    def by_loop(self, **options: object) -> Trajectory:
        return self.solver.solve(self.rhs, self.y0, self.ts[:, 0], self.ts, SolveOptions(keep=True, **options))

    def in_c(self, **options: object) -> Trajectory:
        return self.handle(**options).solve(self.y0, self.p).trajectory()


def van_der_pol(wide: bool, rows: int = 3, stop: float = 20.0, **settings: object) -> Both:
    y0 = np.array([2.0, 0.0]) + 0.05 * np.arange(rows)[:, None]
    return Both(VAN_DER_POL, y0, np.array([100.0]), np.linspace(0.0, stop, 9), wide, **settings)


def chain(wide: bool) -> Both:
    y0 = np.random.default_rng(2).normal(size=(3, 12))
    return Both(CHAIN, y0, np.array([40.0]), np.linspace(0.0, 2.0, 6), wide, rtol=1e-5, atol=1e-7)


def apart(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


@SIDES
@pytest.mark.parametrize("make", [van_der_pol, chain])
def test_on_the_loops_steps_states_and_derivatives_are_the_loops(make, wide: bool) -> None:
    case = make(wide)
    wanted = case.by_loop()
    found = case.handle(replay=wanted.mesh).solve(case.y0, case.p)
    gys = np.random.default_rng(1).normal(size=wanted.ys.shape)

    assert apart(found.ys, wanted.ys) < STATES
    g_y0, g_p = found.pull(gys)
    by_loop = engine.pullback(case.solver, case.rhs, wanted, gys)
    assert apart(g_y0, by_loop[0]) < DERIVATIVES
    assert apart(g_p.sum(axis=0), by_loop[1].sum(axis=0)) < DERIVATIVES
    for own, other in zip(found.push(), engine.sensitivities(case.solver, case.rhs, wanted), strict=True):
        assert apart(own, other) < DERIVATIVES


@SIDES
def test_networks_have_second_derivatives(wide: bool) -> None:
    example = EXAMPLES["hybrid"]()
    case = Both(example.graph, example.y0[None] * [[1.0], [1.1]], example.p, np.linspace(0.0, 1.0, 4), wide)
    wanted = case.by_loop()
    found = case.handle(replay=wanted.mesh).solve(case.y0, case.p)
    g_y0, g_p = found.pull(np.ones_like(wanted.ys))
    by_loop = engine.pullback(case.solver, case.rhs, wanted, np.ones_like(wanted.ys))

    assert apart(found.ys, wanted.ys) < STATES
    assert apart(g_y0, by_loop[0]) < DERIVATIVES
    assert apart(g_p.sum(axis=0), by_loop[1].sum(axis=0)) < DERIVATIVES


def test_one_trajectory_takes_the_loops_steps_and_counts_as_it_does() -> None:
    case = van_der_pol(wide=False, rows=1, stop=200.0, rtol=1e-5, atol=1e-7)
    found, wanted = case.in_c(), case.by_loop()

    assert wanted.stats["rejected"].sum() > 0
    for name in ("accepted", "rejected", "jacobians"):
        assert found.stats[name].tolist() == wanted.stats[name].tolist(), name
    assert found.stats["rhs"].tolist() == wanted.stats["rhs"].tolist()
    # rounding differs, and chooses steps: both meet the tolerance, with some room for what errors grow by
    assert apart(found.ys, wanted.ys) < 1e-6


@SIDES
def test_a_row_does_not_depend_on_the_rows_beside_it(wide: bool) -> None:
    together = van_der_pol(wide).in_c()
    for row, y0 in enumerate(van_der_pol(wide).y0):
        alone = van_der_pol(wide)
        alone.y0, alone.ts = y0[None], alone.ts[:1]
        assert np.array_equal(alone.in_c().ys[0], together.ys[row])


@pytest.mark.parametrize("name", STIFF)
def test_the_ends_of_stiff_problems_are_reached(name: str) -> None:
    known = referenced(installed(), name)
    solver = replace(installed().make("solver", "rodas5p"), rtol=1e-7, atol=known.atol(1e-7))
    ts = known.times()[None]
    for wide in (False, True):
        handle = Handle(kernel(known.rhs.graph, "rodas5p", wide), solver, ts[:, 0], ts, SolveOptions())
        found = handle.solve(known.y0, known.rhs.p)
        assert found.ok.all()
        # the tolerance holds for each step; at the end the errors of all of them count
        assert known.error(found.ys[0, -1]) < 1e-4


def test_single_precision_is_as_good_as_its_digits() -> None:
    case = van_der_pol(wide=False, rtol=1e-4, atol=1e-5)
    exact = van_der_pol(wide=False, rtol=1e-9, atol=1e-11).by_loop()
    for wide in (False, True):
        single = kernel(VAN_DER_POL, "rodas5p", wide, np.float32)
        options = SolveOptions(keep=True)
        found = Handle(single, case.solver, case.ts[:, 0], case.ts, options).solve(case.y0, case.p)
        assert found.ys.dtype == np.float32
        assert found.ok.all()
        assert apart(found.ys, exact.ys) < 1e-2


@SIDES
@pytest.mark.parametrize(
    ("text", "status"),
    [("x^2", "blew_up"), ("sqrt(1 - a*t)", "not_finite")],
)
def test_rows_that_cannot_go_on_say_why(text: str, status: str, wide: bool) -> None:
    graph = formulas([text], ["x"], ["a"])
    case = Both(graph, np.array([[1.0], [0.5]]), np.array([1.0]), np.array([0.0, 3.0]), wide)
    found, wanted = case.in_c(), case.by_loop()

    assert wanted.status == (status, status)
    assert found.status == wanted.status
    assert np.isnan(found.ys[:, -1]).all()


@SIDES
def test_a_row_that_fails_leaves_the_others_alone(wide: bool) -> None:
    graph = formulas(["x^2"], ["x"], ["a"])
    case = Both(graph, np.array([[1.0], [-1.0]]), np.array([1.0]), np.array([0.0, 3.0]), wide)
    found = case.in_c()

    assert found.status == ("blew_up", "ok")
    assert found.ys[1, -1, 0] == pytest.approx(-0.25, rel=1e-6)


@SIDES
def test_a_singular_matrix_makes_the_step_shorter(wide: bool) -> None:
    # with J = a and a step of 1/(γ a) the matrix 1/γ − h a is 0: a first step of that length cannot be taken
    gamma = installed().make("solver", "rodas5p").tableau.arrays.gamma
    graph = formulas(["a*x"], ["x"], ["a"])
    case = Both(graph, np.array([[1.0]]), np.array([1.0 / gamma]), np.array([0.0, 2.0]), wide, first_step=1.0)
    found = case.in_c()

    assert found.status == ("ok",)
    assert found.stats["rejected"][0] > 0
    assert found.ys[0, -1, 0] == pytest.approx(np.exp(2.0 / gamma), rel=1e-4)
