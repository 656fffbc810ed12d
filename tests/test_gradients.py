"""Gradients of a solve: every solver of the registry, several dynamics, every mode, on the steps that were taken."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from workbench.contracts import Mesh, SolveOptions
from workbench.engine import Checkpoints, LoopSolver, SplittingSolver, TableauSolver, checkpointed_pullback, pullback
from workbench.engine.solver import RosenbrockSolver
from workbench.errors.numerics import AdjointAstray, GradientUnavailable
from workbench.registry import installed
from workbench.solving import solve

SOLVERS = [e.name for e in installed().offers("solver") if installed().make("solver", e.name).order is not None]
"""Those that take steps: what has no order (`pinn`) has no steps whose derivative could be taken."""
TS = torch.linspace(0.0, 0.9, 3, dtype=torch.float64)
Y0 = torch.tensor([0.8, -0.5], dtype=torch.float64)


def network(seed: int) -> torch.nn.Sequential:
    """2-4-2, smooth and holomorphic."""
    made = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    generator = torch.Generator().manual_seed(seed)
    for weight in made.parameters():
        weight.data = torch.randn(weight.shape, generator=generator, dtype=torch.float64) / 2
    return made


class Neural(torch.nn.Module):
    """An mlp of the state beside a sine of time, so that stages at wrong times show."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = network(0)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.layers(y) + torch.sin(t)


class Equations(torch.nn.Module):
    """A driven Duffing oscillator, as the graph that the formulas of a problem file become."""

    def __init__(self) -> None:
        super().__init__()
        self.p = torch.nn.Parameter(torch.tensor([0.3, 1.1, 0.6, 0.4], dtype=torch.float64))
        self.value = duffing().torch_function("rhs")

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.value(t.reshape(-1), y, None, None, self.p)


class Hybrid(torch.nn.Module):
    """Known equations plus a small network of the state."""

    def __init__(self) -> None:
        super().__init__()
        self.known, self.layers = Equations(), network(1)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.known(t, y) + 0.3 * self.layers(y)


@cache
def duffing() -> Any:
    import sympy

    from workbench.graph import from_sympy

    t, x, v, c, k, b, a = sympy.symbols("t x v c k b a")
    rhs = [v, -c * v - k * x - b * x**3 + a * sympy.cos(2 * t)]
    return from_sympy({"rhs": rhs}, states=("x", "v"), parameters=("c", "k", "b", "a"))


class Separable(torch.nn.Module):
    """A driven particle in a periodic potential: what a splitting method takes."""

    def __init__(self) -> None:
        super().__init__()
        self.mass, self.force = (torch.nn.Parameter(torch.tensor(x, dtype=torch.float64)) for x in (0.8, 1.3))

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        q, p = y[:, :1], y[:, 1:]
        return torch.cat([torch.tanh(self.mass * p), torch.sin(t) - torch.sin(self.force * q)], dim=1)


DYNAMICS: dict[str, Callable[[], torch.nn.Module]] = {"mlp": Neural, "equations": Equations, "hybrid": Hybrid}
DYNAMICS_OF_SPLITTING = {"separable": Separable}


def solver_of(name: str) -> Any:
    """The solver at rtol 1e-8; with thirty equal steps where it would take thousands, or can take no other.

    Rosenbrock's methods and radau5, whose steps cost ten explicit ones and more, work at 1e-7, diagonally implicit ones
    at 1e-9, since esdirk54 errs by four hundred rtol: all are held to the derivative of their own steps, however long
    those are.
    """
    made = installed().make("solver", name)
    loop = isinstance(made, LoopSolver)
    rtol = 1e-8
    if isinstance(made, RosenbrockSolver) or (isinstance(made, TableauSolver) and made.tableau.fully_implicit):
        rtol = 1e-7
    elif isinstance(made, TableauSolver) and made.tableau.implicit:
        rtol = 1e-9
    elif not loop:  # a multistep method starts anew at each observation
        rtol = 1e-10
    low = loop and made.order < 4
    fine = replace(made, rtol=rtol, atol=rtol / 100)
    return replace(fine, step=0.03) if low or not made.adaptive else fine


def dynamics_for(name: str) -> dict[str, Callable[[], torch.nn.Module]]:
    """Those that a solver can take."""
    return DYNAMICS_OF_SPLITTING if isinstance(solver_of(name), SplittingSolver) else DYNAMICS


