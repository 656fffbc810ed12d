"""Maximum likelihood: the density at batches drawn anew, raised by Adam."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

Draw = Callable[[int], torch.Tensor]  # n -> points (n, 2)


@dataclass(frozen=True)
class Fit:
    """Negative log-likelihoods in nats a point (iteration,), evaluations of f (iteration,), and seconds."""

    losses: np.ndarray
    evaluations: np.ndarray
    seconds: float


def raise_likelihood(
    module: nn.Module,
    log_density: Callable[[torch.Tensor], torch.Tensor],
    draw: Draw,
    iterations: int,
    batch: int,
    rate: float,
    evaluations: Callable[[], float],
) -> Fit:
    """The module's parameters, trained in place; the rate falls to zero along half a cosine."""
    optimizer = torch.optim.Adam(module.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations)
    losses, counts = np.zeros(iterations), np.zeros(iterations)
    begun = time.perf_counter()
    for i in range(iterations):
        loss = -log_density(draw(batch)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses[i], counts[i] = float(loss.detach()), evaluations()
    return Fit(losses, counts, time.perf_counter() - begun)
