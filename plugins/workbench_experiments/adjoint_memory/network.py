"""The right-hand side whose gradient is taken, and its gradients in the four modes."""

from __future__ import annotations

import warnings
from typing import Any

import torch

import workbench as wb
from workbench.errors.numerics import AdjointAstray

from ..tanh_network import TanhNetwork

WIDTH, HIDDEN, ROWS = 8, 32, 4

MODES: dict[str, dict[str, Any]] = {
    "backprop": {"gradient": "backprop"},
    "discrete": {"gradient": "discrete"},
    "checkpointed": {"gradient": "discrete", "checkpoints": True},
    "adjoint": {"gradient": "adjoint"},
}
"""Name → how `wb.solve` is asked for it."""


class Network(TanhNetwork):
    """W₂ tanh(W₁ y + b₁) + b₂ − k y: 8 states, 32 hidden units, contracting at the rate k; counts its calls."""

    def __init__(self, seed: int, contraction: float = 1.0) -> None:
        super().__init__(WIDTH, HIDDEN, 0.3, seed)
        self.contraction, self.calls = contraction, 0

    def forward(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        """dy/dt."""
        self.calls += 1
        return super().forward(t, y) - self.contraction * y


def start(seed: int) -> torch.Tensor:
    """Four starts (trajectory, state), of which the gradient is taken too."""
    generator = torch.Generator().manual_seed(seed + 1)
    return torch.randn(ROWS, WIDTH, dtype=torch.float64, generator=generator).requires_grad_()


def solved(f: Network, y0: torch.Tensor, mode: str, solver: str, **options: Any) -> Any:
    """The solution on [0, 1], seen at six times."""
    return wb.solve(f, y0, torch.linspace(0, 1, 6, dtype=torch.float64), solver, **MODES[mode], **options)


def gradient(f: Network, y0: torch.Tensor, solution: Any) -> torch.Tensor:
    """d/d(weights, y0) of the sum of squares of all that was seen, flat."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AdjointAstray)  # how far it is astray stands in the tables
        found = torch.autograd.grad(solution.ys.square().sum(), [*f.parameters(), y0])
    return torch.cat([each.flatten() for each in found])


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """‖found − wanted‖/‖wanted‖."""
    return float((found - wanted).norm() / wanted.norm())
