"""The compiled engine against the loop on NumPy: on the same steps both give the same states and derivatives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from graphs import EXAMPLES, Example, drawn

from workbench import engine
from workbench.compiled import Handle, Kernel, Pieces, compilable
from workbench.contracts import Mesh, SolveOptions
from workbench.dataset import Inputs
from workbench.errors.numerics import ShapeOfRhs
from workbench.graph import from_network
from workbench.model.graph_rhs import GraphRhs
from workbench.model.inputs import InputTable
from workbench.registry import installed

STATES, DERIVATIVES = 1e-10, 1e-9  # relative to the largest, in float64
ROWS, TIMES = 5, 7
SOLVERS = {
    listed.name: solver
    for listed in installed().offers("solver")
    if compilable(solver := installed().make("solver", listed.name))
}
PAIRS = list(product(SOLVERS, EXAMPLES))
HARD = ("driven", "chained")  # inputs, time, covariates, two networks
QUICK = {(solver, HARD[number % 2]) for number, solver in enumerate(SOLVERS)} | {("tsit5", graph) for graph in EXAMPLES}


class Case:
    """A graph and a solver, with starts, times, parameters and inputs of several rows."""

    def __init__(self, solver: str, example: Example, wide: bool, own: bool = False) -> None:
        rng = np.random.default_rng(5)
        self.graph, self.solver = example.graph, SOLVERS[solver]
        rows = np.arange(ROWS)
        self.y0 = example.y0 * rng.uniform(0.9, 1.1, (ROWS, len(example.y0)))
        self.t0 = np.linspace(0.0, 0.2, ROWS)
        self.ts = self.t0[:, None] + np.sort(rng.uniform(0.0, 0.8, (ROWS, TIMES)), axis=1)
        self.ts[:, 0] = self.t0
        self.ts[2, 4:] = np.nan  # a shorter trajectory
        self.p = example.p * rng.uniform(0.9, 1.1, (ROWS, len(example.p))) if own else example.p
        self.c = None if example.c is None else example.c * rng.uniform(0.9, 1.1, (ROWS, len(example.c)))
        self.table, self.pieces, self.breaks = None, None, ()
        if example.u is not None:
            t = np.linspace(0.0, 1.0, 4)
            values = rng.uniform(0.5, 1.0, (4 * ROWS, len(example.u)))
            inputs = Inputs(tuple(example.graph.inputs), np.tile(t, ROWS), values, np.full(ROWS, 4))
            self.table = InputTable(inputs, ["linear"] * len(example.u))
            self.pieces, self.breaks = self.table.pieces(rows), self.table.breaks(rows)
        slope = self.table.slope if self.table else None
        self.rhs = GraphRhs(self.graph, self.p, self.c, self.table, slope)
        self.kernel = Kernel(self.graph, self.solver.tableau, np.dtype(float), wide)

    def reference(self) -> engine.Trajectory:
        """The loop on NumPy."""
        with np.errstate(all="ignore"):
            return self.solver.solve(self.rhs, self.y0, self.t0, self.ts, self.options())

    def options(self, replay: Mesh | None = None) -> SolveOptions:
        return SolveOptions(keep=True, breaks=self.breaks, replay=replay)

    def handle(self, replay: Mesh | None = None) -> Handle:
        """A compiled solve at the same times."""
        return Handle(self.kernel, self.solver, self.t0, self.ts, self.options(replay))


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, relative to the largest entry; NaN must stand where NaN stands."""
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    return float(np.nanmax(np.abs(found - wanted)) / max(np.nanmax(np.abs(wanted)), 1e-300))


@pytest.mark.parametrize("wide", [False, True], ids=["one", "wide"])
@pytest.mark.parametrize(
    ("solver", "graph"),
    [pytest.param(*pair, marks=[] if pair in QUICK else [pytest.mark.long]) for pair in PAIRS],
)
def test_engines_agree_on_the_same_steps(solver: str, graph: str, wide: bool) -> None:
    case = Case(solver, EXAMPLES[graph](), wide)
    wanted = case.reference()
    assert set(wanted.status) == {"ok"}
    found = case.handle(replay=wanted.mesh).solve(case.y0, case.p, case.c, case.pieces)
    assert relative(found.ys, wanted.ys) < STATES

    gys = np.nan_to_num(np.random.default_rng(6).normal(size=wanted.ys.shape))
    g_y0, g_p = found.pull(gys)
    wanted_y0, wanted_p = engine.pullback(case.solver, case.rhs, wanted, gys)
    assert relative(g_y0, wanted_y0) < DERIVATIVES
    assert relative(g_p.sum(axis=0), wanted_p.sum(axis=0)) < DERIVATIVES

    by_y0, by_p = found.push()
    wanted_by_y0, wanted_by_p = engine.sensitivities(case.solver, case.rhs, wanted)
    assert relative(by_y0, wanted_by_y0) < DERIVATIVES
    assert relative(by_p, wanted_by_p) < DERIVATIVES


@pytest.mark.parametrize("wide", [False, True], ids=["one", "wide"])
@pytest.mark.parametrize("hidden", [(3, 50), (50, 3), (1, 9, 2), (9, 19)], ids=str)
def test_layers_of_every_width_agree(hidden: tuple[int, ...], wide: bool) -> None:
    """Narrower and wider than a vector, in every order: what pads a vector must not reach a result."""
    graph = from_network(hidden, "softplus", states=("x", "y"))
    case = Case("rk4", Example(graph, np.array([0.9, -0.4]), drawn(graph)), wide)
    wanted = case.reference()
    found = case.handle(replay=wanted.mesh).solve(case.y0, case.p)
    gys = np.random.default_rng(6).normal(size=wanted.ys.shape)
    for mine, theirs in zip(found.pull(gys), engine.pullback(case.solver, case.rhs, wanted, gys), strict=True):
        assert relative(mine.sum(axis=0), theirs.sum(axis=0)) < DERIVATIVES
    for mine, theirs in zip(found.push(), engine.sensitivities(case.solver, case.rhs, wanted), strict=True):
        assert relative(mine, theirs) < DERIVATIVES


