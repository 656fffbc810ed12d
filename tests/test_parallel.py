"""All steps at once: what one step after the other gives, or step by step where Newton's method does not converge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from workbench_runge_kutta.classical import HEUN2, RK4
from workbench_runge_kutta.dormand_prince import DOPRI5
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.engine import TableauSolver, parallel
from workbench.engine.grid import Grid
from workbench.engine.in_turn import in_turn
from workbench.engine.recursion import Banded, Halving, substituted
from workbench.errors.numerics import GradientUnavailable
from workbench.solving import Prepared, Signal, Solution, prepare, solve

RK = TableauSolver(RK4)
TS = torch.linspace(0.0, 4.0, 41, dtype=torch.float64)
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is present")),
]


class Rows(torch.nn.Module):
    """A network over rows, with time."""

    def __init__(self, states: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(states, 8), torch.nn.Tanh(), torch.nn.Linear(8, states))
        self.double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.layers(y) - 0.3 * y + torch.sin(t)


class OneState(torch.nn.Module):
    """Written for one state at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = torch.nn.Parameter(torch.tensor([1.1, 0.4], dtype=torch.float64))

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.rate[0] * y[1] * torch.cos(y[0]), -self.rate[1] * y[0] - 0.1 * y[1] ** 3])


class Image(torch.nn.Module):
    """States with two axes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mix = torch.nn.Linear(3, 3).double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.mix(y)) - 0.5 * y


def moved(f: torch.nn.Module, by: float, seed: int) -> None:
    """Every parameter takes a step of this size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in f.parameters():
            p += (by * torch.randn(p.shape, generator=generator, dtype=torch.float64).sign()).to(p)


def gradients(found: Solution, wanted: list[torch.Tensor]) -> list[torch.Tensor]:
    """Of a fixed weighting of ys, which may hold NaN."""
    weights = torch.cos(torch.arange(found.ys.numel())).to(found.ys).reshape(found.ys.shape)
    return list(torch.autograd.grad((found.ys * weights).nan_to_num().sum(), wanted))


def agree(
    ready: Prepared, f: Any, y0: torch.Tensor, ts: Any, solver: TableauSolver, states: float, by: float, **options: Any
) -> int:
    """Holds a handle to `solve` in states and gradients, relative to the largest; the evaluations it took."""
    start = y0.clone().requires_grad_()
    wanted = [start, *f.parameters()] if isinstance(f, torch.nn.Module) else [start]
    found, direct = ready(start), solve(f, start, ts, solver, **options)
    assert found.status == direct.status
    size = float(direct.ys.detach().nan_to_num().abs().max())
    torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=states * size, equal_nan=True)
    for a, b in zip(gradients(found, wanted), gradients(direct, wanted), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=by * float(b.abs().max()))
    return int(found.stats["newton"])


@pytest.mark.parametrize(
    ("make", "shape"),
    [(Rows, (2,)), (Rows, (3, 2)), (lambda: Rows(5), (5,)), (OneState, (2,)), (OneState, (2, 2)), (Image, (1, 2, 3))],
    ids=["one", "three", "five states", "mapped", "mapped, two", "two axes"],
)
@pytest.mark.parametrize("tableau", [RK4, HEUN2, TSIT5], ids=lambda tableau: tableau.name)
def test_all_steps_at_once_are_the_steps_one_by_one(
    make: Callable[[], torch.nn.Module], shape: tuple[int, ...], tableau: Any
) -> None:
    f, solver = make(), TableauSolver(tableau, step=0.1)
    y0 = torch.sin(torch.arange(1.0, 1 + np.prod(shape), dtype=torch.float64)).reshape(shape)
    ready = prepare(f, TS, solver, engine="torch")
    assert agree(ready, f, y0, TS, solver, 1e-13, 1e-12) == 0, "the first is solved step by step"
    for seed in range(3):
        moved(f, 3e-3, seed)
        assert 0 < agree(ready, f, y0, TS, solver, 1e-10, 1e-9) <= 8


