"""A start for Newton's method beside the last trajectory: near the solution, whatever its clock has done."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from workbench_runge_kutta.classical import HEUN2, RK4
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.engine import TableauSolver
from workbench.engine.grid import Grid
from workbench.engine.transverse import PASSES, Beside, Differences, Transverse, _between
from workbench.solving import prepare, solve

Slope = Callable[[torch.Tensor], torch.Tensor]
TS = np.linspace(0.0, 25.0, 501)


def spiral(rate: float) -> Slope:
    """dy/dt = y³ A: how fast it turns depends on where it is."""
    a = torch.tensor([[-0.1, rate], [-rate, -0.1]])
    return lambda y: y**3 @ a.to(y)


def solved(f: Slope, y0: torch.Tensor, ts: np.ndarray, solver: TableauSolver) -> np.ndarray:
    """The states at ts."""
    return solve(lambda t, y: f(y), y0, ts, solver).ys.numpy()


def sought(
    f: Slope, before: Slope, y0: torch.Tensor, ts: np.ndarray, solver: TableauSolver, start: torch.Tensor
) -> Beside | None:
    """From `start` with f, where the last solve was that from y0 with another."""
    last = solve(lambda t, y: before(y), y0, ts, solver)
    assert last.mesh is not None
    grid = Grid(solver, last.mesh, ts[None], y0[None])
    past = last.ys.numpy()
    way = Transverse(grid)
    slopes = Differences(grid, lambda time, y, *_: f(y))
    return way.advance(slopes, start.numpy()[None], past[None], before(last.ys[:-1]).numpy())


@pytest.mark.parametrize("tableau", [RK4, HEUN2, TSIT5], ids=lambda tableau: tableau.name)
@pytest.mark.parametrize("rate", [1.8, 2.3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_turns_that_are_gained_or_lost_are_found(tableau: object, rate: float, dtype: torch.dtype) -> None:
    """Some 25 rad are turned in all; a tenth of them is no small change at any one time."""
    solver = TableauSolver(tableau, step=0.05)  # type: ignore[arg-type]
    y0, f = torch.tensor([2.0, 0.0], dtype=dtype), spiral(rate)
    found = sought(f, spiral(2.0), y0, TS, solver, y0)
    assert found is not None
    assert found.passes <= PASSES
    ys = solved(f, y0, TS, solver)
    assert np.abs(ys - solved(spiral(2.0), y0, TS, solver)).max() > 0.5
    # by so much all is late where the last pass has still changed NEAR across; for Newton's method it is near enough
    assert np.abs(found.pool - ys).max() < 0.1 * np.abs(ys).max()


def test_another_start_and_time_that_runs_backwards() -> None:
    solver, ts = TableauSolver(RK4), -TS[:301] / 10
    y0, start = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([1.03, 0.05], dtype=torch.float64)
    found = sought(spiral(1.9), spiral(2.0), y0, ts, solver, start)
    assert found is not None
    ys = solved(spiral(1.9), start, ts, solver)
    assert np.array_equal(found.pool[0], start.numpy())
    assert np.abs(found.pool - ys).max() < 0.1 * np.abs(ys).max()


def test_at_rest_there_is_no_flow_to_be_early_on() -> None:
    """A trajectory that settles where f is 0, elsewhere than the last one did."""
    y0 = torch.tensor([2.0, 1.0], dtype=torch.float64)
    goal = torch.tensor([1.0, 0.5], dtype=torch.float64)
    found = sought(lambda y: goal + 0.1 - y, lambda y: goal - y, y0, TS, TableauSolver(RK4), y0)
    assert found is not None
    assert np.abs(found.pool - solved(lambda y: goal + 0.1 - y, y0, TS, TableauSolver(RK4))).max() < 0.1


def test_what_is_not_finite_is_lost() -> None:
    y0 = torch.tensor([2.0, 0.0], dtype=torch.float64)
    assert sought(lambda y: y * torch.nan, spiral(2.0), y0, TS, TableauSolver(RK4), y0) is None
    nothing = torch.zeros(2, dtype=torch.float64)
    assert sought(spiral(2.0), spiral(2.0), nothing, TS, TableauSolver(RK4), nothing) is None


def test_a_cubic_is_interpolated_exactly_between_times_of_its_own() -> None:
    t = np.array([0.0, 0.7, 1.0, 2.4, 3.0])
    wanted = np.array([0.0, 0.5, 0.7, 1.9, 3.0])
    y, slopes = (np.stack([x(t), 2 * x(t)]) for x in (lambda t: t**3 - t, lambda t: 3 * t**2 - 1))
    expected = wanted**3 - wanted
    np.testing.assert_allclose(_between(t, y, slopes, wanted), [expected, 2 * expected], rtol=0, atol=1e-14)


def test_a_handle_finds_far_trajectories_in_few_evaluations() -> None:
    """The front along the time axis needs some ten sweeps for such changes."""
    rate = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    def f(t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        zero = torch.zeros_like(rate)
        return y**3 @ (torch.stack([zero, rate, -rate, zero]).reshape(2, 2) - 0.1 * torch.eye(2, dtype=torch.float64))

    y0, ts = torch.tensor([2.0, 0.0], dtype=torch.float64), torch.from_numpy(TS)
    ready, solver = prepare(f, ts, TableauSolver(RK4), engine="torch"), TableauSolver(RK4)
    for number, value in enumerate((2.0, 2.1, 1.9, 2.05, 1.95)):
        rate.data.fill_(value)
        found, direct = ready(y0), solve(f, y0, ts, solver)
        torch.testing.assert_close(found.ys, direct.ys, rtol=0, atol=2e-10)
        a, b = (torch.autograd.grad(each.ys[::50].sum(), rate)[0] for each in (found, direct))
        torch.testing.assert_close(a, b, rtol=1e-8, atol=0)
        assert number == 0 or 0 < found.stats["newton"] <= 9
