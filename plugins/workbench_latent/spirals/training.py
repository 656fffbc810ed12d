"""Training on batches of trajectories, and what the trained models foretell; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from .data import LENGTH, Spirals, times
from .latent import LatentOde
from .recurrent import Recurrent

BATCH = 100
ANNEALED = 0.3  # the share of the iterations over which the divergence comes to its full weight
RATE = 1e-2  # the highest; it rises to it over a tenth of the iterations and falls to nothing (Smith & Topin 2017)


@dataclass(frozen=True)
class Observed:
    """Times, places and values of the observations as tensors (row, observation[, 2])."""

    t: torch.Tensor
    seen: torch.Tensor
    values: torch.Tensor

    @classmethod
    def of(cls, spirals: Spirals) -> Observed:
        """In single precision: the noise is far above its rounding."""
        single = torch.float32
        return cls(
            torch.tensor(spirals.t, dtype=single),
            torch.tensor(spirals.seen),
            torch.tensor(spirals.values, dtype=single),
        )

    def some(self, rows: torch.Tensor) -> Observed:
        """The trajectories `rows` (row,)."""
        return Observed(self.t[rows], self.seen[rows], self.values[rows])


def train(
    model: torch.nn.Module,
    loss: Callable[[Observed, float], torch.Tensor],
    data: Observed,
    iterations: int,
    generator: torch.Generator,
    largest_gradient: float,
) -> list[float]:
    """Adam on `loss(batch, share of the iterations done)`; the losses of all iterations."""
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=iterations + 1, pct_start=0.1)
    found = []
    for k in range(iterations):
        rows = torch.randint(len(data.t), (BATCH,), generator=generator)
        value = loss(data.some(rows), k / iterations)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), largest_gradient)
        optimizer.step()
        schedule.step()
        found.append(float(value.detach()))
    return found


def trained_latent(
    data: Observed, noise: float, size: int, iterations: int, seed: int
) -> tuple[LatentOde, list[float]]:
    """The latent ODE after training, and its bounds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LatentOde(noise, size)

        def bound(batch: Observed, done: float) -> torch.Tensor:
            return model.bound(batch.t, batch.seen, batch.values, min(1.0, done / ANNEALED))

        return model, train(model, bound, data, iterations, torch.Generator().manual_seed(seed), 50.0)


def trained_recurrent(data: Observed, gaps: bool, iterations: int, seed: int) -> Recurrent:
    """The recurrent network after training, told of gaps or not."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Recurrent(gaps)

        def squares(batch: Observed, done: float) -> torch.Tensor:
            return model.loss(batch.seen, batch.values)

        train(model, squares, data, iterations, torch.Generator().manual_seed(seed), 1.0)
        return model


@dataclass(frozen=True)
class Foretold:
    """What a latent ODE says of test trajectories: points before, in and after the piece, and the posterior's means."""

    before: np.ndarray  # (row, LENGTH, 2)
    inside: np.ndarray
    after: np.ndarray
    mean: np.ndarray  # (row, latent)


def foretold(model: LatentOde, data: Observed) -> Foretold:
    """From the posterior's means, at tolerances far below the noise."""
    with torch.no_grad():
        mean, _ = model.encoder(data.t, data.values)
    inside = model.follow(mean, times(1, LENGTH - 1))
    with torch.no_grad():
        first = model.decoder(mean)[:, None]
    after = model.follow(mean, times(LENGTH, LENGTH))
    before = model.follow(mean, times(-LENGTH, LENGTH)[::-1].copy()).flip(1)
    whole = (before, torch.cat([first, inside], dim=1), after, mean)
    return Foretold(*(part.double().numpy() for part in whole))