def weighting(ys: torch.Tensor) -> torch.Tensor:
    """A fixed linear functional of the solution."""
    weights = torch.cos(torch.arange(ys.numel(), dtype=torch.float64) + 0.3).reshape(ys.shape)
    return (ys * weights).sum()


def gradient(f: torch.nn.Module, solver: Any, mode: Any, **options: Any) -> torch.Tensor:
    """By y0, then by all parameters, flat."""
    y0 = Y0.clone().requires_grad_()
    found = solve(f, y0, TS, solver, gradient=mode, **options)
    assert found.status == "ok"
    return torch.cat([g.reshape(-1) for g in torch.autograd.grad(weighting(found.ys), [y0, *f.parameters()])])


def directions(n: int) -> torch.Tensor:
    """Three at random: a wrong entry shows in each (direction, entry)."""
    return torch.randn(3, n, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def moved(f: torch.nn.Module, solver: Any, mesh: Mesh | None, steps: torch.Tensor) -> torch.Tensor:
    """The functional (step,) at (y0, parameters) + each of `steps`, on the same mesh: one complex solve, a row each."""
    assert mesh is not None
    sizes = [2, *[p.numel() for p in f.parameters()]]
    y0, *pieces = steps.split(sizes, dim=1)
    shifted = {
        name: p.detach() + piece.reshape(-1, *p.shape)
        for (name, p), piece in zip(f.named_parameters(), pieces, strict=True)
    }

    def one(weights: dict[str, torch.Tensor], t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(f, weights, (t.reshape(1, 1), y[None]))[0]

    def rhs(t: np.ndarray, y: torch.Tensor, row: np.ndarray, middle: np.ndarray) -> torch.Tensor:
        weights = {name: p[row] for name, p in shifted.items()}
        return torch.func.vmap(one)(weights, torch.from_numpy(np.ascontiguousarray(t)), y)

    n = len(steps)
    same = Mesh(np.repeat(mesh.t, n, axis=0), np.repeat(mesh.clipped, n, axis=0))
    with torch.no_grad():
        found = solver.solve(rhs, Y0 + y0, np.zeros(n), TS.numpy()[None].repeat(n, axis=0), SolveOptions(replay=same))
        return torch.stack([weighting(ys) for ys in found.ys])


@pytest.mark.parametrize(("name", "dynamics"), [(name, each) for name in SOLVERS for each in dynamics_for(name)])
def test_every_gradient_is_the_derivative_of_the_solve(name: str, dynamics: str) -> None:
    f, solver = dynamics_for(name)[dynamics](), solver_of(name)
    if not isinstance(solver, LoopSolver):  # a black box: two modes, whose augmented systems share nothing but f
        adjoint, forward = (gradient(f, solver, mode) for mode in ("adjoint", "forward"))
        # a multistep method starts anew at each observation: some hundreds of rtol
        torch.testing.assert_close(adjoint, forward, rtol=0, atol=1e-6 * float(forward.abs().max()))
        return
    mesh = solve(f, Y0, TS, solver).mesh
    backprop = gradient(f, solver, "backprop", replay=mesh)
    size = float(backprop.abs().max())
    v = directions(len(backprop))
    along = (v @ backprop).tolist()
    if solver.differentiable:
        discrete = gradient(f, solver, "discrete", replay=mesh)
        # a hundred steps in float64, summed in two orders
        torch.testing.assert_close(discrete, backprop, rtol=0, atol=1e-12 * size)
        torch.testing.assert_close(
            gradient(f, solver, "discrete", replay=mesh, checkpoints=True), discrete, rtol=0, atol=1e-12 * size
        )
    scale = (v.abs() @ backprop.abs()).tolist()
    widths = torch.tensor([2e-3, -2e-3, 4e-3, -4e-3], dtype=torch.float64)
    # differences in one direction, which has a part of every entry, are enough beside complex steps
    values = moved(f, solver, mesh, torch.cat([1e-30j * v, widths[:, None] * v[0]]))
    assert (values.imag[:3] / 1e-30).tolist() == [
        pytest.approx(expected, abs=1e-12 * each) for expected, each in zip(along, scale, strict=True)
    ]
    up, down, far_up, far_down = values.real[3:].tolist()
    # five points: h⁴/30 of fifth derivatives, of size 1e2 for moves of three in every entry
    differences = (8 * (up - down) - (far_up - far_down)) / (12 * 2e-3)
    assert differences == pytest.approx(along[0], abs=1e-7 * scale[0])
    # solves of other systems on steps of their own: some hundred rtol at most; equal steps have their error
    for mode in ("adjoint", "forward"):
        if solver.adaptive:
            torch.testing.assert_close(gradient(f, solver, mode), backprop, rtol=0, atol=1e-6 * size)
        elif mode == "forward":
            # on the same steps methods commute with differentiation, but for Jacobians of (y, S) by differences
            explicit = isinstance(solver, TableauSolver) and not any(
                len(row) > i for i, row in enumerate(solver.tableau.a)
            )
            bound = 1e-12 if explicit or isinstance(solver, SplittingSolver) else 1e-6
            torch.testing.assert_close(gradient(f, solver, mode, replay=mesh), backprop, rtol=0, atol=bound * size)


@pytest.mark.parametrize("name", [name for name in SOLVERS if not solver_of(name).adaptive])
def test_with_equal_steps_the_adjoint_comes_nearer_with_the_order_of_the_method(name: str) -> None:
    """Backwards the steps are others than forwards: the difference to the discrete gradient is of the method's size."""
    made = installed().make("solver", name)
    f = next(iter(dynamics_for(name).values()))()
    errors = []
    for step in (0.05, 0.025):
        solver = replace(made, step=step, rtol=1e-10, atol=1e-12)
        exact = gradient(f, solver, "discrete" if made.differentiable else "backprop")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AdjointAstray)  # rtol, which does not hold here, is what it is measured by
            errors.append(float((gradient(f, solver, "adjoint") - exact).norm()))
    if isinstance(made, SplittingSolver):
        # symmetric and symplectic: backwards it takes the same steps, and its adjoint is their derivative (Sanz-Serna
        # 2016, SIAM Rev. 58, 3–33), to the rounding of sums of size 1
        assert max(errors) < 1e-13
    else:
        assert np.log2(errors[0] / errors[1]) > made.order - 0.3


# --- what is kept for the way back -------------------------------------------------------------------------------


@dataclass
class Held:
    """A saved tensor, which lives as long as the graph that it was saved for."""

    tensor: torch.Tensor


def kept(mode: Any, steps: int, saves: int = 6, **options: Any) -> int:
    """Bytes of all tensors that the backward pass of rk4 with `steps` equal steps keeps."""
    f, solver = Neural(), TableauSolver(tableau=installed().make("solver", "rk4").tableau, step=1.0 / steps)
    packed: list[weakref.ref[Held]] = []

    def hold(tensor: torch.Tensor) -> Held:
        held = Held(tensor.detach())  # an output would hold the node that holds it
        packed.append(weakref.ref(held))
        return held

    y0, ts = Y0.clone().requires_grad_(), torch.linspace(0.0, 1.0, saves, dtype=torch.float64)
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda held: held.tensor):
        found = solve(f, y0, ts, solver, gradient=mode, **options)
    assert found.stats["accepted"] == steps
    storages = [held.tensor.untyped_storage() for ref in packed if (held := ref()) is not None]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def test_the_adjoint_keeps_the_same_however_many_steps_were_taken() -> None:
    assert len({kept("adjoint", steps) for steps in (10, 100, 1000)}) == 1
    assert len({kept("forward", steps) for steps in (10, 200)}) == 1


