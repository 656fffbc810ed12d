"""The torch module behind `mlp`; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

from .scales import Scales

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "softplus": torch.nn.functional.softplus,
    "silu": torch.nn.functional.silu,
    "relu": torch.relu,
    "sin": torch.sin,
}


class Network(torch.nn.Module):
    """Dense layers between scaled inputs and scaled outputs, float64; row i of the result depends on row i only."""

    y_mean: torch.Tensor
    y_spread: torch.Tensor
    slope: torch.Tensor
    u_mean: torch.Tensor
    u_spread: torch.Tensor
    c_mean: torch.Tensor
    c_spread: torch.Tensor

    def __init__(self, sizes: tuple[int, ...], activation: str, scales: Scales, with_time: bool) -> None:
        super().__init__()
        layers = [torch.nn.Linear(n_in, n_out, dtype=torch.float64) for n_in, n_out in pairwise(sizes)]
        self.layers = torch.nn.ModuleList(layers)
        self.activation, self.with_time = ACTIVATIONS[activation], with_time
        for name in ("y_mean", "y_spread", "slope", "u_mean", "u_spread", "c_mean", "c_spread"):
            self.register_buffer(name, torch.as_tensor(getattr(scales, name), dtype=torch.float64))
        self.t_mean, self.t_spread = scales.t_mean, scales.t_spread

    def forward(
        self, t: torch.Tensor, y: torch.Tensor, u: torch.Tensor | None = None, c: torch.Tensor | None = None
    ) -> torch.Tensor:
        """dy/dt (rows, state)."""
        parts = [(y - self.y_mean) / self.y_spread]
        if u is not None:
            parts.append((u - self.u_mean) / self.u_spread)
        if c is not None:
            parts.append((c - self.c_mean) / self.c_spread)
        if self.with_time:
            parts.append((t - self.t_mean) / self.t_spread)
        z = torch.cat(parts, dim=-1)
        *hidden, last = self.layers  # a slice would build a new ModuleList, a fifth of the time of a call
        for layer in hidden:
            z = self.activation(layer(z))
        return self.slope * last(z)
