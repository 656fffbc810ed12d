"""Implicit and splitting methods in the loop, on methods written down here; what is offered the kit tests."""

from __future__ import annotations

import dataclasses
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from workbench_runge_kutta.leapfrog import LEAPFROG
from workbench_runge_kutta.radau import RADAU5

from workbench.contracts import SolveOptions
from workbench.engine import (
    LoopSolver,
    RosenbrockSolver,
    RosenbrockTableau,
    SplittingSolver,
    Tableau,
    TableauSolver,
    pullback,
    sensitivities,
)
from workbench.errors.numerics import NotSeparable
from workbench.measure.candidate import solved
from workbench.measure.exact import PAIR, TURNING
from workbench.testing.linear_rhs import Oscillator


def trbdf2() -> Tableau:
    """The trapezoidal rule and BDF2 in one step, γ = 2 − √2: Hosea & Shampine (1996), Appl. Numer. Math. 20, 21–37."""
    with localcontext() as context:
        context.prec = 50
        root = Decimal(2).sqrt()
        g, d, w = 2 - root, 1 - root / 2, root / 4
        low = [(1 - w) / 3, (3 * w + 1) / 3, d / 3]
    text = [format(x, "f") for x in (g, d, w, *low)]
    a = [["0"], [text[1]] * 2, [text[2], text[2], text[1]]]
    return Tableau("trbdf2", 2, c=["0", text[0], "1"], a=a, b=a[-1], b_low=text[3:], order_low=3, digits=40)


RODAS3 = RosenbrockTableau(  # Sandu et al. (1997), Atmos. Environ. 31, 3459–3472
    "rodas3", 3, gamma="1/2", alpha=["0", "0", "1", "1"], gammas=["1/2", "3/2", "0", "0"],
    a=[[], ["0"], ["2", "0"], ["2", "0", "1"]], c=[[], ["4"], ["1", "-1"], ["1", "-1", "-8/3"]],
    m=["2", "0", "1", "1"], errors=[["0", "0", "0", "1"]], order_low=2,
)  # fmt: skip
STIFF: list[LoopSolver] = [
    TableauSolver(trbdf2()),
    TableauSolver(RADAU5, controller="predictive"),
    RosenbrockSolver(RODAS3),
]
NAMES = ["trbdf2", "radau5", "rodas3"]
EACH = pytest.mark.parametrize("solver", STIFF, ids=NAMES)
LOBATTO = Tableau(  # Lobatto IIIA of order 4: its coupled stages depend on the explicit one; Hairer & Wanner II, IV.5
    "lobatto4", 4, c=["0", "1/2", "1"], b=["1/6", "2/3", "1/6"],
    a=[["0", "0", "0"], ["5/24", "1/3", "-1/24"], ["1/6", "2/3", "1/6"]],
)  # fmt: skip
WITH_LOBATTO = pytest.mark.parametrize("solver", [*STIFF, TableauSolver(LOBATTO, step=0.1)], ids=[*NAMES, "lobatto4"])