@pytest.mark.parametrize("tableau", [TSIT5, DOPRI5], ids=lambda tableau: tableau.name)
@pytest.mark.parametrize("rows", [0, 2])
def test_a_mesh_is_repeated_at_once_with_observations_inside_of_steps(tableau: Any, rows: int) -> None:
    f, solver = Rows(), TableauSolver(tableau, rtol=1e-6)
    y0 = torch.sin(torch.arange(2.0 * max(rows, 1), dtype=torch.float64)).reshape(*[rows] * bool(rows), 2)
    ts = torch.cat([TS, torch.tensor([20.0], dtype=torch.float64)])
    mesh = solve(f, y0, ts, solver).mesh
    ready = prepare(f, ts, solver, replay=mesh, engine="torch")
    for seed in range(3):
        newton = agree(ready, f, y0, ts, solver, 1e-10, 1e-9, replay=mesh)
        assert (newton > 0) == (seed > 0)
        moved(f, 3e-3, seed)


def test_trajectories_at_different_times_of_different_number() -> None:
    ts = torch.stack([TS, 2 * TS + 1, TS.flip(0)])
    ts[1, 30:] = torch.nan
    f = Rows()
    y0 = torch.tensor([[0.1, 0.2], [1.0, -1.0], [0.5, 0.0]], dtype=torch.float64)
    ready = prepare(f, ts, RK, engine="torch")
    for seed in range(3):
        assert (agree(ready, f, y0, ts, RK, 1e-10, 1e-9) > 0) == (seed > 0)
        moved(f, 3e-3, seed)


@pytest.mark.parametrize("interpolation", ["hold", "linear"])
def test_inputs_are_looked_up_in_every_step(interpolation: Any) -> None:
    class Driven(Rows):
        def forward(self, t: torch.Tensor, y: torch.Tensor, u: torch.Tensor | None = None) -> torch.Tensor:
            assert u is not None
            return self.layers(y) - 0.3 * y + u

    signal, f = Signal([0.0, 1.55, 3.0], [0.0, 1.0, -1.0], interpolation), Driven()
    y0 = torch.tensor([0.3, -0.8], dtype=torch.float64)
    ready = prepare(f, TS, RK, engine="torch", inputs=signal)
    for seed in range(2):
        assert (agree(ready, f, y0, TS, RK, 1e-10, 1e-9, inputs=signal) > 0) == (seed > 0)
        moved(f, 3e-3, seed)


def test_what_f_closes_over_gets_its_gradient_at_every_call() -> None:
    """A leaf and a tensor computed from a leaf: dy/dt = (a + b²) y."""
    a = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    square = b * b
    ready = prepare(lambda t, y: (a + square) * y, torch.linspace(0, 1, 33, dtype=torch.float64), RK)
    for n in range(3):
        found = ready(torch.ones(1, dtype=torch.float64))
        assert (found.stats["newton"] > 0) == (n > 0)
        g_a, g_b = torch.autograd.grad(found.ys[-1].sum(), [a, b])
        # rk4 with h = 1/32 errs by h⁴/120 of the rate to the fifth power
        assert float(g_a) == pytest.approx(np.exp(0.35), rel=1e-8)
        assert float(g_b) == pytest.approx(np.exp(0.35), rel=1e-8)


class Spiral(torch.nn.Module):
    """dy/dt = y³ A + driven · sin t: how fast it turns depends on where it is."""

    def __init__(self, driven: float) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.float64))
        self.driven = driven
        self.turn(2.0)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return y**3 @ self.a + self.driven * torch.sin(t)

    def turn(self, rate: float) -> None:
        with torch.no_grad():
            self.a.copy_(torch.tensor([[-0.1, rate], [-rate, -0.1]]))


