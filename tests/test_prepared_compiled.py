"""`wb.prepare(…, engine="compiled")`: what the torch engine gives, from graphs and from modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.compiled import Kernel
from workbench.errors.numerics import GradientUnavailable, ShapeOfRhs
from workbench.errors.problems import NotLowerable
from workbench.errors.usage import UsageError
from workbench.graph import Graph, from_sympy

TS = np.linspace(0.0, 2.0, 9)


class Cubed(torch.nn.Module):
    """A small network on y³."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(2, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2))
        generator = torch.Generator().manual_seed(3)
        for parameter in self.parameters():
            torch.nn.init.normal_(parameter, 0.0, 0.4, generator=generator)

    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y**3)


def spring(*inputs: str) -> Graph:
    import sympy

    x, v, k, u = sympy.symbols("x v k u")
    rhs = [v, -k * x + (u if inputs else 0)]
    return from_sympy({"rhs": rhs}, states=["x", "v"], parameters=["k"], inputs=list(inputs))


def gradients(ready: Any, y0: torch.Tensor, leaves: list[torch.Tensor], *more: torch.Tensor) -> tuple[Any, list[Any]]:
    ys = ready(y0, *more).ys
    weights = torch.arange(ys.numel(), dtype=ys.dtype).reshape(ys.shape) / ys.numel()
    return ys.detach(), list(torch.autograd.grad((weights * ys).sum(), [y0, *leaves]))


@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-11), (torch.float32, 1e-5)], ids=["double", "single"])
@pytest.mark.parametrize("rows", [0, 2, 9], ids=["one", "few", "side by side"])
def test_a_module_has_the_states_and_gradients_of_the_torch_engine(dtype: Any, near: float, rows: int) -> None:
    """Equal steps; parameters change between calls."""
    f = Cubed().to(dtype)
    start = torch.linspace(0.3, 1.1, 2 * max(rows, 1), dtype=dtype)
    y0 = (start.reshape(rows, 2) if rows else start).requires_grad_()
    compiled, plain = (wb.prepare(f, TS, "rk4", engine=engine) for engine in ("compiled", "torch"))
    for _ in range(2):
        (ys, found), (wanted_ys, wanted) = (gradients(each, y0, list(f.parameters())) for each in (compiled, plain))
        assert ys.dtype == dtype
        torch.testing.assert_close(ys, wanted_ys, rtol=near, atol=near)
        for mine, theirs in zip(found, wanted, strict=True):
            assert (mine - theirs).abs().max() <= near * max(1.0, float(theirs.abs().max()))
        with torch.no_grad():
            for parameter in f.parameters():
                parameter += 0.05


def test_a_graph_takes_parameters_at_every_call_and_is_differentiable_in_them() -> None:
    compiled, plain = (
        wb.prepare(spring(), TS, "rk4", engine=engine, params=torch.ones(1, dtype=torch.float64))
        for engine in ("compiled", "torch")
    )
    y0 = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    k = torch.tensor([2.5], dtype=torch.float64, requires_grad=True)
    (ys, found), (wanted_ys, wanted) = (gradients(each, y0, [k], k) for each in (compiled, plain))
    torch.testing.assert_close(ys, wanted_ys)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert not torch.allclose(compiled(y0).ys, ys)  # those of `prepare`


@pytest.mark.parametrize("interpolation", ["hold", "linear", "cubic"])
def test_inputs_reach_the_compiled_engine(interpolation: str) -> None:
    signal = wb.Signal([0.0, 0.7, 1.3, 2.0], [0.0, 1.0, -0.5, 0.4], interpolation)
    given = {"inputs": signal, "params": np.array([2.0]), "rtol": 1e-9, "atol": 1e-11}
    compiled, plain = (wb.prepare(spring("u"), TS, "dopri5", engine=each, **given) for each in ("compiled", "torch"))
    y0 = np.array([1.0, 0.0])
    np.testing.assert_allclose(compiled(y0).ys, plain(y0).ys, rtol=0, atol=1e-8)


def test_a_failure_is_told_as_the_loop_tells_it() -> None:
    import sympy

    x = sympy.Symbol("x")
    graph = from_sympy({"rhs": [x**2]}, states=["x"], parameters=[])
    compiled, plain = (wb.prepare(graph, TS, "tsit5", engine=each)(np.array([1.0])) for each in ("compiled", "torch"))
    assert compiled.status == plain.status == "blew_up"
    said = [str(each.message).replace(" at ", " is ").split(" is ") for each in (compiled, plain)]
    assert said[0][::2] == said[1][::2]  # all but the value, which at a pole has few digits
    np.testing.assert_array_equal(np.isnan(compiled.ys), np.isnan(plain.ys))