def test_the_discrete_gradient_keeps_states_and_times_and_with_checkpoints_the_root_of_the_states() -> None:
    state, time = 2 * 8, 8 + 1  # a time of the mesh, and whether its step was clipped
    few, many = (kept("discrete", steps) for steps in (100, 1000))
    assert many - few == 900 * (state + time)
    few, many = (kept("discrete", steps, checkpoints=True) for steps in (100, 900))
    assert many - few == (30 - 10) * state + 800 * time
    inputs_and_hidden_units = 4 * (2 + 4) * 8  # of four stages, not to speak of the graph itself
    assert kept("backprop", 1000) - kept("backprop", 100) >= 900 * inputs_and_hidden_units


def test_the_replay_of_a_checkpoint_is_the_solve_to_the_rounding_of_time() -> None:
    """Three trajectories with different numbers of steps; observations at mesh points, between them and at t0."""
    f, solver = duffing_rhs(), replace(installed().make("solver", "tsit5"), rtol=1e-8)
    rng = np.random.default_rng(2)
    y0, t0 = rng.normal(size=(3, 2)), np.array([0.0, 1.0, -2.0])
    ts = t0[:, None] + np.cumsum(rng.uniform(0.1, 1.5, (3, 6)), axis=1) * np.array([[1.0], [3.0], [0.3]])
    ts[1, 0], ts[2, 4:] = t0[1], np.nan
    whole = solver.solve(f, y0, t0, ts, SolveOptions(keep=True))
    assert whole.mesh is not None
    points = Checkpoints.along(solver, f, y0, whole.mesh, SolveOptions())
    assert points.states.shape[1] <= points.stride + 1
    every = whole.steps[:, :: points.stride][:, : points.states.shape[1]]
    inside = np.arange(points.states.shape[1]) * points.stride < whole.mesh.n_steps[:, None]
    # times since the start of a piece differ from those since t0 by an ulp of t: some parts in 1e16 of states of size
    # 1, also where a component passes 0
    np.testing.assert_allclose(points.states[inside], every[inside], rtol=1e-13, atol=1e-14)
    gys = np.where(np.isnan(ts), 0.0, rng.normal(size=ts.shape))[:, :, None] * np.ones(2)
    for found, expected in zip(
        checkpointed_pullback(solver, f, points, ts, gys), pullback(solver, f, whole, gys), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def duffing_rhs() -> Any:
    """The oscillator on NumPy, with parameters of each trajectory."""
    from workbench.model.graph_rhs import GraphRhs

    return GraphRhs(duffing(), np.array([[0.3, 1.1, 0.6, 0.4], [0.2, 1.0, 0.5, 0.7], [0.1, 2.0, 0.3, 0.1]]))


# --- when the adjoint cannot be trusted --------------------------------------------------------------------------


def test_an_adjoint_whose_states_go_astray_says_so_and_the_discrete_gradient_is_right() -> None:
    """y relaxes to c·cos t at a rate of 100, so that backwards in time errors grow by e^100 in a unit of time."""
    ts, solver = torch.linspace(0.0, 1.0, 11, dtype=torch.float64), installed().make("solver", "tsit5")

    def of(mode: Any) -> tuple[float, Any]:
        c = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        y0 = torch.tensor([1.5], dtype=torch.float64)
        found = solve(lambda t, y: -100.0 * torch.sin(y - c * torch.cos(t)), y0, ts, solver, gradient=mode)
        return float(torch.autograd.grad(found.ys.sum(), c)[0]), found

    exact, _ = of("discrete")
    # y = c cos t + c sin(t)/100 + O(1e-4) after a transient: the tenth part of 1/100 at ten times
    assert exact == pytest.approx(float((torch.cos(ts[1:]) + torch.sin(ts[1:]) / 100).sum()), abs=0.01)
    assert exact == pytest.approx(of("forward")[0], rel=1e-6)
    with pytest.warns(AdjointAstray, match="not to be trusted"):
        astray, found = of("adjoint")
    assert abs(astray) > 1000 * exact
    assert found.stats["reverse_error"] > 1


def test_a_reverse_error_is_not_a_number_until_a_gradient_has_been_taken_and_then_small() -> None:
    f, y0 = Neural(), Y0.clone().requires_grad_()
    found = solve(f, y0, TS, installed().make("solver", "tsit5"), gradient="adjoint")
    assert np.isnan(found.stats["reverse_error"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weighting(found.ys).backward()
    assert 0 < found.stats["reverse_error"] < 1e-4


def test_checkpoints_go_with_the_discrete_gradient_only() -> None:
    with pytest.raises(GradientUnavailable, match="checkpoints belong to the gradient discrete"):
        gradient(Neural(), installed().make("solver", "tsit5"), "adjoint", checkpoints=True)


def test_the_norm_of_the_state_takes_no_more_steps_than_the_whole_norm_and_neither_is_wrong() -> None:
    """The quadrature of the parameters takes no part in the error control (Kidger, Chen & Lyons 2021)."""
    f, solver = Hybrid(), solver_of("tsit5")
    exact = gradient(f, solver, "discrete")
    for norm in ("state", "full"):
        found = gradient(f, solver, "adjoint", adjoint_norm=norm)
        torch.testing.assert_close(found, exact, rtol=0, atol=1e-7 * float(exact.abs().max()))
