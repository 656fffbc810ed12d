"""`Prepared.least_squares`: SciPy's optimum, with bounds, transforms, gaps and several trajectories."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch

import workbench as wb
from workbench.errors.problems import BoundsExclude, NotLowerable
from workbench.errors.usage import UsageError
from workbench.formula import parse
from workbench.graph import Graph, from_network, from_sympy
from workbench.solving import Prepared, Signal

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler")

TS = np.linspace(0.0, 8.0, 60)
TRUE = np.array([0.55, 0.28, 0.24, 0.84])
FAR = TRUE * np.array([1.3, 0.75, 1.2, 0.8])
TIGHT = {"ftol": 1e-14, "xtol": 1e-13, "gtol": 0.0}
"""With half a sum of squares of the order of 1, a fall of 1e-14 of it is a step of 1e-7 standard errors."""


def formulas(
    states: str, parameters: str, rhs: list[str], observed: list[str] | None = None, inputs: str = ""
) -> Graph:
    names = [*states, *parameters, *inputs, "t"]
    groups = {"rhs": [parse(text, names) for text in rhs]}
    if observed:
        groups["observed"] = [parse(text, names) for text in observed]
    return from_sympy(groups, states=[*states], parameters=[*parameters], inputs=[*inputs])


LOTKA = formulas("xy", "abcd", ["a*x - b*x*y", "c*x*y - d*y"])


def prepared(graph: Graph = LOTKA, ts: np.ndarray = TS, **options: Any) -> Prepared:
    options = {"rtol": 1e-8, "engine": "compiled", **options}
    return wb.prepare(graph, ts, "dopri5", **options)


def noisy(ready: Prepared, y0: np.ndarray, params: np.ndarray, sigma: float = 0.1) -> np.ndarray:
    """Its states at params, with noise."""
    engine: Any = ready._ready(y0)
    ys = engine.handle.solve(np.atleast_2d(y0), params, None, engine._pieces).ys
    return (ys + sigma * np.random.default_rng(1).standard_normal(ys.shape)).reshape(*np.shape(y0)[:-1], *ys.shape[1:])


def by_scipy(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray, bounds: Any = (-np.inf, np.inf)) -> Any:
    """The optimum, with derivatives by differences of the third order of accuracy."""
    return scipy.optimize.least_squares(
        residuals, start, "3-point", bounds, xtol=1e-15, ftol=1e-15, gtol=1e-13, x_scale="jac"
    )


@pytest.fixture(scope="module")
def lotka() -> tuple[Prepared, np.ndarray, np.ndarray]:
    """A handle, a start and noisy observations of both states."""
    ready, y0 = prepared(params=TRUE), np.array([3.0, 1.0])
    return ready, y0, noisy(ready, y0, TRUE)


def residuals_of(ready: Prepared, y0: np.ndarray, values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    engine: Any = ready._ready(y0)

    def residuals(p: np.ndarray) -> np.ndarray:
        r = engine.handle.solve(y0[None], p).ys[0] - values
        return np.nan_to_num(r[np.isfinite(values)], nan=1e6)

    return residuals


def test_it_finds_the_optimum_that_scipy_finds(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    fit = ready.least_squares(values, y0, FAR, **TIGHT)
    peer = by_scipy(residuals_of(ready, y0, values), FAR)
    assert fit.converged
    np.testing.assert_allclose(fit.solution, peer.x, rtol=1e-8)
    np.testing.assert_allclose(fit.cost, peer.cost, rtol=1e-12)
    np.testing.assert_array_equal(fit.params, fit.solution)
    residuals = ready.least_squares(values, y0, peer.x, max_iterations=0).residuals
    np.testing.assert_allclose(residuals.ravel(), peer.fun, atol=1e-11)
    assert fit.labels == ("a", "b", "c", "d")


def test_its_normal_matrix_is_that_of_the_sensitivities(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    transform = {"a": "log", "b": "logit"}
    fit = ready.least_squares(values, y0, FAR, transform=transform, bounds={"b": (0.1, 1.0)}, max_iterations=0)
    engine: Any = ready._ready(y0)
    j = engine.handle.solve(y0[None], FAR).push()[1][0].reshape(-1, 4)
    np.testing.assert_allclose(fit.normal, j.T @ j, rtol=1e-12)
    freedom = values.size - 4
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(j.T @ j) * 2 * fit.cost / freedom, rtol=1e-8)


def test_a_bound_that_is_active_holds(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    low, high = np.array([0.0, 0.0, 0.0, 0.7]), np.array([0.52, 0.3, 1.0, 0.95])
    bounds = dict(zip("abcd", zip(low, high, strict=True), strict=True))
    start = np.array([0.4, 0.2, 0.3, 0.9])
    fit = ready.least_squares(values, y0, start, bounds=bounds, **TIGHT)
    assert fit.solution[0] == 0.52
    assert fit.converged
    residuals = residuals_of(ready, y0, values)
    peer = by_scipy(lambda q: residuals(np.array([0.52, *q])), start[1:])
    np.testing.assert_allclose(fit.solution[1:], peer.x, rtol=1e-8)


@pytest.mark.parametrize("transform", ["log", "logit"])
def test_a_transform_changes_the_way_and_not_the_end(
    lotka: tuple[Prepared, np.ndarray, np.ndarray], transform: Any
) -> None:
    ready, y0, values = lotka
    plain = ready.least_squares(values, y0, FAR, **TIGHT)
    bounds = dict.fromkeys("abcd", (0.01, 2.0))
    fit = ready.least_squares(values, y0, FAR, transform=dict.fromkeys("abcd", transform), bounds=bounds, **TIGHT)
    np.testing.assert_allclose(fit.solution, plain.solution, rtol=1e-8)
    np.testing.assert_allclose(fit.normal, plain.normal, rtol=1e-5)


def test_missing_values_count_for_nothing(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    gaps = values.copy()
    gaps[5:20, 0] = gaps[::3, 1] = np.nan
    fit = ready.least_squares(gaps, y0, FAR, **TIGHT)
    peer = by_scipy(residuals_of(ready, y0, gaps), FAR)
    np.testing.assert_allclose(fit.solution, peer.x, rtol=1e-8)
    np.testing.assert_array_equal(np.isnan(fit.residuals), np.isnan(gaps))
    weights = np.where(np.isnan(gaps), 0.0, 1.0)
    same = ready.least_squares(values, y0, FAR, weights=weights, **TIGHT)
    np.testing.assert_array_equal(same.solution, fit.solution)


def test_a_weight_of_two_is_the_value_four_times(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    weights = np.array([2.0, 1.0])
    fit = ready.least_squares(values, y0, FAR, weights=weights, **TIGHT)
    residuals = residuals_of(ready, y0, values)
    peer = by_scipy(lambda p: (residuals(p).reshape(values.shape) * weights).ravel(), FAR)
    np.testing.assert_allclose(fit.solution, peer.x, rtol=1e-8)


def test_what_is_held_stays(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    fit = ready.least_squares(values, y0, TRUE, free=["d", "x(0)"], **TIGHT)
    assert fit.labels == ("d", "x(0)")
    np.testing.assert_array_equal(fit.params[:3], TRUE[:3])
    assert fit.y0[1] == 1.0
    engine: Any = ready._ready(y0)

    def residuals(q: np.ndarray) -> np.ndarray:
        return (engine.handle.solve(np.array([[q[1], 1.0]]), np.array([*TRUE[:3], q[0]])).ys[0] - values).ravel()

    peer = by_scipy(residuals, np.array([TRUE[3], 3.0]))
    np.testing.assert_allclose(fit.solution, peer.x, rtol=1e-8)
    np.testing.assert_allclose([fit.params[3], fit.y0[0]], fit.solution)


def lengths() -> np.ndarray:
    """Times of six trajectories of different lengths (trajectory, time), NaN-padded."""
    ts = np.full((6, 30), np.nan)
    for row, n in enumerate((30, 12, 25, 8, 17, 30)):
        ts[row, :n] = np.linspace(0.1 * row, 4.0 + 0.1 * row, n)
    return ts


@pytest.mark.parametrize("rows", [3, 6])
@pytest.mark.parametrize("per", ["trajectory", ""])
def test_trajectories_share_parameters(rows: int, per: Any) -> None:
    """Below and above the number from which they are solved side by side."""
    ts = lengths()[:rows]
    y0 = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 3.0], [3.0, 0.5], [1.0, 2.0], [4.0, 2.0]])[:rows]
    if not per:
        y0 = np.repeat(y0[:1], rows, axis=0)
    ready = prepared(ts=ts, params=TRUE)
    values = noisy(ready, y0, TRUE, 0.05)
    free = ["a", "c", "x(0)", "y(0)"]
    fit = ready.least_squares(values, 1.05 * y0, TRUE * [1.2, 1, 0.9, 1], free=free, per=per, **TIGHT)
    engine: Any = ready._ready(y0)
    seen = np.isfinite(values)

    def residuals(q: np.ndarray) -> np.ndarray:
        start = q[2:].reshape(rows, 2) if per else np.repeat(q[None, 2:], rows, axis=0)
        return (engine.handle.solve(start, np.array([q[0], TRUE[1], q[1], TRUE[3]])).ys - values)[seen]

    assert fit.converged
    assert len(fit.solution) == 2 + 2 * (rows if per else 1)
    own = fit.y0.ravel() if per else fit.y0[0]
    q = np.concatenate([fit.params[[0, 2]], own])
    np.testing.assert_allclose(fit.solution, q)
    peer = by_scipy(residuals, q)
    np.testing.assert_allclose(q, peer.x, rtol=2e-8)
    assert fit.labels[2] == ("x(0)[0]" if per else "x(0)")
    np.testing.assert_array_equal(np.isfinite(fit.residuals), seen)


def test_channels_are_formulas_of_time_states_inputs_and_parameters() -> None:
    ts = np.linspace(0.0, 5.0, 40)
    signal = Signal(np.array([0.0, 1.7, 3.1]), np.array([[1.0], [-0.5], [0.7]]), "hold")
    graph = formulas("xv", "kcgs", ["v", "-k*x - c*v + u"], ["g*x + s", "x*v*exp(-t/9) + u*s"], "u")
    true = np.array([2.0, 0.3, 1.5, 0.4])
    y0 = np.array([1.0, 0.0])
    ready = prepared(graph, ts, params=true, inputs=signal)
    engine: Any = ready._ready(y0)
    observe = graph.function("observed")

    def mu(p: np.ndarray) -> np.ndarray:
        ys = engine.handle.solve(y0[None], p, None, engine._pieces).ys[0]
        return observe(ts, ys, engine._pieces(ts, np.zeros(len(ts), int), ts), None, p)

    values = mu(true) + 0.02 * np.random.default_rng(3).standard_normal((40, 2))
    start = true * [1.1, 0.8, 0.9, 1.2]
    fit = ready.least_squares(values, y0, start, **TIGHT)
    peer = by_scipy(lambda p: (mu(p) - values).ravel(), start)
    np.testing.assert_allclose(fit.solution, peer.x, rtol=1e-8)
    np.testing.assert_allclose(fit.residuals, mu(fit.solution) - values, atol=1e-12)


BLOWING = formulas("x", "k", ["k*x*x"])


def test_a_trial_point_whose_solve_fails_is_refused() -> None:
    """x' = kx² is infinite at t = 1/k: a Gauss–Newton step from far below crosses that pole."""
    ts = np.linspace(0.0, 0.95, 20)
    y0 = np.array([1.0])
    ready = prepared(BLOWING, ts, params=np.array([1.0]))
    values = (1 / (1 - ts))[:, None]
    fit = ready.least_squares(values, y0, np.array([0.01]), damping=1e-9, **TIGHT)
    assert fit.converged
    assert fit.found.counts[0] > fit.found.counts[1]  # more solves than linearizations: some were refused
    np.testing.assert_allclose(fit.solution, 1.0, rtol=1e-7)