@pytest.mark.parametrize("driven", [0.0, 0.05], ids=["alone", "driven"])
@pytest.mark.parametrize("left_out", [None, 300], ids=["equal steps", "one is longer"])
def test_a_trajectory_that_moves_far_is_found_along_the_time_axis(driven: float, left_out: int | None) -> None:
    """Some 20 rad are turned in all: 4 % of them is most of a radian, which the linear recursion knows nothing of."""
    f, y0 = Spiral(driven), torch.tensor([2.0, 0.0], dtype=torch.float64)
    times = [n for n in range(501) if n != left_out]
    ts = torch.linspace(0.0, 25.0, 501, dtype=torch.float64)[times]
    ready = prepare(f, ts, RK, engine="torch")
    last: torch.Tensor | None = None
    for rate in (2.0, 2.08, 1.96, 2.05):
        f.turn(rate)
        # what is left of the states' error moves the gradient by up to a hundred times as much
        newton = agree(ready, f, y0, ts, RK, 1e-10, 1e-8)
        assert (newton > 0) == (last is not None)
        ys = solve(f, y0, ts, RK).ys.detach()
        assert last is None or float((ys - last).abs().max()) > 0.15 * 2.0
        last = ys


def test_single_precision_is_found_along_the_time_axis_too() -> None:
    f, y0, ts = Spiral(0.0).float(), torch.tensor([2.0, 0.0]), torch.linspace(0.0, 25.0, 501)
    ready = prepare(f, ts, RK, engine="torch")
    for number, rate in enumerate((2.0, 2.08, 1.96)):
        f.turn(rate)
        # twice the tolerance: the solve step by step is as far from exact steps, by rounding
        assert (agree(ready, f, y0, ts, RK, 2e-5, 1e-3) > 0) == (number > 0)


@pytest.mark.parametrize("tableau", [RK4, HEUN2, TSIT5], ids=lambda tableau: tableau.name)
@pytest.mark.parametrize("rows", [1, 3])
def test_steps_in_turn_are_those_of_the_loop_to_the_bit(tableau: Any, rows: int) -> None:
    f, solver = Rows(), TableauSolver(tableau, step=0.1)
    y0 = torch.sin(torch.arange(2.0 * rows, dtype=torch.float64)).reshape(rows, 2)
    found = solve(f, y0, TS, solver)
    assert found.mesh is not None
    grid = Grid(solver, found.mesh, np.tile(TS.numpy(), (rows, 1)), y0)
    pool = in_turn(tableau, grid, lambda time, y, *_: f(time[:, None], y), y0.numpy())
    assert pool is not None
    torch.testing.assert_close(grid.observed(pool, None), found.ys.detach(), rtol=0, atol=0)


@pytest.mark.parametrize("by", [0.3, 3.0])
def test_a_bad_start_is_no_worse_than_none(by: float) -> None:
    """Parameters that change wildly, back and forth."""
    f, y0 = Rows(), torch.tensor([0.3, -0.8], dtype=torch.float64)
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(4):
        agree(ready, f, y0 * (1 + seed), TS, RK, 1e-10, 1e-9)
        moved(f, by, seed)


