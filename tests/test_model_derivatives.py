"""A trial's derivatives: against central differences, and the discrete ones against sensitivity equations.

Steps of fixed length are taken, so that the solution is a smooth function of the unknowns and central differences see
exactly what is differentiated; Runge–Kutta methods commute with differentiation, so that sensitivities solved along
with the states on the same steps are the same numbers.
"""

from __future__ import annotations

import numpy as np
import pytest
from workbench_runge_kutta.classical import RK4
from workbench_runge_kutta.dormand_prince import DOPRI5

from workbench import Dataset, Inputs
from workbench.contracts import GradientMode
from workbench.engine import TableauSolver
from workbench.measure.differences import along
from workbench.model import Model, Selection
from workbench.problem import Problem, read_problem
from workbench.registry import installed

DRIVEN = """
title  = "An oscillator with everything that a problem file can say of its unknowns"
source = "for tests"

[states.x]
equation = "v"
initial  = { value = 1.0, fit = true, transform = "log" }
[states.v]
equation = "-k*x - c*v^3 + push*u + 0.1*sin(w)*t"
initial  = "v0*dose"

[parameters]
k    = { value = 2.0, transform = "log", per = "trajectory" }
c    = { value = 0.3 }
v0   = { value = 0.4, bounds = [-1, 2], transform = "logit" }
push = { value = 0.5, fixed = true }
gain = { value = 1.3 }

[inputs.u]
interpolation = "hold"
[inputs.w]
interpolation = "linear"

[covariates]
dose = { column = "dose" }

[observed.place]
formula = "gain*x + 2"
noise   = "lognormal"
[observed.energy]
formula = "v^2*dose + k*x^2 + u"
"""


def ragged(rng: np.random.Generator, channels: tuple[str, ...], driven: bool) -> Dataset:
    """Three trajectories of 7, 4 and 9 rows that begin at different times, one time repeated, three values missing."""
    sizes, begins = [7, 4, 9], [0.0, 0.5, -0.3]
    t = [begin + np.cumsum(rng.uniform(0.05, 0.3, n)) - 0.05 for n, begin in zip(sizes, begins, strict=True)]
    t[0][3] = t[0][2]
    values = 1.5 + np.sin(np.concatenate(t)[:, None] + np.arange(len(channels))) + rng.uniform(0, 0.1, (sum(sizes), 1))
    values[[1, 8, 12], [0, 1, 0]] = np.nan
    inputs = covariates = None
    if driven:
        samples = [np.linspace(x[0] - 0.1, x[-1] + 0.2, 5) for x in t]
        inputs = Inputs(("u", "w"), np.concatenate(samples), rng.normal(size=(15, 2)), np.array([5, 5, 5]))
        covariates = {"dose": np.array([1.0, 2.5, 0.7])}
    return Dataset(np.concatenate(t), values, np.array(sizes), channels, inputs=inputs, covariates=covariates or {})


def driven(gradient: GradientMode = "discrete", loss: str = "likelihood", solver: TableauSolver | None = None) -> Model:
    """The driven oscillator on ragged data."""
    data = ragged(np.random.default_rng(3), ("place", "energy"), driven=True)
    problem = read_problem(DRIVEN).with_data(data, "none")
    return model_of(problem, "equations", gradient, loss, solver)


def neural(gradient: GradientMode = "discrete", loss: str = "mse", solver: TableauSolver | None = None) -> Model:
    """A small network of state and time with inputs and a covariate on ragged data."""
    data = ragged(np.random.default_rng(4), ("x", "y"), driven=True)
    return model_of(Problem("data").with_data(data, "none"), "mlp", gradient, loss, solver)


def model_of(problem: Problem, dynamics: str, gradient: GradientMode, loss: str, solver: TableauSolver | None) -> Model:
    settings = {"hidden": (3,), "features": "state+time"} if dynamics == "mlp" else {}
    made = installed().make("dynamics", dynamics, settings)
    field = made.build(problem, np.random.default_rng(5))
    return Model(
        problem, field, solver or TableauSolver(tableau=RK4, step=0.1), installed().make("loss", loss), gradient
    )


