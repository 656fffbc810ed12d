"""Equations that call networks: how they are lowered, scaled, drawn and differentiated, and what a file may say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from workbench import Dataset, Inputs, Problem
from workbench.contracts import GradientMode
from workbench.dataset import TEST
from workbench.errors import problems as wrong
from workbench.measure.differences import along
from workbench.model import Model, Selection
from workbench.problem import read_problem
from workbench.registry import installed
from workbench.system import Scaling

TANK = """
[states.x]
equation = "v"
initial  = { value = 0.6, fit = true }
[states.v]
equation = "-k*x + lift(x, u*m) + 0.3*lift(v, t) - pull"
initial  = { value = 0.2, fit = true }
[expressions]
pull = "drag(v + lift(x, u*m)) + drag(2*v)"
[parameters]
k = { value = 2.0, transform = "log", per = "trajectory" }
m = 0.7
[inputs.u]
interpolation = "linear"
[networks.lift]
hidden = [5]
activation = "softplus"
[networks.drag]
hidden = [4, 3]
"""


def tank(missing: bool = False) -> Problem:
    """Two trajectories of different lengths with an input each; x and v are observed."""
    t = np.concatenate([np.linspace(0, 1.5, 12), np.linspace(0.2, 1.2, 8)])
    values = np.column_stack([np.cos(t), -np.sin(t)]) + 0.02 * np.random.default_rng(2).normal(size=(20, 2))
    inputs = Inputs(("u",), [0.0, 1.0, 0.0, 0.7], [[0.5], [0.9], [0.2], [0.6]], [2, 2])
    if missing:
        values[3, 0] = np.nan
    return read_problem(TANK).with_data(Dataset(t, values, [12, 8], ("x", "v"), inputs=inputs), "last:20%")


def model(problem: Problem, gradient: GradientMode = "discrete", solver: str = "rk4", **settings: Any) -> Model:
    field = installed().make("dynamics", "equations", settings).build(problem, np.random.default_rng(0))
    made = installed().make("solver", solver, {"step": 0.1} if solver == "rk4" else {"rtol": 1e-7, "atol": 1e-9})
    return Model(problem, field, made, installed().make("loss", "mse"), gradient=gradient)


def moved(of: Model) -> np.ndarray:
    """A point near the start, on no symmetry."""
    return of.unknowns.start + 0.2 * np.sin(np.arange(len(of.unknowns.start)) + 1.0)


# --- lowering


def test_a_call_is_the_scaled_network_of_its_scaled_arguments() -> None:
    """Against the layers written out; both calls have one set of weights, behind the parameters."""
    system = read_problem(
        '[states.x]\nequation = "a*x + 2*f(x) + g"\ninitial = 1\n[expressions]\ng = "f(3*x)"\n[parameters]\na = -1\n'
        "[networks.f]\nhidden = [3]\n"
    ).system
    assert system is not None
    graph = system.graph({"f": Scaling((0.5,), (2.0,), 7.0)})
    assert graph.parameters == ("a", *(f"f.w{i}" for i in range(10)))
    assert [network.weights for network in graph.networks] == [1, 1]
    assert system.calls == ("f(x)", "f(3*x)")
    w = np.random.default_rng(1).normal(size=10)

    def f(x: np.ndarray) -> np.ndarray:
        hidden = np.tanh(np.outer((x - 0.5) / 2.0, w[:3]) + w[3:6])
        return 7.0 * (hidden @ w[6:9] + w[9])

    x, p = np.array([0.3, -1.2]), np.append(-1.0, w)
    found = graph.function("rhs")(np.zeros(2), x[:, None], None, None, p)[:, 0]
    np.testing.assert_allclose(found, -x + 2 * f(x) + f(3 * x), rtol=1e-13)
    terms = graph.function("terms")(np.zeros(2), x[:, None], None, None, p)
    np.testing.assert_allclose(terms, np.column_stack([f(x), f(3 * x)]), rtol=1e-13)
    alone = system.term("f", Scaling((0.5,), (2.0,), 7.0)).function("value")
    np.testing.assert_allclose(alone(np.zeros(2), x[:, None], None, None, w)[:, 0], f(x), rtol=1e-13)


def test_derivatives_of_equations_with_networks_are_complex_steps_and_torchs() -> None:
    """A network in an expression, one inside another's argument, an input, time and a parameter as arguments."""
    torch = pytest.importorskip("torch")
    of = model(tank())
    graph = of.lowered
    assert graph is not None
    assert len(graph.networks) == 4  # lift(x, u*m) is one call, wherever it stands
    rng = np.random.default_rng(3)
    point = [rng.uniform(0.1, 1, 6), rng.normal(size=(6, 2)), rng.normal(size=(6, 1)), None]
    p = rng.normal(0, 0.5, len(graph.parameters))
    value, by_y, by_p = graph.function("rhs", ("y", "p"))(*point, p)
    for j in range(len(p)):
        step = p + 1e-30j * (np.arange(len(p)) == j)
        np.testing.assert_allclose(by_p[:, :, j], graph.function("rhs")(*point, step).imag / 1e-30, 1e-11, 1e-13)
    tensors = [None if each is None else torch.from_numpy(each) for each in (*point, p)]
    found = graph.torch_function("rhs", ("y", "p"))(*tensors)
    for ours, theirs in zip((value, by_y, by_p), found, strict=True):
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("solver", ["rk4", "rodas4"])
def test_the_compiled_engine_gives_the_same_residuals_and_derivatives(solver: str) -> None:
    """rodas4 chooses its steps, by errors that differ in rounding."""
    trials = []
    for compiled in (False, True):
        made = model(tank(), solver=solver)
        if compiled:
            made.compile()
        trials.append(made.trial(moved(made), Selection.of(made.data, np.ones(len(made.data.t), bool))))
    plain, found = (trial.linearize() for trial in trials)
    near = 1e-10 if solver == "rk4" else 1e-8
    assert np.abs(found.residuals - plain.residuals).max() < near
    assert np.abs(found.jacobian - plain.jacobian).max() < near * np.abs(plain.jacobian).max()