def test_a_second_derivative_is_refused_and_not_zero() -> None:
    ready = wb.prepare(Cubed().double(), TS, "rk4", engine="compiled")
    y0 = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(ready(y0).ys.square().sum(), y0, create_graph=True)
    with pytest.raises(GradientUnavailable, match="once, not twice"):
        first.sum().backward()


def test_what_does_not_fit_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="f has the inputs u"):
        wb.prepare(spring("u"), TS, "rk4", engine="compiled", params=np.array([1.0]))(np.array([1.0, 0.0]))
    with pytest.raises(ShapeOfRhs, match="parameters"):
        wb.prepare(spring(), TS, "rk4", engine="compiled", params=np.array([1.0, 2.0]))(np.array([1.0, 0.0]))
    with pytest.raises(NotLowerable, match="no kernels"):
        wb.prepare(spring(), TS, "radau5", engine="compiled", params=np.array([1.0]))(np.array([1.0, 0.0]))
    with pytest.raises(NotLowerable, match="discrete"):
        wb.prepare(spring(), TS, "rk4", engine="compiled", gradient="adjoint", params=[1.0])(np.array([1.0, 0.0]))


def test_one_atol_a_component_may_stand_beside_a_solvers_name() -> None:
    given = {"params": np.array([2.0]), "rtol": 1e-6, "atol": (1e-3, 1e-9)}
    found = wb.solve(spring(), np.array([1.0, 0.0]), TS, "dopri5", **given)
    exact = np.cos(np.sqrt(2.0) * TS)
    assert found.status == "ok"
    assert np.abs(found.ys[:, 0] - exact).max() < 1e-4


def test_without_a_compiler_auto_warns_and_solves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CC", "none")
    ready = wb.prepare(spring(), TS, "rk4", params=np.array([2.0]))
    with pytest.warns(RuntimeWarning, match="the torch engine solves instead"):
        found = ready(np.array([1.0, 0.0]))
    assert found.status == "ok"