def test_a_stale_start_at_rest_is_not_believed() -> None:
    """At y = 0 nothing changes with the rate, and the old matrices know only of the old rate."""
    rate = torch.nn.Parameter(torch.tensor(-2.0, dtype=torch.float64))
    module = torch.nn.ParameterList([rate])

    class Growth(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = module

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.held[0] * y

    f = Growth()
    ready = prepare(f, TS, RK, engine="torch")
    agree(ready, f, torch.tensor([0.0, 0.0], dtype=torch.float64), TS, RK, 1e-10, 1e-9)
    rate.data += 4.0
    for tiny in (0.0, 1e-12, 1e-3):
        agree(ready, f, torch.tensor([tiny, 0.0], dtype=torch.float64), TS, RK, 1e-10, 1e-9)


def test_chaos_is_solved_step_by_step() -> None:
    """Lorenz for 60 time units: errors grow by e^54, so that no two roundings of the trajectory agree."""

    class Lorenz(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.p = torch.nn.Parameter(torch.tensor([10.0, 28.0, 8 / 3], dtype=torch.float64))

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            x, v, z = y.unbind(-1)
            s, r, b = self.p
            return torch.stack([s * (v - x), x * (r - z) - v, x * v - b * z], dim=-1)

    f, y0 = Lorenz(), torch.tensor([1.0, 1.0, 20.0], dtype=torch.float64)
    ts = torch.linspace(0, 60, 2401, dtype=torch.float64)
    ready = prepare(f, ts, RK, engine="torch")
    for seed in range(2):
        with torch.no_grad():
            found, direct = ready(y0), solve(f, y0, ts, RK)
        assert found.stats["newton"] == 0
        torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=0)
        moved(f, 1e-3, seed)


@pytest.mark.parametrize(
    ("f", "shape", "options"),
    [
        (Rows(17), (17,), {}),
        (lambda t, y: -y + y[:, :1].mean(), (3, 2), {}),
        (lambda t, y: -y, (2,), {"gradient": "adjoint"}),
        (lambda t, y: -y, (2,), {"checkpoints": True}),
        (lambda t, y: -y, (2,), {"deadline": 60.0}),
        (lambda t, y: -y, (2,), {"steps": True}),
    ],
    ids=["large", "joined rows", "adjoint", "checkpoints", "deadline", "steps"],
)
def test_what_does_not_fit_goes_step_by_step(f: Any, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    y0 = torch.sin(torch.arange(1.0, 1 + np.prod(shape), dtype=torch.float64)).reshape(shape)
    ready = prepare(f, TS, RK, engine="torch", **options)
    for _ in range(2):
        found = ready(y0)
        assert found.stats["newton"] == 0
        torch.testing.assert_close(found.ys, solve(f, y0, TS, RK).ys, rtol=0, atol=0)


def test_a_module_that_says_that_its_rows_are_joined_goes_step_by_step() -> None:
    f = Rows()
    f.rowwise = False  # type: ignore[assignment]
    ready = prepare(f, TS, RK, engine="torch")
    for _ in range(2):
        assert ready(torch.ones(2, dtype=torch.float64)).stats["newton"] == 0


def test_few_steps_and_steps_that_the_solver_chooses_go_step_by_step() -> None:
    y0 = torch.ones(2, dtype=torch.float64)
    for ts, solver in ((TS[:5], RK), (TS, TableauSolver(TSIT5))):
        ready = prepare(Rows(), ts, solver, engine="torch")
        assert [ready(y0).stats["newton"] for _ in range(2)] == [0, 0]


def test_a_failure_is_told_as_step_by_step_and_forgotten() -> None:
    rate = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)

    def f(t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return rate * y**2

    ready = prepare(f, TS, RK, engine="torch")
    for start in (0.2, 0.9, 0.2, 0.21, np.nan):
        y0 = torch.full((1,), start, dtype=torch.float64)
        found, direct = ready(y0), solve(f, y0, TS, RK)
        assert (found.status, found.message) == (direct.status, direct.message)
        assert found.status == ("ok" if start < 0.25 else "not_finite" if np.isnan(start) else "blew_up")
        torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=1e-9, equal_nan=True)
        a, b = (gradients(each, [rate])[0] for each in (found, direct))
        torch.testing.assert_close(a, b)


def test_the_gradient_can_be_taken_once() -> None:
    ready = prepare(Rows(), TS, RK, engine="torch")
    for _ in range(2):
        y0 = torch.ones(2, dtype=torch.float64, requires_grad=True)
        (g,) = torch.autograd.grad(ready(y0).ys.sum(), y0, create_graph=True)
        with pytest.raises(GradientUnavailable, match="once, not twice"):
            torch.autograd.grad(g.sum(), y0)


def test_a_solution_is_not_changed_by_later_solves_nor_they_by_it() -> None:
    f, y0 = Rows(), torch.ones(2, dtype=torch.float64)
    ready = prepare(f, TS, RK, engine="torch")
    with torch.no_grad():
        found = [ready(y0).ys for _ in range(2)]
        kept = [ys.clone() for ys in found]
        found[1].zero_()
        later = ready(y0).ys
    torch.testing.assert_close(found[0], kept[0], rtol=0, atol=0)
    torch.testing.assert_close(later, kept[1], rtol=1e-12, atol=0)


def test_parameters_that_change_before_the_gradient_is_taken_are_noticed() -> None:
    f, y0 = Rows(), torch.ones(2, dtype=torch.float64)
    ready = prepare(f, TS, RK, engine="torch")
    for _ in range(2):
        ys = ready(y0).ys
        moved(f, 1e-3, 0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            ys.sum().backward()


def test_gradients_of_two_solves_do_not_mix() -> None:
    f, y0 = Rows(), torch.ones(2, dtype=torch.float64)
    ready, parameters = prepare(f, TS, RK, engine="torch"), list(f.parameters())
    ready(y0)
    one, two = ready(y0), ready(2 * y0)
    backwards = [gradients(each, parameters) for each in (two, one)][::-1]
    for found, scale in zip(backwards, (1.0, 2.0), strict=True):
        expected = gradients(solve(f, scale * y0, TS, RK), parameters)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_single_precision_stays_single() -> None:
    f = Rows().float()
    ts, y0 = torch.linspace(0.0, 4.0, 201), torch.tensor([0.3, -0.8])
    ready = prepare(f, ts, RK, engine="torch")
    for seed in range(4):
        newton = agree(ready, f, y0, ts, RK, 1e-5, 1e-4)
        assert (newton > 0) == (seed > 0)
        assert ready(y0).ys.dtype == torch.float32
        moved(f, 1e-3, seed)


def test_what_rounding_leaves_is_not_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a tolerance of two units of rounding changes stay as large as they are, now above it and now below."""
    monkeypatch.setitem(parallel.TOLERANCE, torch.float32, 1e-7)
    f, ts, y0 = Rows().float(), torch.linspace(0.0, 4.0, 201), torch.tensor([0.3, -0.8])
    ready = prepare(f, ts, RK, engine="torch")
    ready(y0)
    for seed in range(8):
        moved(f, 1e-3, seed)
        # four or five; without the rule one of them takes nine
        assert 0 < int(ready(y0).trajectory.stats["newton"]) <= 6


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("lines", [1, 2, 3, 16, 37])
def test_halving_is_substitution(lines: int, device: str) -> None:
    torch.manual_seed(lines)
    matrices = torch.randn(lines, 3, 3, dtype=torch.float64)
    matrices[0] = 0
    matrices[lines // 2] = 0  # where another trajectory begins
    r = torch.randn(lines, 3, dtype=torch.float64)
    one, other = Banded(matrices), Halving(matrices.to(device))
    for way in ("forward", "backward"):
        expected = getattr(one, way)(r)
        # products of matrices of size √3 in another order: rounding of each, times their growth
        slack = 1e-13 * float(expected.abs().max())
        torch.testing.assert_close(getattr(other, way)(r.to(device)).cpu(), expected, rtol=0, atol=slack)
    np.testing.assert_array_equal(substituted(matrices.numpy(), r.numpy()), one.forward(r).numpy())


def test_a_solve_by_halving_is_the_solve_by_substitution(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU would do, on the CPU: only the recursion is another."""
    monkeypatch.setattr("workbench.engine.parallel.recursion", Halving)
    f, y0 = Rows(), torch.tensor([[0.3, -0.8], [1.0, 0.2]], dtype=torch.float64)
    ready = prepare(f, TS, RK, engine="torch")
    for seed in range(2):
        assert (agree(ready, f, y0, TS, RK, 1e-10, 1e-9) > 0) == (seed > 0)
        moved(f, 3e-3, seed)


@pytest.mark.parametrize("device", DEVICES)
def test_states_stay_on_their_device(device: str) -> None:
    f = Rows().to(device)
    y0, ready = torch.ones(2, dtype=torch.float64, device=device), prepare(f, TS, RK, engine="torch")
    for seed in range(2):
        ys = ready(y0).ys
        assert ys.device.type == device
        ys.sum().backward()
        moved(f, 1e-3, seed)
    assert agree(ready, f, y0, TS, RK, 1e-10, 1e-9) > 0