@pytest.mark.parametrize(
    ("gradient", "solver"),
    [("discrete", "rk4"), ("backprop", "rk4"), ("forward", "dopri5"), ("adjoint", "dopri5")],
)
def test_every_gradient_of_such_a_model_is_its_central_difference(gradient: GradientMode, solver: str) -> None:
    """Adaptive solvers choose other steps at other points: their differences are as good as their tolerance allows."""
    of = model(tank(), gradient, solver)
    x, selection = moved(of), Selection.of(of.data, of.training_part)
    _, g = of.trial(x, selection).gradient()
    directions = np.random.default_rng(7).normal(size=(3, len(x))) / np.sqrt(len(x))
    expected = along(lambda x: of.trial(x, selection).value(), x, directions)
    np.testing.assert_allclose(directions @ g, expected, rtol=1e-8 if solver == "rk4" else 1e-4, atol=1e-7)


# --- scaling and start


def test_arguments_are_scaled_by_what_was_observed_of_them() -> None:
    """All calls of a term together, the test part and missing values left out."""
    problem = tank(missing=True)
    found, data = problem.scaling(), problem.data
    assert data is not None
    seen = (np.asarray(problem.part) != TEST) & np.isfinite(data.values).all(axis=1)
    x, v = data.values[seen].T
    u = np.where(data.trajectory_of == 0, 0.5 + 0.4 * np.clip(data.t, 0, 1), 0.2 + 0.4 * np.clip(data.t, 0, 0.7) / 0.7)
    first, second = np.concatenate([x, v]), np.concatenate([0.7 * u[seen], data.t[seen]])
    np.testing.assert_allclose(found["lift"].centre, [first.mean(), second.mean()], rtol=1e-12)
    np.testing.assert_allclose(found["lift"].spread, [first.std(), second.std()], rtol=1e-12)
    hidden = np.concatenate([v, 2 * v])  # an untrained lift is 0
    np.testing.assert_allclose(found["drag"].spread, [hidden.std()], rtol=1e-12)


def test_the_test_part_changes_neither_scaling_nor_start() -> None:
    problem = tank()
    assert problem.data is not None
    test = np.asarray(problem.part) == TEST
    other = replace(problem, data=replace(problem.data, values=np.where(test[:, None], 1e6, problem.data.values)))
    assert problem.scaling() == other.scaling()
    np.testing.assert_array_equal(model(problem).unknowns.start, model(other).unknowns.start)


def test_a_hidden_rate_is_scaled_by_the_slopes_of_what_it_is_the_rate_of() -> None:
    t = np.linspace(0, 6, 400)
    text = '[states.q]\nequation = "w"\ninitial = 0\n[states.w]\nequation = "-9*q + f(w)"\ninitial = 3\n[networks.f]\n'
    problem = read_problem(text + '[observed]\nangle = "q"\n')
    problem = problem.with_data(Dataset(t, np.sin(3 * t)[:, None], [400], ("angle",)), "none")
    scaling = problem.scaling()["f"]
    assert scaling.spread[0] == pytest.approx(3 * np.std(np.cos(3 * t)), rel=0.01)
    assert scaling.size == pytest.approx(9 * np.sqrt(np.mean(np.sin(3 * t) ** 2)), rel=0.02)  # as large as dw/dt