@pytest.mark.parametrize("rows", [0, 2, 9], ids=["one", "few", "side by side"])
@pytest.mark.parametrize("made", ["module", "graph", "each its own"])
def test_a_solution_in_numpy_has_the_gradient_that_autograd_finds(made: str, rows: int) -> None:
    """Also where every trajectory has parameters of its own; f is read once, and parameters go by the call."""
    f = Cubed().double() if made == "module" else spring()
    start = np.linspace(0.3, 1.1, 2 * max(rows, 1)).reshape((rows, 2) if rows else 2)
    p = np.full((max(rows, 1), 1) if made == "each its own" else 1, 2.5)
    if made == "each its own":
        p[:, 0] += np.arange(len(p))
    if isinstance(f, torch.nn.Module):
        p = np.concatenate([leaf.detach().numpy().reshape(-1) for leaf in f.parameters()])
    ready = wb.prepare(f, TS, "rk4", engine="compiled")
    solution = ready(start, p)
    by_y0, by_p = solution.gradient(np.cos(solution.ys))
    y0, leaf = torch.tensor(start, requires_grad=True), torch.tensor(p, requires_grad=True)
    ys = wb.prepare(f, TS, "rk4", engine="compiled")(y0, leaf).ys
    wanted = torch.autograd.grad(ys.sin().sum(), [y0, leaf])
    for found, theirs in zip((by_y0, by_p), wanted, strict=True):
        np.testing.assert_allclose(found, theirs.numpy(), rtol=1e-12, atol=1e-14)
    if made == "module" and rows == 9:
        return  # the same sensitivities as of fewer, but slow to compile
    of_y0, of_p = solution.sensitivities()
    assert of_y0.shape == (*solution.ys.shape, 2)
    assert of_p.shape == (*solution.ys.shape, p.shape[-1])
    g = np.cos(solution.ys)
    np.testing.assert_allclose(np.einsum("...ti,...tij->...j", g, of_y0), by_y0, rtol=1e-11, atol=1e-13)
    of_p = np.einsum("...ti,...tij->...j", g, of_p)
    summed = of_p if p.ndim == 2 else of_p.reshape(-1, len(p)).sum(axis=0)
    np.testing.assert_allclose(summed.reshape(by_p.shape), by_p, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize("given", ["by prepare", "by the call"])
def test_parameters_of_a_module_are_one_vector_on_every_engine(engine: Any, given: str) -> None:
    f, y0 = Cubed().double(), torch.tensor([0.3, 0.9], dtype=torch.float64)
    own = torch.nn.utils.parameters_to_vector(f.parameters()).detach()
    p = (1.1 * own + 0.01).requires_grad_()
    first, second = ({"params": p}, ()) if given == "by prepare" else ({}, (p,))
    ready = wb.prepare(f, TS, "rk4", engine=engine, **first)
    ys, (by_y0, by_p) = gradients(ready, y0.requires_grad_(), [p], *second)
    torch.testing.assert_close(torch.nn.utils.parameters_to_vector(f.parameters()).detach(), own, rtol=0, atol=0)
    moved = Cubed().double()
    torch.nn.utils.vector_to_parameters(p.detach(), moved.parameters())
    wanted = wb.prepare(moved, TS, "rk4", engine="torch")
    wanted_ys, (wanted_y0, *leaves) = gradients(wanted, y0, list(moved.parameters()))
    torch.testing.assert_close(ys, wanted_ys, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(by_y0, wanted_y0, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(by_p, torch.cat([leaf.reshape(-1) for leaf in leaves]), rtol=1e-11, atol=1e-12)
    assert isinstance(ready(y0.detach().numpy(), p.detach().numpy()).ys, np.ndarray)
    with pytest.raises(ShapeOfRhs):
        ready(y0, p[:-1])


def test_a_module_that_takes_parameters_gets_them_as_they_are() -> None:
    class Decay(torch.nn.Module):
        def forward(self, t: Any, y: Any, p: Any) -> Any:
            return -p["rate"] * y

    y0, p = torch.ones(1, dtype=torch.float64), {"rate": torch.tensor(2.0, dtype=torch.float64)}
    found = wb.solve(Decay(), y0, TS, "rk4", step=0.01, params=p)
    torch.testing.assert_close(found.ys[-1, 0], torch.exp(torch.tensor(-4.0, dtype=torch.float64)), rtol=1e-6, atol=0)


def test_other_solutions_say_where_a_gradient_comes_from() -> None:
    f = spring()
    y0, k = np.array([1.0, 0.0]), np.array([2.5])
    compiled = wb.prepare(f, TS, "rk4", engine="compiled", params=k)
    with pytest.raises(ShapeOfRhs, match=rf"\({len(TS)}, 2\) are given as \({len(TS)},\)"):
        compiled(y0).gradient(np.ones(len(TS)))
    for solution in (wb.solve(f, y0, TS, "rk4", params=k), compiled(torch.tensor(y0))):
        for ask in (lambda s: s.gradient(s.ys), lambda s: s.sensitivities()):
            with pytest.raises(GradientUnavailable, match="compiled engine"):
                ask(solution)


def test_what_was_not_reached_is_left_out_of_a_gradient() -> None:
    """y' = k y² ends at t = 1 / (k y0)."""
    import sympy

    y, k = sympy.symbols("y k")
    f = from_sympy({"rhs": [k * y**2]}, states=["y"], parameters=["k"])
    solution = wb.prepare(f, TS, "dopri5", engine="compiled", rtol=1e-9, atol=1e-9)(np.array([1.0]), np.array([1.0]))
    assert not solution.ok
    reached = np.isfinite(solution.ys[:, 0])
    by_y0, by_k = solution.gradient(2 * solution.ys)
    exact = 1 / (1 - TS[reached])
    np.testing.assert_allclose(by_y0, [np.sum(2 * exact * exact**2)], rtol=1e-6)
    np.testing.assert_allclose(by_k, [np.sum(2 * exact * TS[reached] * exact**2)], rtol=1e-6)
    assert np.isnan(solution.sensitivities()[1][~reached]).all()


@pytest.mark.parametrize(("solver", "march"), [("dopri5", "solve"), ("rk4", "follow")])
def test_only_the_march_that_a_solver_takes_is_compiled(
    solver: str, march: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    function = Kernel._function

    def noted(kernel: Kernel, purpose: str) -> Any:
        built.append(purpose)
        return function(kernel, purpose)

    monkeypatch.setattr(Kernel, "_function", noted)
    solution = wb.prepare(spring(), TS, solver, engine="compiled", params=np.ones(1))(np.array([1.0, 0.0]))
    assert solution.ok
    assert set(built) == {march}
    solution.gradient(solution.ys)
    assert set(built) == {march, "pull"}
