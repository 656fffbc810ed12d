"""A network of one layer of tanh units as a right-hand side, its weights drawn from a seed."""

from __future__ import annotations

from typing import Any

import torch


class TanhNetwork(torch.nn.Module):
    """W₂ tanh(W₁ y + b₁) + b₂ of `width` states by `hidden` units, weights and biases from N(0, size²)."""

    def __init__(self, width: int, hidden: int, size: float, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.into = torch.nn.Linear(width, hidden, dtype=torch.float64)
        self.out = torch.nn.Linear(hidden, width, dtype=torch.float64)
        for parameter in self.parameters():
            torch.nn.init.normal_(parameter, 0.0, size, generator=generator)

    def forward(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        """dy/dt."""
        found: torch.Tensor = self.out(torch.tanh(self.into(y)))
        return found