@pytest.mark.parametrize("wide", [False, True], ids=["one", "wide"])
def test_trajectories_may_have_parameters_of_their_own(wide: bool) -> None:
    case = Case("tsit5", EXAMPLES["driven"](), wide, own=True)
    wanted = case.reference()
    found = case.handle(replay=wanted.mesh).solve(case.y0, case.p, case.c, case.pieces)
    gys = np.random.default_rng(6).normal(size=wanted.ys.shape)
    for mine, theirs in zip(found.pull(gys), engine.pullback(case.solver, case.rhs, wanted, gys), strict=True):
        assert relative(mine, theirs) < DERIVATIVES
    for mine, theirs in zip(found.push(), engine.sensitivities(case.solver, case.rhs, wanted), strict=True):
        assert relative(mine, theirs) < DERIVATIVES


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_both_engines_choose_the_same_steps(solver: str) -> None:
    case = Case(solver, EXAMPLES["driven"](), wide=True)
    wanted = case.reference()
    found = case.handle().solve(case.y0, case.p, case.c, case.pieces).trajectory()
    for name in ("accepted", "rejected"):
        assert np.array_equal(found.stats[name], wanted.stats[name]), name
    for name in ("rhs", "jacobians"):  # of a row that is refused beside others that move the loop forgets some
        assert (found.stats[name] <= wanted.stats[name]).all(), name
        assert (found.stats[name] >= 0.8 * wanted.stats[name]).all(), name
    assert found.mesh is not None
    assert wanted.mesh is not None
    assert relative(found.mesh.t, wanted.mesh.t) < 1e-6  # steps are powers of errors: rounding shows in them
    assert np.array_equal(found.mesh.clipped, wanted.mesh.clipped)


@pytest.mark.parametrize("wide", [False, True], ids=["one", "wide"])
def test_rows_do_not_see_each_other(wide: bool) -> None:
    case = Case("tsit5", EXAMPLES["lotka_volterra"](), wide)
    together = case.handle().solve(case.y0, case.p)
    for row in range(ROWS):
        handle = Handle(case.kernel, case.solver, case.t0[row : row + 1], case.ts[row : row + 1], case.options())
        assert np.array_equal(
            handle.solve(case.y0[row : row + 1], case.p).ys, together.ys[row : row + 1], equal_nan=True
        )


def test_arrays_that_do_not_fit_are_refused_before_a_kernel_reads_them() -> None:
    case = Case("tsit5", EXAMPLES["driven"](), wide=False)
    handle = case.handle()
    good = {"y0": case.y0, "p": case.p, "c": case.c, "pieces": case.pieces}
    bad = {"y0": case.y0[:2], "p": case.p[:1], "c": case.c[:, :0] if case.c is not None else None, "pieces": None}
    for name, value in bad.items():
        with pytest.raises(ShapeOfRhs):
            handle.solve(**{**good, name: value})
    with pytest.raises(ShapeOfRhs):
        handle.solve(**good).pull(np.zeros((1, 1, 1)))


def test_the_order_of_rows_changes_no_bit_of_a_solve() -> None:
    """A handle lets rows of as many steps stand beside each other, as it knows them from the solve before."""
    case = Case("tsit5", EXAMPLES["perceptron"](), wide=True)
    y0, t0, ts = (np.concatenate([x] * 8) for x in (case.y0, case.t0, case.ts))
    ts[1::2] += 4 * (ts[1::2] - t0[1::2, None])  # every other row is longer
    handle = Handle(case.kernel, case.solver, t0, ts, case.options())
    first, second = handle.solve(y0, case.p), handle.solve(y0, case.p)
    assert (first.steps.order[:10] % 2 == 1).all()
    assert np.array_equal(first.ys, second.ys, equal_nan=True)
    gys = np.random.default_rng(7).normal(size=(*ts.shape, 2))
    for mine, again in zip(first.pull(gys), second.pull(gys), strict=True):
        assert np.array_equal(mine, again)


def test_threads_change_no_bit() -> None:
    case = Case("tsit5", EXAMPLES["perceptron"](), wide=True)
    y0, t0, ts = (np.concatenate([x] * 8) for x in (case.y0, case.t0, case.ts))
    one, two = (Handle(case.kernel, case.solver, t0, ts, case.options(), threads) for threads in (1, 2))
    found = [handle.solve(y0, case.p) for handle in (one, two)]
    assert np.array_equal(found[0].ys, found[1].ys, equal_nan=True)
    gys = np.random.default_rng(7).normal(size=(*ts.shape, 2))
    pulled = [each.pull(gys) for each in found]
    assert np.array_equal(pulled[0][0], pulled[1][0])
    assert relative(pulled[0][1], pulled[1][1]) < 1e-14  # sums over shares in another order


def test_pieces_of_inputs_are_those_of_the_loop() -> None:
    rng = np.random.default_rng(8)
    t = np.sort(rng.uniform(0.0, 1.0, 6))
    inputs = Inputs(("a", "b", "c"), t, rng.normal(size=(6, 3)), np.array([6]))
    table = InputTable(inputs, ["hold", "linear", "cubic"])
    pieces = table.pieces(np.array([0]))
    assert isinstance(pieces, Pieces)
    at = rng.uniform(-0.2, 1.2, 200)
    row = np.zeros(200, dtype=int)
    assert np.abs(pieces(at, row, at) - table(at, row, at)).max() < 1e-12
