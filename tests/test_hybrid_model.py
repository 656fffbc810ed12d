"""A field that gives a graph with networks and no module: it is solved, differentiated and fitted like any other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from graphs import chained, hybrid

from workbench import Block, Dataset, Graph, Inputs, Problem
from workbench.contracts import GradientMode
from workbench.measure.differences import along
from workbench.model import Model, Selection
from workbench.registry import installed
from workbench.workflow.choices import optimizer_for


@dataclass(frozen=True)
class HybridField:
    """A graph's parameters as one shared block, or with one of them for each trajectory."""

    lowered: Graph
    start: np.ndarray  # (parameter,)
    data: Dataset
    own: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        return self.lowered.states

    def blocks(self) -> tuple[Block, ...]:
        names, n = self.lowered.parameters, self.data.n_trajectories
        initial = Block("initial", self.states, self.data.values[self.data.starts], per="trajectory")
        if not self.own:
            return Block("parameters", names, self.start), initial
        first = Block("own", names[:1], self.start[:1] * np.linspace(1, 1.1, n)[:, None], per="trajectory")
        return Block("parameters", names[1:], self.start[1:]), first, initial

    def graph(self) -> Graph:
        return self.lowered

    def module(self) -> None:
        return None


def model(gradient: GradientMode, solver: str, own: bool = False, driven: bool = False) -> Model:
    sizes = np.array([9, 6])
    t = np.concatenate([np.linspace(0, 1.5, 9), np.linspace(0.2, 1.2, 6)])
    values = 1 + 0.3 * np.column_stack([np.sin(t), np.cos(t)])
    more = {}
    if driven:
        more["inputs"] = Inputs(("u",), [0.0, 1.0, 0.0, 0.7], [[0.5], [0.9], [0.2], [0.6]], [2, 2])
        more["covariates"] = {"c": np.array([1.5, 1.9])}
    data = Dataset(t, values, sizes, driven_channels(driven), **more)
    example = chained() if driven else hybrid()
    field = HybridField(example.graph, example.p, data, own)
    problem = Problem("data").with_data(data, "none")
    made = installed().make("solver", solver, {"step": 0.1} if solver == "rk4" else {"rtol": 1e-7, "atol": 1e-9})
    return Model(problem, field, made, installed().make("loss", "mse"), gradient=gradient)


def driven_channels(driven: bool) -> tuple[str, str]:
    return ("x", "v") if driven else ("x", "y")


CASES = [
    ("discrete", "rk4", False, False),
    ("discrete", "rk4", True, True),
    ("discrete", "rodas4", False, True),
    ("discrete", "rodas4", True, False),
    ("discrete", "trbdf2", False, False),
    ("backprop", "rk4", True, True),
    ("backprop", "rodas4", False, False),
    ("forward", "dopri5", False, False),
    ("adjoint", "dopri5", False, True),
    ("adjoint", "dopri5", True, False),
]


@pytest.mark.parametrize(("gradient", "solver", "own", "driven"), CASES)
def test_gradients_of_a_hybrid_model_are_its_central_differences(
    gradient: GradientMode, solver: str, own: bool, driven: bool
) -> None:
    """Adaptive solvers choose other steps at other points: their differences are as good as their tolerance allows."""
    of = model(gradient, solver, own, driven)
    assert of.graph is of.lowered
    x = of.unknowns.start + 0.03 * np.sin(np.arange(len(of.unknowns.start)) + 1.0)
    selection = Selection.of(of.data, of.training_part)
    _, g = of.trial(x, selection).gradient()
    directions = np.random.default_rng(7).normal(size=(3, len(x))) / np.sqrt(len(x))
    expected = along(lambda x: of.trial(x, selection).value(), x, directions)
    np.testing.assert_allclose(directions @ g, expected, rtol=1e-8 if solver == "rk4" else 1e-4, atol=1e-7)


def test_networks_in_a_graph_are_fitted_as_networks_are() -> None:
    """By Levenberg–Marquardt, while formulas alone go to SciPy's least squares."""
    of = model("discrete", "rk4")
    assert optimizer_for(of.field, 40) == "levenberg-marquardt"
    assert optimizer_for(of.field, 4000) == "lbfgs"


@pytest.mark.parametrize("many", [1, 4], ids=["side by side", "one by one"])
@pytest.mark.parametrize(("own", "driven"), [(False, False), (True, True), (False, True)])
@pytest.mark.parametrize("solver", ["rk4", "rodas4"])
def test_the_compiled_engine_gives_the_same_residuals_and_derivatives(
    solver: str, own: bool, driven: bool, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trajectories of different lengths; rodas4 chooses its steps, by errors that differ in rounding."""
    monkeypatch.setattr("workbench.model.compiled.MANY", many)
    trials = []
    for compiled in (False, True):
        made = model("discrete", solver, own, driven)
        if compiled:
            made.compile()
        trials.append(made.trial(made.unknowns.start, Selection.of(made.data, np.ones(len(made.data.t), bool))))
    plain, found = (trial.linearize() for trial in trials)
    near = 1e-10 if solver == "rk4" else 1e-8
    scale = np.abs(plain.jacobian).max()
    assert np.abs(found.residuals - plain.residuals).max() < near
    assert np.abs(found.jacobian - plain.jacobian).max() < near * scale
    (value, by_x), (wanted, wanted_by_x) = (trial.gradient() for trial in reversed(trials))
    assert abs(value - wanted) < near
    assert np.abs(by_x - wanted_by_x).max() < near * np.abs(wanted_by_x).max()