def everything(model: Model) -> Selection:
    return Selection.of(model.data, np.ones(len(model.data.t), dtype=bool))


def somewhere(model: Model) -> np.ndarray:
    """A point near the start, on no symmetry."""
    return model.unknowns.start + 0.05 * np.sin(np.arange(len(model.unknowns.start)) + 1.0)


def directions(x: np.ndarray) -> np.ndarray:
    """Four at random: a wrong entry shows in every one of them (direction, unknown)."""
    return np.random.default_rng(11).normal(size=(4, len(x))) / np.sqrt(len(x))


MODELS = pytest.mark.parametrize("make", [driven, neural])
LOSSES = pytest.mark.parametrize("loss", ["mse", "huber", "likelihood"])


@MODELS
def test_predictions_are_differentiated_exactly(make) -> None:  # type: ignore[no-untyped-def]
    model = make()
    x, selection = somewhere(model), everything(model)
    expected = along(lambda x: model.trial(x, selection).predicted, x, directions(x))
    found = model.trial(x, selection).predicted_by_x()
    # five points 2e-4 apart: 1e-15/20 of fifth derivatives (up to 1e5 here), and rounding 2e-12 of predictions up to 20
    np.testing.assert_allclose(found @ directions(x).T, expected, atol=1e-10, rtol=1e-10)
    assert np.abs(found).max(axis=(0, 1)).min() > 0, "every unknown moves some prediction"


@MODELS
@LOSSES
def test_the_gradient_of_the_loss_is_its_central_difference(make, loss: str) -> None:  # type: ignore[no-untyped-def]
    model = make(loss=loss)
    x, selection = somewhere(model), everything(model)
    value, g = model.trial(x, selection).gradient()
    assert value == model.trial(x, selection).value()
    expected = along(lambda x: model.trial(x, selection).value(), x, directions(x))
    np.testing.assert_allclose(directions(x) @ g, expected, atol=1e-10 * max(1.0, abs(value)), rtol=1e-9)


@MODELS
@LOSSES
def test_the_adjoint_gradient_and_the_linearization_agree(make, loss: str) -> None:  # type: ignore[no-untyped-def]
    model = make(loss=loss)
    x, selection = somewhere(model), everything(model)
    value, g = model.trial(x, selection).gradient()
    line = model.trial(x, selection).linearize()
    assert line.value == value
    # the same derivative of the same steps, summed in another order
    np.testing.assert_allclose(line.vjp(line.residuals), g, rtol=1e-11, atol=1e-12 * np.abs(g).max())
    v = np.cos(np.arange(len(x)))
    np.testing.assert_allclose(line.jvp(v), line.jacobian @ v)


