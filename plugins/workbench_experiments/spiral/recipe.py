"""The published recipe: RMSprop steps on short windows drawn from the trajectory."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch

import workbench as wb
from workbench.contracts import GradientMode
from workbench.errors.numerics import AdjointAstray

from .system import Spiral

TOLERANCES = {"rtol": 1e-7, "atol": 1e-9}
SNAPSHOTS = (0, 50, 100, 150)


class Network(torch.nn.Module):
    """W₂ tanh(W₁ y + b₁) + b₂, weights drawn from N(0, 0.1²), biases 0; counts its calls."""

    def __init__(self, hidden: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.into = torch.nn.Linear(2, hidden, dtype=torch.float64)
        self.out = torch.nn.Linear(hidden, 2, dtype=torch.float64)
        for layer in (self.into, self.out):
            torch.nn.init.normal_(layer.weight, 0.0, 0.1, generator=generator)
            torch.nn.init.zeros_(layer.bias)
        self.calls = 0
        self.register_forward_pre_hook(self._count)

    def _count(self, module: torch.nn.Module, arguments: object) -> None:
        self.calls += 1

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy/dt."""
        found: torch.Tensor = self.out(torch.tanh(self.into(y)))
        return found

    def slopes(self, ys: np.ndarray) -> np.ndarray:
        """dy/dt (point, 2) at ys (point, 2)."""
        with torch.no_grad():
            return np.asarray(self(torch.zeros(()), torch.as_tensor(ys)).numpy())


@dataclass(frozen=True)
class Recipe:
    """`steps` steps of RMSprop at `rate`, each on `windows` windows of `points` points, all drawn anew."""

    steps: int = 150
    windows: int = 16
    points: int = 10
    rate: float = 1e-3
    hidden: int = 50
    gradient: GradientMode = "adjoint"


@dataclass(frozen=True)
class Trained:
    """What the recipe leaves: the network, its losses (step,), the trajectories on the way, and what it cost."""

    network: Network
    losses: np.ndarray
    paths: dict[int, np.ndarray]  # steps taken → (time, 2)
    wholes: np.ndarray  # (look, 2): steps taken, mean squared error of the whole trajectory
    forward: float  # calls of the network a step
    backward: float
    seconds: float


def train(spiral: Spiral, solver: str, recipe: Recipe, seed: int, every: int = 10) -> Trained:
    """The published training; the whole trajectory is looked at every so many steps, in time that does not count."""
    f, rng = Network(recipe.hidden, seed), np.random.default_rng(seed)
    optimizer = torch.optim.RMSprop(f.parameters(), lr=recipe.rate)
    ys = torch.as_tensor(spiral.ys)
    losses, counts, spent = np.zeros(recipe.steps), np.zeros(2), 0.0
    paths, wholes = {}, []
    for k in range(recipe.steps + 1):
        if k in SNAPSHOTS or k % every == 0 or k == recipe.steps:
            path = whole(spiral, f, solver)
            wholes.append((k, float(np.mean((path - spiral.ys) ** 2))))
            if k in SNAPSHOTS or k == recipe.steps:
                paths[k] = path
        if k == recipe.steps:
            break
        began = time.perf_counter()
        starts = rng.choice(spiral.samples - recipe.points, recipe.windows, replace=False)
        losses[k], calls = _step(spiral, f, solver, recipe, optimizer, ys, starts)
        spent += time.perf_counter() - began
        counts += calls
    forward, backward = counts / max(recipe.steps, 1)
    return Trained(f, losses, paths, np.array(wholes), float(forward), float(backward), spent)


def _step(
    spiral: Spiral,
    f: Network,
    solver: str,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    ys: torch.Tensor,
    starts: np.ndarray,
) -> tuple[float, tuple[int, int]]:
    """One step of the optimizer; its loss, and the calls of the network forward and backward."""
    wanted = torch.stack([ys[starts + i] for i in range(recipe.points)], dim=1)
    optimizer.zero_grad()
    f.calls = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AdjointAstray)  # the recipe trusts it; what comes of that is in the table
        found = wb.solve(
            f, ys[starts], spiral.ts[: recipe.points], solver, gradient=recipe.gradient, **tolerances(solver)
        ).ys
        forward, f.calls = f.calls, 0
        loss = torch.mean((found - wanted) ** 2)
        loss.backward()
    optimizer.step()
    return float(loss.detach()), (forward, f.calls)


def whole(spiral: Spiral, f: Network, solver: str) -> np.ndarray:
    """The trajectory (time, 2) from the start, by the solver of the training."""
    with torch.no_grad():
        found = wb.solve(f, torch.as_tensor(spiral.ys[0]), spiral.ts, solver, **tolerances(solver))
    return np.asarray(found.ys.numpy())


def train_whole(spiral: Spiral, solver: str, recipe: Recipe, seed: int) -> float:
    """The loss after as many steps of the same optimizer on the whole trajectory, by the discrete gradient."""
    f = Network(recipe.hidden, seed)
    optimizer, ys = torch.optim.RMSprop(f.parameters(), lr=recipe.rate), torch.as_tensor(spiral.ys)
    ready = wb.prepare(f, spiral.ts, solver, **tolerances(solver))
    for _ in range(recipe.steps):
        optimizer.zero_grad()
        torch.mean((ready(ys[0]).ys - ys) ** 2).backward()
        optimizer.step()
    return float(np.mean((whole(spiral, f, solver) - spiral.ys) ** 2))


def tolerances(solver: str) -> dict[str, float]:
    """Those of the recipe where the solver has any."""
    options = next(entry.options for entry in wb.solvers() if entry.name == solver)
    return TOLERANCES if any(option.name == "rtol" for option in options) else {}
