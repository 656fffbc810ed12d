"""A normalizing flow of planar layers, z + û tanh(wᵀz + b), from data to the normal distribution.

Rezende & Mohamed (2015), ICML, arXiv 1505.05770, eqs. 10 to 12; û is u moved along w so that wᵀû > −1, which makes a
layer invertible (their appendix A.1).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import softplus

from .flow import PLANE, normal_log_density


class PlanarFlow(nn.Module):
    """`layers` planar layers in the plane, five parameters each; at first each is near the identity."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        w = torch.randn(layers, PLANE)
        still = math.log(math.e - 1.0) * w / (w * w).sum(dim=1, keepdim=True)  # the u that makes û = 0
        self.w = nn.Parameter(w)
        self.u = nn.Parameter(still + 0.01 * torch.randn(layers, PLANE))
        self.b = nn.Parameter(torch.randn(layers))

    def directions(self) -> torch.Tensor:
        """û (layer, 2), with wᵀû = softplus(wᵀu) − 1 > −1."""
        along = (self.w * self.u).sum(dim=1, keepdim=True)
        return self.u + (softplus(along) - 1.0 - along) * self.w / (self.w * self.w).sum(dim=1, keepdim=True)

    def to_base(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where data come from (row, 2), and log |det ∂z/∂x| (row,)."""
        z, change = x, x.new_zeros(len(x))
        directions = self.directions()
        gains = (self.w * directions).sum(dim=1)
        for w, u, b, gain in zip(self.w, directions, self.b, gains, strict=True):
            h = torch.tanh(z @ w + b)
            z = z + h[:, None] * u
            change = change + torch.log1p(gain * (1.0 - h * h))
        return z, change

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """log p(x) (row,)."""
        z, change = self.to_base(x)
        return normal_log_density(z) + change
