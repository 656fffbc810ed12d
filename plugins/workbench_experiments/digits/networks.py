"""What the networks are made of: the layers that shrink an image, residual blocks, an ODE in their place.

The architecture is that of Chen et al. (2018), section 3, as their example in torchdiffeq has it: with 64 channels
the ResNet has 576 778 parameters, the ODE-Net 208 266, and without any block 132 874 remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

import workbench as wb

LARGE = 16  # from this many rows on, an image is halved twice


def norm(channels: int) -> nn.Module:
    """Group normalisation in pairs of channels, as with 64 of them there; it knows no other image: rows stay apart."""
    return nn.GroupNorm(channels // 2, channels)


def shrink(size: int, channels: int) -> nn.Sequential:
    """From (image, 1, size, size) to (image, channels, 6, 6) for 28×28 and (image, channels, 4, 4) for 8×8."""
    large = size >= LARGE
    layers: list[nn.Module] = [nn.Conv2d(1, channels, 3, padding=0 if large else 1)]
    for _ in range(2 if large else 1):
        layers += [norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 4, stride=2, padding=1)]
    return nn.Sequential(*layers)


def answer(channels: int) -> nn.Sequential:
    """From (image, channels, row, column) to a score for each digit (image, 10)."""
    return nn.Sequential(norm(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class ResidualBlock(nn.Module):
    """y + g(y), with two convolutions in g (He, Zhang, Ren & Sun 2016, arXiv 1603.05027)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            norm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        )

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """(image, channel, row, column), as it came."""
        return y + self.change(y)


class TimedConvolution(nn.Module):
    """A 3×3 convolution that sees t as one more channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels + 1, channels, 3, padding=1)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(image, channel, row, column); t is one number or has the axes of y."""
        return self.convolution(torch.cat([torch.ones_like(y[:, :1]) * t, y], dim=1))


class Dynamics(nn.Module):
    """dy/dt of states (image, channel, row, column): two convolutions, `normed` or as plain ReLU layers.

    `lines` counts the images that f has been evaluated for.
    """

    def __init__(self, channels: int, normed: bool = True) -> None:
        super().__init__()
        self.first, self.second = TimedConvolution(channels), TimedConvolution(channels)
        self.norms = nn.ModuleList([norm(channels) if normed else nn.Identity() for _ in range(3)])
        self.normed, self.lines = normed, 0

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy/dt, like y."""
        self.lines += len(y)
        if not self.normed:
            return torch.relu(self.second(t, torch.relu(self.first(t, y))))
        y = self.first(t, torch.relu(self.norms[0](y)))
        y = self.second(t, torch.relu(self.norms[1](y)))
        return self.norms[2](y)


class OdeBlock(nn.Module):
    """y(1) of dy/dt = f(t, y) from y(0), by `workbench.prepare`; `evaluations` are those of the last solve, an image.

    `options` are those of `prepare`: the solver with its tolerance or step, and the gradient.
    """

    def __init__(self, dynamics: Dynamics, **options: Any) -> None:
        super().__init__()
        self.dynamics, self.evaluations = dynamics, 0.0
        # batches in training are of one size, those in evaluation of another: each has a handle that stays ready
        self._ready = {kind: wb.prepare(dynamics, [0.0, 1.0], engine="torch", **options) for kind in (True, False)}

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """The state at t = 1, like y."""
        found = self._ready[self.training](y)
        self.evaluations = float(found.stats["rhs"].mean())
        return found.ys[:, -1]


def mlp(size: int, hidden: int = 300) -> nn.Sequential:
    """One hidden layer: with 300 units on 28×28 pixels the network of LeCun et al. (1998) with .24 M parameters."""
    return nn.Sequential(nn.Flatten(), nn.Linear(size * size, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def classifier(size: int, channels: int, blocks: Sequence[nn.Module]) -> nn.Sequential:
    """Shrinking layers, blocks on images, and the answer."""
    return nn.Sequential(shrink(size, channels), *blocks, answer(channels))


def parameters(network: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