def pendulum(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.stack([y[:, 1], -np.sin(y[:, 0])], axis=1)


@WITH_LOBATTO
@pytest.mark.parametrize("problem", [TURNING, PAIR], ids=lambda problem: problem.name)
def test_the_order_is_kept_without_derivatives_of_f(solver: LoopSolver, problem: Any) -> None:
    ts = np.linspace(0, problem.t1, 9)
    errors = [
        np.abs(solved(dataclasses.replace(solver, step=problem.t1 / 8 / n), problem, ts).ys[0] - problem.y(ts)).max()
        for n in (50, 100)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(solver.order, abs=0.2)


@EACH
def test_a_stiff_problem_takes_few_steps(solver: LoopSolver) -> None:
    found = solver.solve(
        lambda t, y, row, middle: -1e7 * (y - np.cos(t)[:, None]),
        np.ones((1, 1)), np.zeros(1), np.array([[0.0, 2.0]]), SolveOptions(),
    )  # fmt: skip
    assert found.status == ("ok",)
    assert abs(found.ys[0, -1, 0] - np.cos(2.0)) < 1e-5
    assert found.stats["accepted"][0] < 200  # an explicit method needs 2·1e7/3
    assert found.stats["jacobians"][0] >= found.stats["accepted"][0]


@EACH
def test_a_jacobian_is_taken_once_for_a_step_however_often_it_is_tried(solver: LoopSolver) -> None:
    found = solved(dataclasses.replace(solver, first_step=1.0), TURNING, np.array([0.0, 1.0]))
    assert found.stats["rejected"][0] > 0
    if isinstance(solver, RosenbrockSolver):
        assert found.stats["jacobians"] == found.stats["accepted"]


def by_hand() -> tuple[Oscillator, np.ndarray, np.ndarray]:
    """Two trajectories of different lengths, one of them back in time."""
    ts = np.array([[0.0, 0.4, 0.75, 1.2, 1.21], [1.0, 0.9, 0.3, np.nan, np.nan]])
    return Oscillator(np.array([1.3, 0.4, 0.7])), np.array([[1.0, 0.2], [-0.3, 0.8]]), ts


@WITH_LOBATTO
def test_the_steps_are_differentiated_exactly(solver: LoopSolver) -> None:
    f, y0, ts = by_hand()
    found = solver.solve(f, y0, ts[:, 0], ts, SolveOptions(keep=True))
    by_y0, by_p = sensitivities(solver, f, found)
    there = np.isfinite(found.ys)
    for j in range(3):
        moved = Oscillator(f.p + 1e-30j * np.eye(3)[j])
        again = solver.solve(moved, y0.astype(complex), ts[:, 0], ts, SolveOptions(replay=found.mesh))
        # complex steps are exact to rounding; some hundred steps of it
        np.testing.assert_allclose(by_p[..., j][there], again.ys.imag[there] / 1e-30, rtol=1e-12, atol=1e-12)
    for j in range(2):
        start = y0 + 1e-30j * np.eye(2)[j]
        again = solver.solve(Oscillator(f.p + 0j), start, ts[:, 0], ts, SolveOptions(replay=found.mesh))
        np.testing.assert_allclose(by_y0[..., j][there], again.ys.imag[there] / 1e-30, rtol=1e-12, atol=1e-12)
    g = np.cos(np.arange(found.ys.size)).reshape(found.ys.shape)
    gy0, gp = pullback(solver, f, found, g)
    # the same sums in another order
    np.testing.assert_allclose(gy0, np.einsum("rts,rtsj->rj", g, np.nan_to_num(by_y0)), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(gp, np.einsum("rts,rtsj->rj", g, np.nan_to_num(by_p)), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    "solver",
    [*STIFF, TableauSolver(LOBATTO, step=0.1), SplittingSolver(LEAPFROG, step=0.05)],
    ids=[*NAMES, "lobatto4", "leapfrog"],
)
def test_torch_follows_the_same_steps_with_the_same_derivative(solver: LoopSolver) -> None:
    """discrete = backprop for a network, in y0 and in its weights."""
    import torch

    from workbench.solving import solve

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(1, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()

    class Swing(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.cat([y[..., 1:], self.net(y[..., :1]) - 0.3 * torch.sin(t)], dim=-1)

    f, ts = Swing(), torch.tensor([0.0, 0.4, 1.0, 1.3], dtype=torch.float64)
    y0 = torch.tensor([[1.0, 0.2], [-0.3, 0.8]], dtype=torch.float64, requires_grad=True)
    weights = torch.cos(torch.arange(16.0, dtype=torch.float64)).reshape(2, 4, 2)
    found = {}
    for mode in ("discrete", "backprop"):
        traj = solve(f, y0, ts, solver, gradient=mode)  # type: ignore[arg-type]  # one of the modes
        found[mode] = torch.autograd.grad((weights * traj.ys).sum(), [y0, *f.parameters()])
    for one, other in zip(found["discrete"], found["backprop"], strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-12, atol=1e-12)


# --- splitting


def test_a_splitting_method_has_its_order_and_keeps_the_energy() -> None:
    y0, ts = np.array([[1.2, 0.0]]), np.array([[0.0, 200.0]])
    energies = []
    for h in (0.1, 0.05):
        solver = SplittingSolver(LEAPFROG, step=h)
        found = solver.solve(pendulum, y0, np.zeros(1), np.linspace(0, 200, 401)[None], SolveOptions())
        energy = 0.5 * found.ys[0, :, 1] ** 2 - np.cos(found.ys[0, :, 0])
        energies.append(np.abs(energy - energy[0]).max())
    assert energies[0] < 2e-3  # h²/8 times the size of the commutators, and no drift over 30 periods
    assert np.log2(energies[0] / energies[1]) == pytest.approx(2, abs=0.2)
    assert ts.shape == (1, 2)


def test_a_splitting_method_goes_back_where_it_came_from() -> None:
    """The method is symmetric: back over the same steps it returns, but for rounding."""
    y0, ts = np.array([[1.2, 0.3]]), np.array([[0.0, 5.0]])
    solver = SplittingSolver(LEAPFROG, step=0.05)
    there = solver.solve(pendulum, y0, np.zeros(1), ts, SolveOptions()).ys[:, -1]
    back = solver.solve(pendulum, there, np.full(1, 5.0), ts[:, ::-1], SolveOptions()).ys[:, -1]
    np.testing.assert_allclose(back, y0, rtol=1e-13)


@pytest.mark.parametrize("f", [lambda t, y: -y, lambda t, y: np.stack([y[:, 1], -y[:, 0] - 0.1 * y[:, 1]], 1)])
def test_friction_is_refused_by_a_splitting_method(f: Any) -> None:
    solver = SplittingSolver(LEAPFROG, step=0.05)
    with pytest.raises(NotSeparable, match="depends on component"):
        solver.solve(
            lambda t, y, row, middle: f(t, y), np.ones((1, 2)), np.zeros(1), np.array([[0.0, 1.0]]), SolveOptions()
        )


def test_positions_and_momenta_may_stand_in_any_order() -> None:
    swapped = lambda t, y, row, middle: pendulum(t, y[:, ::-1], row, middle)[:, ::-1]  # noqa: E731
    solver, ts = SplittingSolver(LEAPFROG, step=0.05), np.linspace(0, 5, 6)[None]
    one = solver.solve(pendulum, np.array([[1.2, 0.3]]), np.zeros(1), ts, SolveOptions()).ys
    # the first component is a position: kicks and drifts change places, each of them correct to second order
    other = solver.solve(swapped, np.array([[0.3, 1.2]]), np.zeros(1), ts, SolveOptions()).ys[..., ::-1]
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_equations_that_have_no_solution_are_told_from_a_right_hand_side_that_is_nan() -> None:
    """dy/dt = 1 + y²: over a step of 1 the implicit stages have no real solution."""
    solver = TableauSolver(trbdf2(), step=1.0)
    ts = np.array([[0.0, 1.0]])
    found = solver.solve(lambda t, y, row, middle: 1 + y**2, np.ones((1, 1)), np.zeros(1), ts, SolveOptions())
    assert found.status == ("step_too_small",)
    assert "could not be solved at t = 0" in found.message[0]
    found = solver.solve(
        lambda t, y, row, middle: np.where(t[:, None] > 0, np.nan, y), np.ones((1, 1)), np.zeros(1), ts, SolveOptions()
    )
    assert found.status == ("not_finite",)