def test_a_state_of_which_nothing_is_known_stands_at_its_start() -> None:
    text = '[states.q]\nequation = "-q + f(h)"\ninitial = 1\n[states.h]\nequation = "f(q)"\ninitial = 4\n[networks.f]\n'
    problem = read_problem(text + '[observed]\nq = "q"\n')
    t = np.linspace(0, 1, 20)
    problem = problem.with_data(Dataset(t, np.exp(-t)[:, None], [20], ("q",)), "none")
    scaling = problem.scaling()["f"]
    both = np.concatenate([np.exp(-t), np.full(20, 4.0)])
    np.testing.assert_allclose([*scaling.centre, *scaling.spread], [both.mean(), both.std()], rtol=1e-12)


def test_a_term_may_move_a_hidden_state_as_fast_as_that_state_moves_by_itself() -> None:
    """A filter of a second whose input a term bends, seen for a thousand: the term is of the size of the state, 1."""
    text = '[states.q]\nequation = "-2*q + 2*f(u)"\ninitial = 0\n[inputs.u]\n[networks.f]\n[observed]\ny = "3*q"\n'
    t = np.linspace(0, 1000, 50)
    inputs = Inputs(("u",), t, np.sin(t)[:, None], [50])
    problem = read_problem(text).with_data(Dataset(t, np.cos(t)[:, None], [50], ("y",), inputs=inputs), "none")
    assert problem.scaling()["f"].size == pytest.approx(1.0)


def test_a_term_within_an_exponential_is_held_to_what_the_states_do() -> None:
    text = '[states.q]\nequation = "-q*exp(20*f(q))"\ninitial = 1\n[networks.f]\n'
    t = np.linspace(0, 2, 40)
    problem = read_problem(text).with_data(Dataset(t, np.exp(-t)[:, None], [40], ("q",)), "none")
    assert np.exp(20 * problem.scaling()["f"].size) < 10


def test_untrained_terms_are_a_small_correction_of_the_equations() -> None:
    of = model(tank())
    x, y = of.unknowns.start, np.array([[0.8, -0.3], [0.2, -0.9]])
    t, rows = np.array([0.3, 0.9]), np.array([0, 1])
    terms = of.evaluated("terms", x, t, y, rows)
    rate = of.rhs(x, rows)(t, y, rows, t)[:, 1]
    assert (np.abs(terms) < 0.3 * np.abs(rate)[:, None]).all()
    origin = np.where(of.unknowns.mask("weights"), 0.0, x)  # where a prior holds the weights to
    np.testing.assert_array_equal(of.evaluated("terms", origin, t, y, rows), 0.0)


def test_a_declared_decay_is_the_priors_precision() -> None:
    of = model(tank(), decay=0.5)
    np.testing.assert_array_equal(of.unknowns.shrink, np.where(of.unknowns.mask("weights"), 0.5, 0.0))


# --- mistakes in files

HEAD = '[states.x]\nequation = "{equation}"\ninitial = 1\n\n[parameters]\nk = 1\n\n[networks.{name}]\nhidden = [4]\n'
MISTAKES = {
    "calls of two lengths": ("-k*x + f(x) + f(x, t)", "f", "", wrong.ArgumentCountWrong, "f takes 1 argument, not 2"),
    "no argument": ("-k*x + f()", "f", "", wrong.ArgumentCountWrong, "f takes 1 argument, not 0"),
    "no call": ("-k*x + f*x", "f", "", wrong.NotAValue, "'f' is a function, not a value"),
    "named like a parameter": ("-k*x + k(x)", "k", "", wrong.SeveralMistakes, "'k' already names a parameter"),
    "named like a function": ("-k*x + sin(x)", "sin", "", wrong.NameTaken, "'sin' already names a function"),
    "never called": ("-k*x", "f", "", wrong.NetworkIdle, "networks.f is to be learned, but no equation calls it"),
    "called by nobody's expression": (
        "-k*x",
        "f",
        '[expressions]\ne = "f(x)"\n',
        wrong.NetworkIdle,
        "no equation calls",
    ),
    "observed": (
        "-k*x + f(x)",
        "f",
        '[observed]\ny = "f(x)"\n',
        wrong.NameMisplaced,
        "the network 'f' has no value here",
    ),
    "unknown activation": ("-k*x + f(x)", "f", 'activation = "gelu"\n', wrong.ValueWrong, "'tanh', 'softplus', 'silu'"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_about_networks_are_named(what: str) -> None:
    equation, name, more, kind, said = MISTAKES[what]
    head = HEAD.format(equation=equation, name=name)
    with pytest.raises(kind) as caught:
        read_problem(head + more)
    assert said in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.line is not None
