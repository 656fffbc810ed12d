"""Dynamics from networks: the scaled multilayer perceptron."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from workbench import Dataset, Inputs, fit
from workbench.contracts import Field
from workbench.errors.usage import UsageError
from workbench.model import Model
from workbench.model.graph_rhs import GraphRhs
from workbench.model.module_rhs import ModuleRhs
from workbench.problem import Problem
from workbench.registry import installed
from workbench.testing.dynamics import DynamicsContract


class TestMlp(DynamicsContract):
    """A multilayer perceptron."""

    offer = "mlp"


class TestAugmented(DynamicsContract):
    """With states that nothing measures."""

    offer = "mlp"
    settings: ClassVar[dict[str, Any]] = {"hidden": (8,), "augment": 2}


class TestEncoded(DynamicsContract):
    """With hidden states whose start an encoder makes of the samples, and of their times: trajectories differ there."""

    offer = "mlp"
    settings: ClassVar[dict[str, Any]] = {"hidden": (8,), "augment": 1, "encoder": 3}


class TestSecondOrder(DynamicsContract):
    """Positions whose velocities are hidden."""

    offer = "second-order"


class TestHamiltonian(DynamicsContract):
    """A network as energy."""

    offer = "hamiltonian"


def build(problem: Problem, seed: int = 0, **settings: Any) -> Field:
    return installed().make("dynamics", "mlp", settings).build(problem, np.random.default_rng(seed))


def problem_of(values: np.ndarray, split: str = "none", **more: Any) -> Problem:
    t = np.linspace(0, 2, len(values))
    data = Dataset(t, values, np.array([len(t)]), ("x", "y"), **more)
    return Problem("data").with_data(data, split)


@pytest.fixture
def values() -> np.ndarray:
    t = np.linspace(0, 2, 21)
    return np.column_stack([5 + 2 * np.sin(t), 1e4 * np.cos(t)])


def model(problem: Problem, **settings: Any) -> Model:
    return Model(
        problem, build(problem, **settings), installed().make("solver", "rk4"), installed().make("loss", "mse")
    )


def slopes(of: Model, y: np.ndarray, t: float = 0.3) -> np.ndarray:
    """f at y (line, state), all of trajectory 0."""
    row, t_ = np.zeros(len(y), dtype=int), np.full(len(y), t)
    return of.rhs(of.unknowns.start, np.arange(1))(t_, y, row, t_)


def test_layers_weights_and_biases_are_counted_as_they_should(values: np.ndarray) -> None:
    inputs = Inputs(("u",), [0.0, 1.0], [[1.0], [2.0]], [2])
    problem = problem_of(values, inputs=inputs, covariates={"mass": np.array([3.0])})
    field = build(problem, hidden=(7, 4), features="state+time")
    weights = next(block for block in field.blocks() if block.name == "weights")
    # inputs: two states, u, mass and time; outputs: two slopes
    assert len(weights.value) == (5 + 1) * 7 + (7 + 1) * 4 + (4 + 1) * 2
    assert sum(p.numel() for p in field.module().parameters()) == len(weights.value)


def test_the_flat_weights_are_the_modules_parameters_in_order(values: np.ndarray) -> None:
    import torch

    problem = problem_of(values)
    of = model(problem, hidden=(3,))
    module = of.field.module()
    assert module is not None
    torch.nn.utils.vector_to_parameters(torch.from_numpy(of.columns.parameters(of.unknowns.start)), module.parameters())
    y = np.array([[4.0, 100.0], [6.0, -5000.0]])
    expected = module(torch.full((2, 1), 0.3, dtype=torch.float64), torch.from_numpy(y)).detach().numpy()
    np.testing.assert_array_equal(slopes(of, y), expected)


def test_units_of_the_data_change_the_slopes_by_the_same_factor(values: np.ndarray) -> None:
    scale, shift = np.array([1e-3, 1e5]), np.array([7.0, -2.0])
    y = values[:4]
    plain = slopes(model(problem_of(values)), y)
    scaled = slopes(model(problem_of(values * scale + shift)), y * scale + shift)
    # means and spreads are rounded once each
    np.testing.assert_allclose(scaled, plain * scale, rtol=1e-11)


def test_weights_are_drawn_within_glorots_reach_and_the_last_layer_at_a_tenth(values: np.ndarray) -> None:
    field = build(problem_of(values), hidden=(50,))
    weights = next(block for block in field.blocks() if block.name == "weights").value
    first, bias, last = weights[:100], weights[100:150], weights[150:250]
    assert 0.9 * np.sqrt(6 / 52) < np.abs(first).max() <= np.sqrt(6 / 52)
    assert not bias.any()
    assert 0.09 * np.sqrt(6 / 52) < np.abs(last).max() <= 0.1 * np.sqrt(6 / 52)


def test_the_seed_decides_the_weights(values: np.ndarray) -> None:
    problem = problem_of(values)
    one, same, other = (build(problem, seed).blocks()[0].value for seed in (1, 1, 2))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


def test_initial_values_start_at_the_first_observation_of_each_channel(values: np.ndarray) -> None:
    values[0, 1] = values[1, 1] = np.nan
    initial = build(problem_of(values)).blocks()[1]
    assert initial.value.tolist() == [[values[0, 0], values[2, 1]]]


def test_a_channel_first_seen_in_the_test_part_starts_at_no_test_value(values: np.ndarray) -> None:
    values[:18, 1] = np.nan
    initial = build(problem_of(values, "last:3")).blocks()[1]
    assert initial.value[0, 0] == values[0, 0]
    assert initial.value[0, 1] not in values[18:, 1]


def test_many_trajectories_keep_their_first_observations_as_starts() -> None:
    n = 101  # two channels each: more than 200 initial values
    t, sizes = np.tile([0.0, 1.0, 2.0], n), np.full(n, 3)
    y = np.random.default_rng(0).normal(size=(3 * n, 2))
    problem = Problem("data").with_data(Dataset(t, y, sizes, ("x", "y")), "none")
    assert not build(problem).blocks()[1].spread("free").any()


@pytest.mark.parametrize("activation", ["tanh", "softplus", "silu", "relu", "sin"])
def test_every_activation_runs_and_differs_from_the_others(values: np.ndarray, activation: str) -> None:
    problem, y = problem_of(values), values[:3]
    found = slopes(model(problem, activation=activation), y)
    assert np.isfinite(found).all()
    if activation != "tanh":
        assert not np.allclose(found, slopes(model(problem), y))


def test_time_enters_only_where_it_is_asked_for(values: np.ndarray) -> None:
    problem, y = problem_of(values), values[:3]
    without, with_time = model(problem), model(problem, features="state+time")
    np.testing.assert_array_equal(slopes(without, y, 0.1), slopes(without, y, 1.9))
    assert not np.allclose(slopes(with_time, y, 0.1), slopes(with_time, y, 1.9))


def test_a_constant_channel_needs_no_spread(values: np.ndarray) -> None:
    values[:, 1] = 4.0
    found = slopes(model(problem_of(values)), values[:3])
    assert np.isfinite(found).all()


def test_decay_is_a_prior_on_weights_alone(values: np.ndarray) -> None:
    weights, initial = build(problem_of(values), decay=0.25).blocks()
    assert (weights.shrink, initial.shrink) == (0.25, 0.0)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "silu", "relu", "sin"])
def test_the_graph_is_the_module_with_its_scaling(values: np.ndarray, activation: str) -> None:
    """f, f_y and f_p to the roundings of sums over units."""
    inputs = Inputs(("u",), [0.0, 1.0], [[1.0], [2.0]], [2])
    problem = problem_of(values, inputs=inputs, covariates={"mass": np.array([3.0]), "size": np.array([2.0])})
    of = model(problem, hidden=(6, 5), activation=activation, features="state+time")
    assert of.graph is None
    assert of.lowered is not None
    x, rng = of.unknowns.start, np.random.default_rng(2)
    x = x + 0.1 * rng.normal(size=x.shape)
    t, row = rng.uniform(0, 2, 5), np.zeros(5, dtype=int)
    y, g = values[:5] * rng.uniform(0.9, 1.1, (5, 2)), rng.normal(size=(5, 2))
    module = of.rhs(x, np.arange(1))
    assert isinstance(module, ModuleRhs)
    graph = GraphRhs(of.lowered, of.columns.parameters(x), of.covariates, of.inputs)
    for one, other in (
        (graph(t, y, row, t), module(t, y, row, t)),
        *zip(graph.jacobians(t, y, row, t), module.jacobians(t, y, row, t), strict=True),
        *zip(graph.pullback(t, y, row, t, g), module.pullback(t, y, row, t, g), strict=True),
    ):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13 * np.abs(other).max())


def test_a_network_without_data_is_refused() -> None:
    with pytest.raises(UsageError, match="fitted to data"):
        build(Problem("nothing"))


def pendulum(n: int = 120) -> Dataset:
    """A pendulum without friction: angle and rate."""
    from scipy.integrate import solve_ivp

    t = np.linspace(0, 12, n)
    found = solve_ivp(lambda t, y: [y[1], -np.sin(y[0])], (0, 12), [1.5, 0.0], t_eval=t, rtol=1e-10, atol=1e-12)
    return Dataset(t, found.y.T, np.array([n]), ("angle", "rate"))


def test_a_second_order_network_finds_the_velocity_that_nothing_measures() -> None:
    data = pendulum().with_channels(["angle"])
    found = fit(data, dynamics="second-order", settings={"dynamics.hidden": (10,)}, max_time=20)
    assert found.metrics["holdout"]["fit_percent"] > 95
    assert found.equations[0] == "d angle/dt = dangle"


def test_an_energy_is_kept() -> None:
    found = fit(pendulum(), dynamics="hamiltonian", settings={"dynamics.hidden": (10,)}, iterations=40)
    assert found.metrics["holdout"]["fit_percent"] > 95
    assert found.session.choices.engine == "numpy", "C has no tangent networks"
    ahead = found.predict(np.linspace(0, 120, 600))
    angle, rate = ahead.observed[0].T
    energy = rate**2 / 2 - np.cos(angle)
    assert np.ptp(energy) < 0.1, "over ten times the length of the data"


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("second-order", {"velocities": ("w",)}, "there is no channel 'w'"),
        ("second-order", {"velocities": ("x", "y")}, "2 velocities for 0 positions"),
        ("hamiltonian", {"momenta": ("x", "y")}, "positions and momenta come in pairs"),
        ("hamiltonian", {"hidden": ()}, "an energy without hidden layers"),
        ("mlp", {"augment": -1}, "0 to 64 states can be added"),
    ],
)
def test_options_that_do_not_fit_the_channels_are_refused(
    name: str, settings: dict[str, Any], said: str, values: np.ndarray
) -> None:
    with pytest.raises(UsageError, match=said):
        installed().make("dynamics", name, settings).build(problem_of(values), np.random.default_rng(0))