def test_a_start_without_a_finite_solution_says_so() -> None:
    ts = np.linspace(0.0, 0.95, 20)
    ready = prepared(BLOWING, ts, params=np.array([1.0]))
    values = (1 / (1 - ts))[:, None]
    fit = ready.least_squares(values, np.array([1.0]), np.array([2.0]))
    assert fit.status == "no_finite_solution"
    assert not fit.converged
    assert math.isinf(fit.cost)
    assert fit.solution.tolist() == [2.0]
    mixed = ready.least_squares(values, np.array([1.0]), starts=np.array([[2.0], [0.5]]))
    assert mixed.converged
    assert [start.number for start in mixed.starts] == [1, 0]


@pytest.fixture(scope="module")
def sine() -> tuple[Prepared, np.ndarray, np.ndarray]:
    """A sine of unknown frequency: its cost has many valleys."""
    ready = prepared(formulas("xv", "w", ["v", "-w*w*x"]), np.linspace(0.0, 20.0, 80), params=np.array([1.0]))
    y0 = np.array([1.0, 0.0])
    return ready, y0, noisy(ready, y0, np.array([3.0]), 0.05)


def test_many_starts_find_a_better_optimum_than_one(sine: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = sine
    settings: dict[str, Any] = {"bounds": {"w": (0.5, 5.0)}}
    one = ready.least_squares(values, y0, np.array([1.0]), **settings)
    many = ready.least_squares(values, y0, np.array([1.0]), starts=40, **settings)
    assert many.cost < 0.1 * one.cost
    np.testing.assert_allclose(many.solution, 3.0, rtol=1e-2)
    costs = [start.cost for start in many.starts]
    assert costs == sorted(costs)
    assert len(costs) == 40
    given = next(start for start in many.starts if start.number == 0)
    assert (given.cost, given.start.tolist()) == (one.cost, [1.0])


def test_threads_and_repetition_change_no_bit(sine: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = sine
    fits = [
        ready.least_squares(values, y0, np.array([1.0]), starts=15, seed=4, threads=threads) for threads in (1, 2, 2, 1)
    ]
    for fit in fits[1:]:
        for one, other in zip(fits[0].fits, fit.fits, strict=True):
            assert (one.cost, one.ended, one.x.tolist()) == (other.cost, other.ended, other.x.tolist())
            np.testing.assert_array_equal(one.hessian, other.hessian)
    other = ready.least_squares(values, y0, np.array([1.0]), starts=15, seed=5)
    assert other.starts[0].start.tolist() != fits[0].starts[0].start.tolist()


def test_it_tells_iterations_from_convergence_and_from_the_deadline(
    lotka: tuple[Prepared, np.ndarray, np.ndarray],
) -> None:
    ready, y0, values = lotka
    fit = ready.least_squares(values, y0, FAR, max_iterations=2)
    assert (fit.status, fit.iterations, fit.converged) == ("iterations", 2, False)
    begun = time.monotonic()
    late = ready.least_squares(values, y0, FAR, deadline=1e-9)
    assert late.status == "deadline"
    assert not late.converged
    assert time.monotonic() - begun < 5
    settings = {"ftol": 0.0, "xtol": 0.0, "gtol": 1e-6}
    assert ready.least_squares(values, y0, FAR, **settings).status == "gradient"
    assert ready.least_squares(values, y0, FAR, ftol=0.0, gtol=0.0, xtol=1e-6).status == "step"
    assert ready.least_squares(values, y0, FAR, ftol=1e-6, gtol=0.0, xtol=0.0).status == "decrease"


@pytest.mark.parametrize("sizes", [(12,), (40,), (70,)])
def test_networks_fit_too(sizes: tuple[int, ...]) -> None:
    """With fewer and more weights than one panel of the elimination; the cost is compared, for the minimum is flat."""
    graph = from_network(sizes, "tanh", states=("x", "y"))
    rng = np.random.default_rng(0)
    p = 0.3 * rng.standard_normal(len(graph.parameters))
    ts, y0 = np.linspace(0.0, 3.0, 50), np.array([1.0, 0.0])
    ready = prepared(graph, ts, params=p, rtol=1e-6)
    values = np.stack([np.cos(ts), -np.sin(ts)], axis=1)
    fit = ready.least_squares(values, y0, max_iterations=25)
    engine: Any = ready._ready(y0)
    solved = engine.handle.solve(y0[None], fit.params)
    r = (solved.ys[0] - values).ravel()
    np.testing.assert_allclose(0.5 * r @ r, fit.cost, rtol=1e-8, atol=1e-16)
    j = solved.push()[1][0].reshape(len(r), -1)
    np.testing.assert_allclose(fit.normal, j.T @ j, rtol=1e-9, atol=1e-10 * np.abs(j).max() ** 2 * len(r))
    np.testing.assert_allclose(fit.found.gradient, j.T @ r, atol=1e-9 * np.linalg.norm(j) * np.linalg.norm(r) + 1e-14)
    assert fit.cost < 1e-3


def test_a_damped_step_solves_its_equations() -> None:
    """One step from a start, against NumPy: more unknowns than one panel, and a bound in the way of some."""
    graph = from_network((40,), "tanh", states=("x", "y"))
    rng = np.random.default_rng(2)
    p = 0.3 * rng.standard_normal(len(graph.parameters))
    ts, y0 = np.linspace(0.0, 3.0, 50), np.array([1.0, 0.0])
    ready = prepared(graph, ts, params=p, rtol=1e-6)
    values = np.stack([np.cos(ts), -np.sin(ts)], axis=1)
    begin = ready.least_squares(values, y0, max_iterations=0).found
    once = ready.least_squares(values, y0, max_iterations=1, damping=100.0)
    damp = 100.0 * np.where(np.diagonal(begin.hessian) > 0, np.diagonal(begin.hessian), 1.0)
    assert once.found.counts.tolist() == [2, 2, 1]
    step = np.linalg.solve(begin.hessian + np.diag(damp), -begin.gradient)
    np.testing.assert_allclose(once.found.x, p + step, atol=1e-8 * np.abs(step).max())
    bounds = {name: (float(at) - 1e-3, float(at) + 1e-3) for name, at in zip(graph.parameters, p, strict=True)}
    held = ready.least_squares(values, y0, max_iterations=1, damping=100.0, bounds=bounds)
    assert np.abs(held.solution - p).max() <= 1e-3 * (1 + 1e-12)
    assert held.cost < begin.cost


def test_a_fixed_step_and_float32_serve_too() -> None:
    y0 = np.array([3.0, 1.0])
    rk4 = wb.prepare(LOTKA, TS, "rk4", params=TRUE, engine="compiled", step=0.05)
    fine = prepared(params=TRUE)
    values = noisy(fine, y0, TRUE)
    best = fine.least_squares(values, y0, FAR, **TIGHT)
    np.testing.assert_allclose(rk4.least_squares(values, y0, FAR).solution, best.solution, rtol=1e-4)
    single = prepared(params=TRUE.astype(np.float32), rtol=1e-5)
    fit = single.least_squares(values, y0.astype(np.float32), FAR)
    np.testing.assert_allclose(fit.solution, best.solution, rtol=1e-3)


def test_a_rosenbrock_method_finds_the_same_optimum(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    stiff = wb.prepare(LOTKA, TS, "rodas5p", params=TRUE, engine="compiled", rtol=1e-8)
    fit = stiff.least_squares(values, y0, FAR)
    assert fit.converged
    np.testing.assert_allclose(fit.solution, ready.least_squares(values, y0, FAR).solution, rtol=1e-6)


def test_a_torch_module_is_fitted_by_its_weights() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2)).double()

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = module

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.net(y)

    ts = np.linspace(0.0, 2.0, 30)
    values = np.stack([np.cos(ts), -np.sin(ts)], axis=1)
    ready = wb.prepare(Field(), ts, "dopri5", engine="compiled")
    fit = ready.least_squares(values, np.array([1.0, 0.0]), max_iterations=50)
    assert fit.labels[0] == "net.0.weight[0]"
    assert fit.cost < 1e-3


def test_what_cannot_be_meant_is_refused(lotka: tuple[Prepared, np.ndarray, np.ndarray]) -> None:
    ready, y0, values = lotka
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (UsageError, {"free": ["nothing"]}),
        (UsageError, {"bounds": {"a": (1.0, 0.0)}}),
        (UsageError, {"transform": {"a": "sqrt"}}),
        (UsageError, {"transform": {"a": "logit"}}),
        (UsageError, {"weights": -1.0}),
        (UsageError, {"weights": np.nan}),
        (UsageError, {"starts": 0}),
        (UsageError, {"starts": np.ones((3, 2))}),
        (BoundsExclude, {"bounds": {"a": (0.0, 0.1)}}),
        (BoundsExclude, {"transform": {"a": "log"}, "params": -TRUE}),
        (BoundsExclude, {"starts": np.array([[np.nan, 1, 1, 1]])}),
    ]
    for error, arguments in wrong:
        with pytest.raises(error):
            ready.least_squares(values, y0, **{"params": FAR, **arguments})
    with pytest.raises(UsageError, match="values"):
        ready.least_squares(values[:-1], y0, FAR)
    with pytest.raises(NotLowerable):
        wb.prepare(lambda t, y: -y, TS, "dopri5").least_squares(values, y0)


def test_a_fit_without_a_residual_converges() -> None:
    """Where the cost is round-off no step lowers it, and that is no failure."""
    y0 = np.array([3.0, 1.0])
    ready = prepared(params=TRUE)
    fit = ready.least_squares(noisy(ready, y0, TRUE, 0.0), y0, FAR)
    assert fit.converged, fit
    np.testing.assert_allclose(fit.solution, TRUE, rtol=1e-9)