@MODELS
def test_sensitivity_equations_on_the_same_steps_are_the_same_derivatives(make) -> None:  # type: ignore[no-untyped-def]
    x, selection = somewhere(make()), everything(make())
    discrete, forward = make("discrete").trial(x, selection), make("forward").trial(x, selection)
    for a, b in zip(discrete.sensitivities, forward.sensitivities, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(discrete.gradient()[1], forward.gradient()[1], rtol=1e-10, atol=1e-11)


@MODELS
def test_backpropagation_through_the_same_steps_gives_the_same_derivatives(make) -> None:  # type: ignore[no-untyped-def]
    x, selection = somewhere(make()), everything(make())
    discrete, torch = make("discrete").trial(x, selection), make("backprop").trial(x, selection)
    for a, b in zip(discrete.sensitivities, torch.sensitivities, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(discrete.gradient()[1], torch.gradient()[1], rtol=1e-10, atol=1e-11)


@MODELS
@pytest.mark.parametrize("name", ["tsit5", "scipy_lsoda"])
def test_the_continuous_adjoint_gives_the_gradient_at_the_level_of_its_tolerance(make, name: str) -> None:  # type: ignore[no-untyped-def]
    """Two trajectories with jumps of their inputs, ragged times and parameters of their own; black boxes too."""
    solver = installed().make("solver", name, {"rtol": 1e-8, "atol": 1e-10})
    x, selection = somewhere(make()), everything(make())
    forward, adjoint = (make(mode, solver=solver).trial(x, selection) for mode in ("forward", "adjoint"))
    expected, found = forward.gradient()[1], adjoint.gradient()[1]
    # some twenty solves between observations, each with errors of a few rtol in a few unstable directions
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    assert adjoint.reverse_error is not None
    assert adjoint.reverse_error < 1e-6


@MODELS
def test_adaptive_steps_give_the_same_gradient_at_the_level_of_their_tolerance(make) -> None:  # type: ignore[no-untyped-def]
    fine = TableauSolver(tableau=DOPRI5, rtol=1e-9, atol=1e-11)
    x, selection = somewhere(make()), everything(make())
    _, discrete = make("discrete", solver=fine).trial(x, selection).gradient()
    _, forward = make("forward", solver=fine).trial(x, selection).gradient()
    # each is off by some hundred tolerances of its own steps
    np.testing.assert_allclose(discrete, forward, rtol=1e-6, atol=1e-6 * np.abs(forward).max())


def test_jacobians_of_a_network_are_those_of_autograd() -> None:
    import torch

    model = neural()
    x, rng = somewhere(model), np.random.default_rng(6)
    rhs = model.rhs(x, np.arange(3))
    t, y, row = rng.uniform(0, 1, 5), rng.normal(size=(5, 2)), np.array([0, 1, 2, 2, 0])
    (f_y, f_p), values = rhs.jacobians(t, y, row, t), rhs(t, y, row, t)
    module, table = model.module, model.inputs
    assert module is not None
    assert table is not None
    module.requires_grad_()
    torch.nn.utils.vector_to_parameters(torch.from_numpy(model.columns.parameters(x)), module.parameters())
    for line in range(5):
        one = [torch.from_numpy(a[[line]]) for a in (t[:, None], y, table(t, row, t), model.covariates[row])]  # type: ignore[index]
        one[1].requires_grad_()
        f = module(*one)[0]
        # a product over several lines may add in another order than one over one line: a few roundings of sums of 1
        np.testing.assert_allclose(values[line], f.detach().numpy(), rtol=1e-13, atol=1e-15)
        for s in range(2):
            by_y, *by_weights = torch.autograd.grad(f[s], [one[1], *module.parameters()], retain_graph=True)
            # the same products in another order
            np.testing.assert_allclose(f_y[line, s], by_y[0].numpy(), rtol=1e-13, atol=1e-15)
            flat = torch.cat([g.reshape(-1) for g in by_weights]).numpy()
            np.testing.assert_allclose(f_p[line, s], flat, rtol=1e-13, atol=1e-15)


@MODELS
def test_a_right_hand_sides_pullback_is_its_transposed_jacobian(make) -> None:  # type: ignore[no-untyped-def]
    model, rng = make(), np.random.default_rng(8)
    rhs = model.rhs(somewhere(model), np.arange(3))
    t, y, g = rng.uniform(0, 1, 6), rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    row = np.array([0, 2, 1, 1, 0, 2])
    f_y, f_p = rhs.jacobians(t, y, row, t)
    by_y, by_p = rhs.pullback(t, y, row, t, g)
    np.testing.assert_allclose(by_y, np.einsum("ls,lsj->lj", g, f_y), rtol=1e-13, atol=1e-15)
    lines = np.einsum("ls,lsp->lp", g, f_p)
    if len(by_p) == 1:  # weights are shared: one sum
        lines, row = lines.sum(axis=0, keepdims=True), np.zeros(1, dtype=int)
    expected = np.zeros_like(by_p)
    np.add.at(expected, row, lines)
    np.testing.assert_allclose(by_p, expected, rtol=1e-12, atol=1e-14)


def test_chunks_of_lines_change_no_jacobian(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rng = neural(), np.random.default_rng(9)
    rhs = model.rhs(somewhere(model), np.arange(3))
    t, y, row = rng.uniform(0, 1, 7), rng.normal(size=(7, 2)), np.zeros(7, dtype=int)
    whole = rhs.jacobians(t, y, row, t)
    monkeypatch.setattr(type(rhs), "CHUNK", 1)
    for a, b in zip(whole, rhs.jacobians(t, y, row, t), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-16)


def test_a_prior_on_weights_is_one_residual_each_and_part_of_value_and_gradient() -> None:
    from workbench.fitting.objective import Prior, TrajectoryObjective

    data = ragged(np.random.default_rng(4), ("x", "y"), driven=False)
    problem = Problem("data").with_data(data, "none")
    field = installed().make("dynamics", "mlp", {"hidden": (3,), "decay": 0.3}).build(problem, np.random.default_rng(0))
    model = Model(problem, field, TableauSolver(tableau=RK4, step=0.1), installed().make("loss", "mse"))
    objective, x = Prior(TrajectoryObjective(model, everything(model)), model.unknowns.shrink), somewhere(model)
    weights = x[model.unknowns.mask("weights")]
    plain = model.trial(x, everything(model)).value()
    assert objective.value(x) == pytest.approx(plain + 0.15 * float(weights @ weights), rel=1e-14)
    line, (value, g) = objective.linearize(x), objective.gradient(x)
    assert line.value == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(line.vjp(line.residuals), g, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(directions(x) @ g, along(objective.value, x, directions(x)), rtol=1e-9, atol=1e-10)


@MODELS
def test_a_right_hand_sides_own_jacobian_is_the_one_among_both(make) -> None:  # type: ignore[no-untyped-def]
    model, rng = make(), np.random.default_rng(9)
    rhs = model.rhs(somewhere(model), np.arange(3))
    t, y, row = rng.uniform(0, 1, 6), rng.normal(size=(6, 2)), np.array([0, 1, 2, 2, 0, 1])
    # the same sums, by another product
    np.testing.assert_allclose(rhs.state_jacobian(t, y, row, t), rhs.jacobians(t, y, row, t)[0], rtol=1e-12, atol=1e-14)


@MODELS
def test_second_derivatives_along_a_direction_are_differences_of_first_ones(make) -> None:  # type: ignore[no-untyped-def]
    model, rng = make(), np.random.default_rng(10)
    x = somewhere(model)
    rhs = model.rhs(x, np.arange(3))
    if rhs.inputs is not None:
        shift = np.arange(rhs.inputs(np.zeros(1), np.zeros(1, int), np.zeros(1)).shape[1])
        rhs.inputs = lambda t, row, middle: np.sin((t + row)[:, None] + shift)
        rhs.inputs_slope = lambda t, row, middle: np.cos((t + row)[:, None] + shift)
    t, y, row = rng.uniform(0, 1, 6), rng.uniform(1, 2, (6, 2)), np.array([0, 1, 2, 2, 0, 1])
    w, tau, g, h = rng.normal(size=(6, 2)), rng.normal(size=6), rng.normal(size=(6, 2)), 1e-5
    up, down = (rhs.jacobians(t + s * tau, y + s * w, row, t) for s in (h, -h))
    by_y, by_p = rhs.second_jacobians(t, y, row, t, w, tau)
    for found, above, below in zip((by_y, by_p), up, down, strict=True):
        # central differences: h² = 1e-10 of the derivative, and a rounding over h = 1e-11 of its terms
        rounding = 1e-10 * max(1, np.abs(above).max())
        np.testing.assert_allclose(found, (above - below) / (2 * h), rtol=1e-7, atol=rounding)
    alone = rhs.second_jacobians(t, y, row, t, w, tau, False)[0]
    np.testing.assert_allclose(alone, by_y, rtol=1e-12, atol=1e-15 * np.abs(by_y).max())  # products over more lines
    product, summed = rhs.second_products(t, y, row, t, w, tau, g)
    np.testing.assert_allclose(product, np.einsum("ls,lsj->lj", g, by_y), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(summed.sum(axis=0), np.einsum("ls,lsp->p", g, by_p), rtol=1e-12, atol=1e-13)
    slope = (rhs(t + h, y, row, t) - rhs(t - h, y, row, t)) / (2 * h)
    np.testing.assert_allclose(rhs.slope_in_time(t, y, row, t), slope, rtol=1e-7, atol=1e-9)
