"""The gradient of a small problem through `solve`, in each mode, against what is known exactly."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ..contracts import GradientMode, Mesh, SolveOptions, Solver
from ..engine import LoopSolver
from ..errors.numerics import AdjointAstray, GradientUnavailable
from ..solving import solve
from .candidate import Candidate
from .differences import along_rows

if TYPE_CHECKING:
    import torch

MODES: tuple[GradientMode, ...] = get_args(GradientMode)
TS = np.array([0.0, 0.4, 0.9, 1.3, 2.0])
WEIGHTS = np.array([[0.3, -0.2], [1.0, 0.5], [-0.7, 0.4], [0.9, -1.1], [1.2, 0.8]])
"""Of every state at every time in the loss Σ w y."""


@dataclass(frozen=True)
class Differentiable:
    """f(t, y) with parameters x[2:] from y(0) = x[:2], over arrays of NumPy or torch (`xp`), and its solution."""

    x: np.ndarray
    slope: Callable[[Any, Any, Any, Any], list[Any]]  # (xp, t, (y0, y1), parameters) -> the two slopes
    exact: Callable[[np.ndarray, np.ndarray], np.ndarray]  # (t, x) -> (time, 2), analytic in x

    def on(self, xp: Any, parameters: Any) -> Callable[[Any, Any], Any]:
        """f over a last axis of states."""

        def f(t: Any, y: Any) -> Any:
            t = t[..., 0] if getattr(t, "ndim", 0) else t
            slopes = self.slope(xp, t, (y[..., 0], y[..., 1]), parameters)
            return xp.stack(slopes, -1)

        return f

    def exact_gradient(self) -> np.ndarray:
        """∂loss/∂x by the complex step on the solution's formula."""
        steps = [self.x + 1e-30j * unit for unit in np.eye(len(self.x))]
        return np.array([(WEIGHTS * self.exact(TS, x)).sum().imag / 1e-30 for x in steps])


def _growth(xp: Any, t: Any, y: Any, p: Any) -> list[Any]:
    """Logistic growth at a rate that swings, and a decay that the first state drives."""
    rate = p[0] + p[1] * xp.cos(t)
    return [rate * y[0] * (1 - y[0] / p[2]), -rate * y[1] ** 2]


def _growth_exact(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    s = x[2] * t + x[3] * np.sin(t)
    return np.stack([x[4] / (1 + (x[4] / x[0] - 1) * np.exp(-s)), 1 / (1 / x[1] + s)], axis=1)


def _spring_exact(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    w = np.sqrt(x[2] * x[3])
    return np.stack(
        [
            x[0] * np.cos(w * t) + x[1] * x[3] / w * np.sin(w * t),
            x[1] * np.cos(w * t) - x[0] * x[2] / w * np.sin(w * t),
        ],
        axis=1,
    )


GROWTH = Differentiable(np.array([0.6, 0.8, 0.9, 0.4, 2.0]), _growth, _growth_exact)
SPRING = Differentiable(np.array([0.9, -0.4, 1.7, 0.8]), lambda xp, t, y, p: [p[1] * y[1], -p[0] * y[0]], _spring_exact)


@dataclass(frozen=True)
class GradientError:
    """How far a gradient lies from the exact one and, where the steps can be repeated, from differences over them."""

    exact: float  # largest error over the largest entry
    allowed: float
    replay: float | None  # along two directions, over central differences of the same steps; None without such steps

    @property
    def ok(self) -> bool:
        """Within what the tolerances allow; central differences are themselves good to 1e-11."""
        return self.exact <= self.allowed and (self.replay is None or self.replay <= 1e-7)


def gradient_error(candidate: Candidate, mode: GradientMode) -> GradientError:
    """The gradient of Σ w y(t) by start and parameters in one mode; raises GradientUnavailable where there is none.

    An adaptive solver of order 5 and more works at rtol = 1e-10, of order 4 at 1e-8, others at 1e-6, and the gradient
    may err by 1e4 rtol: some hundred steps err by rtol each, and their errors change with what is varied by some ten
    times as much. With equal steps h, which one takes as well whose error estimate is of order 1, the allowance is 10
    h^order. An adjoint that comes back from far away is judged by its gradient like any other.
    """
    problem = SPRING if candidate.separable else GROWTH
    solver, allowed = _sharp(candidate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AdjointAstray)
        found, mesh = _gradient(problem, solver, mode)
    exact = problem.exact_gradient()
    replay = None
    if mesh is not None and mode in ("discrete", "backprop") and isinstance(solver, LoopSolver):
        # with entries of ±1 an error of one entry counts as much as by itself, in both
        directions = np.random.default_rng(0).choice([-1.0, 1.0], (2, len(found)))
        apart = np.abs(directions @ found - _differences(problem, solver, mesh, directions)).max()
        replay = float(apart / np.abs(exact).max())
    return GradientError(_distance(found, exact), allowed, replay)


def _sharp(candidate: Candidate) -> tuple[Solver, float]:
    order = candidate.solver.order or 4
    rtol = 1e-10 if order > 4 else 1e-8 if order == 4 else 1e-6
    sharp = candidate.with_tolerance(rtol, rtol / 100)
    h = 0.01
    stepped = candidate.with_step(h)
    if sharp is not None and (stepped is None or getattr(sharp, "error_power", order) > 2):
        return sharp, 1e4 * rtol
    return (candidate.solver, 1e-3) if stepped is None else (stepped, max(1e-10, 10 * h**order))


def _gradient(problem: Differentiable, solver: Solver, mode: GradientMode) -> tuple[np.ndarray, Mesh | None]:
    import torch

    x = torch.tensor(problem.x, requires_grad=True)
    found = solve(problem.on(torch, x[2:]), x[:2], torch.tensor(TS), solver, gradient=mode)
    if not found.ok:
        raise GradientUnavailable(f"the solve itself failed: {found.message}")
    loss: torch.Tensor = (torch.tensor(WEIGHTS) * found.ys).sum()
    (g,) = torch.autograd.grad(loss, x)
    return g.numpy(), found.mesh


def _differences(problem: Differentiable, solver: LoopSolver, mesh: Mesh, directions: np.ndarray) -> np.ndarray:
    """Derivatives of the loss along directions (direction, entry), by central differences that repeat the steps.

    All points are rows of one solve.
    """

    def losses(x: np.ndarray) -> np.ndarray:
        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            return np.stack(problem.slope(np, t, (y[:, 0], y[:, 1]), x[row, 2:].T), axis=1)

        rows = len(x)
        same = Mesh(np.repeat(mesh.t, rows, axis=0), np.repeat(mesh.clipped, rows, axis=0))
        found = solver.solve(f, x[:, :2], np.zeros(rows), np.tile(TS, (rows, 1)), SolveOptions(replay=same))
        return np.asarray((WEIGHTS * found.ys).sum(axis=(1, 2)))

    return along_rows(losses, problem.x, directions)


def _distance(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
