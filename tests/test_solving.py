"""`solve` for bare functions: how f is read, what comes back, and its gradients."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from workbench_runge_kutta.classical import RK4
from workbench_runge_kutta.dormand_prince import DOPRI5
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.engine import StepSolver, TableauSolver
from workbench.errors.numerics import GradientUnavailable, RhsUnreadable
from workbench.errors.usage import UnknownSetting
from workbench.registry import installed
from workbench.solving import solve

SOLVER = TableauSolver(TSIT5, rtol=1e-9, atol=1e-11)
TS = np.linspace(0.0, 2.0, 5)
MODES = pytest.mark.parametrize("mode", ["discrete", "backprop", "adjoint", "forward"])
ON_A_MESH = pytest.mark.parametrize("mode", ["discrete", "backprop", "forward"])


def turn(t: np.ndarray) -> np.ndarray:
    """The oscillator from (0, 1)."""
    return np.stack([np.sin(t), np.cos(t)], axis=-1)


# --- reading f ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda t, y: [y[1], -y[0]],
        lambda t, y: np.array([y[1], -y[0]]),
        lambda t, y: y @ np.array([[0.0, -1.0], [1.0, 0.0]]),
        lambda t, y: np.stack([y[..., 1], -y[..., 0]], axis=-1),
    ],
    ids=["list", "one state", "product", "any rows"],
)
def test_numpy_functions_of_one_state_or_of_rows_are_read_alike(f) -> None:  # type: ignore[no-untyped-def]
    one = solve(f, [0.0, 1.0], TS, SOLVER)
    assert one.status == "ok"
    assert one.ok is True
    assert isinstance(one.ys, np.ndarray)
    np.testing.assert_allclose(one.ys, turn(TS), atol=1e-7)
    two = solve(f, np.array([[0.0, 1.0], [0.0, 2.0]]), TS, SOLVER)  # as many rows as states: the trap
    np.testing.assert_allclose(two.ys, np.stack([turn(TS), 2 * turn(TS)]), atol=1e-7)
    assert two.status == ("ok", "ok")


@pytest.mark.parametrize(
    "f",
    [
        lambda t, y: torch.stack([y[1], -y[0]]),
        lambda t, y: y @ torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=y.dtype),
        lambda t, y: torch.stack([y[:, 1], -y[:, 0]], dim=1),
    ],
    ids=["one state", "product", "rows"],
)
@pytest.mark.parametrize("rows", [2, 3])
def test_torch_functions_of_one_state_or_of_rows_are_read_alike(f, rows: int) -> None:  # type: ignore[no-untyped-def]
    y0 = torch.tensor([[0.0, 1.0]], dtype=torch.float64) * torch.arange(1, rows + 1)[:, None]
    found = solve(f, y0, torch.from_numpy(TS), SOLVER)
    expected = turn(TS)[None] * np.arange(1, rows + 1)[:, None, None]
    np.testing.assert_allclose(found.ys.numpy(), expected, atol=1e-7)


def test_time_is_never_mistaken_for_a_row_or_a_state() -> None:
    """-y + sin(t) with two states in two trajectories: t must not be spread over the states."""
    y0 = np.array([[1.0, 2.0], [3.0, 4.0]])
    ts = np.array([[0.0, 1.0], [5.0, 6.0]])

    def exact(t: float, t0: float, start: float) -> float:
        def part(t: float) -> float:
            return (np.sin(t) - np.cos(t)) / 2

        return part(t) + (start - part(t0)) * np.exp(-(t - t0))

    for f, y in ((lambda t, y: -y + np.sin(t), y0), (lambda t, y: -y + torch.sin(t), torch.from_numpy(y0))):
        found = solve(f, y, ts, SOLVER)
        for i in range(2):
            for j in range(2):
                assert float(found.ys[i, 1, j]) == pytest.approx(exact(ts[i, 1], ts[i, 0], y0[i, j]), abs=1e-7)


def test_rows_that_influence_each_other_share_their_steps() -> None:
    module = torch.nn.BatchNorm1d(2).double().train()

    class Normed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = module

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return -self.norm(y)

    y0 = torch.tensor([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.0]], dtype=torch.float64)
    found = solve(Normed(), y0, torch.tensor([0.0, 0.5]), SOLVER)
    assert found.ys.shape == (3, 2, 2)
    assert found.status == "ok", "one system, one status"


def test_a_function_that_fits_no_reading_is_refused_with_its_own_error_behind() -> None:
    with pytest.raises(RhsUnreadable, match=r"shape of y, \(2,\)") as refused:
        solve(lambda t, y: y @ np.ones((3, 3)), [0.0, 1.0], TS, SOLVER)
    assert isinstance(refused.value.__cause__, ValueError)


def test_an_image_is_one_trajectory_with_an_axis_before_it() -> None:
    convolution = torch.nn.Conv2d(2, 2, 3, padding=1).double()

    class Flow(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = convolution

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.convolution(y)) + t

    y0 = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    found = solve(Flow(), y0, torch.tensor([0.0, 0.1, 0.2]), SOLVER)
    assert found.ys.shape == (1, 3, 2, 5, 5)
    found.ys.square().sum().backward()
    assert convolution.weight.grad is not None
    assert torch.isfinite(convolution.weight.grad).all()


def test_extra_arguments_come_after_t_and_y() -> None:
    found = solve(
        lambda t, y, u, p: -p["k"] * y + u,
        [1.0],
        TS,
        SOLVER,
        inputs=lambda t, row, middle: np.ones((len(t), 1)),
        params={"k": 2.0},
    )
    np.testing.assert_allclose(found.ys[:, 0], 0.5 + 0.5 * np.exp(-2 * TS), atol=1e-8)


def test_settings_of_one_solve_override_the_solvers() -> None:
    rough = solve(lambda t, y: -y, [1.0], TS, SOLVER, rtol=1e-3)
    fine = solve(lambda t, y: -y, [1.0], TS, SOLVER)
    assert rough.stats["accepted"] < fine.stats["accepted"]
    with pytest.raises(UnknownSetting, match="step"):
        solve(lambda t, y: -y, [1.0], TS, installed().make("solver", "scipy_radau"), step=0.1)


def test_a_failure_is_a_status_with_missing_states_after_it() -> None:
    found = solve(lambda t, y: y**2, np.array([[1.0], [0.1]]), TS, SOLVER)
    assert found.status == ("blew_up", "ok")
    assert np.isnan(found.ys[0, -1]).all()
    assert np.isfinite(found.ys[1]).all()
    assert "t = 1" in found.message[0]


def test_numpy_in_is_numpy_out_and_torch_stays_unloaded() -> None:
    code = (
        "import sys, numpy as np\n"
        "from workbench.solving import solve\n"
        "from workbench.engine import TableauSolver\n"
        "from workbench_runge_kutta.methods import METHODS\n"
        "ys = solve(lambda t, y: [y[1], -y[0]], [0.0, 1.0], [0.0, 1.0], TableauSolver(METHODS[-1])).ys\n"
        "assert isinstance(ys, np.ndarray) and 'torch' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_module_takes_and_gives_numpy_too() -> None:
    class Decay(torch.nn.Module):
        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return -y

    found = solve(Decay(), np.array([1.0]), TS, SOLVER)
    assert isinstance(found.ys, np.ndarray)
    np.testing.assert_allclose(found.ys[:, 0], np.exp(-TS), atol=1e-8)


# --- gradients ---------------------------------------------------------------------------------------------------


class Network(torch.nn.Module):
    """A small network beside a sine of time."""

    def __init__(self, states: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(states, 6), torch.nn.Tanh(), torch.nn.Linear(6, states)
        ).double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.layers(y) - 0.3 * y + torch.sin(t)


def gradients(f, y0, ts, mode: str, solver=SOLVER, hold=(), **options):  # type: ignore[no-untyped-def]
    """The gradient of a fixed weighting of ys in y0, then in `hold`."""
    start = y0.clone().requires_grad_()
    found = solve(f, start, ts, solver, gradient=mode, **options)
    weights = torch.cos(torch.arange(found.ys.numel(), dtype=torch.float64)).reshape(found.ys.shape)
    return torch.autograd.grad((found.ys * weights).nan_to_num().sum(), [start, *hold])


@pytest.mark.parametrize("states", [2, 20], ids=["small: step matrices", "large: step by step"])
@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("tableau", [RK4, DOPRI5, TSIT5], ids=lambda tableau: tableau.name)
def test_the_discrete_gradient_is_backpropagation_on_the_same_mesh(states: int, rows: int, tableau) -> None:  # type: ignore[no-untyped-def]
    f = Network(states)
    y0 = torch.sin(torch.arange(states * max(rows, 1), dtype=torch.float64)).reshape(*[rows] * bool(rows), states)
    ts, solver = torch.from_numpy(TS), TableauSolver(tableau, rtol=1e-6)
    mesh = solve(f, y0, ts, solver).mesh
    hold = tuple(f.parameters())
    discrete = gradients(f, y0, ts, "discrete", solver, hold, replay=mesh)
    backprop = gradients(f, y0, ts, "backprop", solver, hold, replay=mesh)
    for a, b in zip(discrete, backprop, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12 * float(b.abs().max()))


@ON_A_MESH
def test_gradients_are_central_differences_of_a_replay(mode: str) -> None:
    f, ts = Network(), torch.from_numpy(TS)
    y0 = torch.tensor([0.3, -0.8], dtype=torch.float64)
    mesh = solve(f, y0, ts, SOLVER).mesh
    weight = f.layers[0].weight
    found = gradients(f, y0, ts, mode, hold=(weight,), replay=mesh)

    def value() -> float:
        with torch.no_grad():
            ys = solve(f, y0, ts, SOLVER, replay=mesh).ys
        return float((ys * torch.cos(torch.arange(ys.numel(), dtype=torch.float64)).reshape(ys.shape)).sum())

    for tensor, gradient in ((y0, found[0]), (weight, found[1])):
        flat = tensor.data.view(-1)
        for i in range(0, len(flat), 3):
            before, h = float(flat[i]), 1e-5
            flat[i] = before + h
            up = value()
            flat[i] = before - h
            difference = (up - value()) / (2 * h)
            flat[i] = before
            # h² of third derivatives of size 1, and 1e-15/h of rounding
            assert float(gradient.reshape(-1)[i]) == pytest.approx(difference, abs=1e-8)


@MODES
def test_what_f_closes_over_gets_its_gradient(mode: str) -> None:
    """A leaf, a tensor computed from a leaf, and params: all of dy/dt = (a + b² + c) y."""
    a = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    c = torch.tensor(-0.2, dtype=torch.float64, requires_grad=True)
    square = b * b
    y0, ts = torch.ones(1, dtype=torch.float64), torch.tensor([0.0, 1.0], dtype=torch.float64)
    found = solve(lambda t, y, p: (a + square + p) * y, y0, ts, SOLVER, gradient=mode, params=c)
    found.ys[-1].sum().backward()
    expected = np.exp(0.1 + 0.25 - 0.2)
    for leaf, factor in ((a, 1.0), (b, 2 * 0.5), (c, 1.0)):
        assert float(leaf.grad) == pytest.approx(factor * expected, rel=1e-7)


@MODES
def test_the_times_asked_for_have_gradients_too(mode: str) -> None:
    """dy/dt = −y from t0: ∂y(t)/∂t = −y(t), ∂y(t)/∂t0 = y(t)."""
    ts = torch.tensor([0.2, 0.7, 1.5], dtype=torch.float64, requires_grad=True)
    found = solve(lambda t, y: -y, torch.ones(2, dtype=torch.float64), ts, SOLVER, gradient=mode)
    (gradient,) = torch.autograd.grad(found.ys[2, 0] + 3 * found.ys[1, 1], ts)
    late, middle = np.exp(-1.3), np.exp(-0.5)
    np.testing.assert_allclose(gradient.numpy(), [late + 3 * middle, -3 * middle, -late], rtol=1e-6)


@MODES
def test_a_failed_trajectory_takes_no_part_in_the_gradient(mode: str) -> None:
    y0 = torch.tensor([[1.0], [0.1]], dtype=torch.float64)
    (g,) = gradients(lambda t, y: y**2, y0, torch.from_numpy(TS), mode)
    assert torch.isfinite(g).all()
    assert float(g[1]) != 0


def test_the_gradient_can_be_taken_twice_by_backprop_and_only_by_it() -> None:
    y0 = torch.tensor([0.3, -0.8], dtype=torch.float64, requires_grad=True)
    for mode in ("backprop", "discrete", "adjoint", "forward"):
        found = solve(lambda t, y: -(y**3), y0, torch.from_numpy(TS), SOLVER, gradient=mode)
        (g,) = torch.autograd.grad(found.ys[-1].sum(), y0, create_graph=True)
        if mode == "backprop":
            (second,) = torch.autograd.grad(g.sum(), y0)
            y = y0.detach()
            # y(t) = y0/√(1 + 2 y0² t): ∂²y/∂y0² = −6 y0 t (1 + 2 y0² t)^(−5/2)
            torch.testing.assert_close(second, -12 * y * (1 + 4 * y**2) ** -2.5, rtol=1e-5, atol=1e-7)
        else:
            with pytest.raises(GradientUnavailable, match="once, not twice"):
                torch.autograd.grad(g.sum(), y0)


def test_single_precision_stays_single() -> None:
    f = Network().float()
    y0 = torch.tensor([0.3, -0.8], requires_grad=True)
    found = solve(f, y0, torch.tensor([0.0, 1.0]), TableauSolver(TSIT5, rtol=1e-4, atol=1e-6))
    assert found.ys.dtype == torch.float32
    found.ys.sum().backward()
    assert y0.grad is not None
    assert y0.grad.dtype == torch.float32


@pytest.mark.parametrize(
    ("solver", "mode", "named"),
    [
        ("scipy_radau", "discrete", "adjoint and forward"),
        ("scipy_radau", "backprop", "adjoint and forward"),
        ("tsit5", "exact", "discrete, backprop, adjoint and forward"),
    ],
)
def test_a_gradient_that_does_not_exist_is_refused_and_others_are_named(solver: str, mode: str, named: str) -> None:
    y0 = torch.ones(1, dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradientUnavailable) as refused:
        solve(lambda t, y: -y, y0, TS, installed().make("solver", solver), gradient=mode)  # type: ignore[arg-type]
    assert named in refused.value.help


def test_a_solver_without_gradients_still_solves_tensors() -> None:
    y0 = torch.ones(1, dtype=torch.float64)
    found = solve(lambda t, y: -y, y0, TS, installed().make("solver", "scipy_radau"))
    np.testing.assert_allclose(found.ys[:, 0].numpy(), np.exp(-TS), atol=1e-5)


def test_a_step_function_has_backpropagation() -> None:
    def midpoint(f, t, y, h, carry):  # type: ignore[no-untyped-def]
        return y + h * f(t + h / 2, y + h / 2 * f(t, y)), None, None, None, True

    y0 = torch.ones(1, dtype=torch.float64)
    (g,) = gradients(lambda t, y: -y, y0, torch.tensor([0.0, 1.0]), "backprop", StepSolver(midpoint, 2, step=0.5))
    # two steps of 1 − h + h²/2, weighted by cos 1, after the start itself, weighted by 1
    assert float(g[0]) == pytest.approx(1 + np.cos(1.0) * 0.625**2, rel=1e-14)
