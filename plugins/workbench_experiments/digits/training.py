"""Training a classifier, and its wrong answers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from workbench.errors.usage import UsageError

from .images import Images
from .networks import OdeBlock

BATCH, TEST_BATCH = 128, 500


@dataclass(frozen=True)
class Recipe:
    """Adam with a learning rate that rises to `rate` and falls to zero over the epochs; `shift` moves images at random.

    Images move by up to so many pixels in each direction, zeros coming in from the edges.
    """

    epochs: int
    rate: float = 2e-2
    shift: int = 0
    decay: float = 1e-4


@dataclass(frozen=True)
class Trained:
    """Wrong answers in % of the test images; loss (epoch,) and evaluations of f an image (epoch,), NaN without one.

    `seconds` are those of training, testing left out.
    """

    error: float
    losses: np.ndarray
    evaluations: np.ndarray
    seconds: float


def train(network: nn.Sequential, images: Images, recipe: Recipe, rng: np.random.Generator) -> Trained:
    """The network trained in place by cross entropy; the test images are read once, after the last step.

    Raises UsageError for fewer images than a batch has.
    """
    if len(images.train) < BATCH:
        raise UsageError(f"{len(images.train)} training images are less than a batch of {BATCH}", help="-S images=5000")
    x, digits = torch.from_numpy(images.train), torch.from_numpy(images.train_digits)
    block = ode_block(network)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    steps = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, recipe.epochs * steps)
    losses, evaluations = np.zeros(recipe.epochs), np.full(recipe.epochs, np.nan)
    begun = time.perf_counter()
    network.train()
    for epoch in range(recipe.epochs):
        seen = []
        for chosen in rng.permutation(len(x))[: steps * BATCH].reshape(steps, BATCH):
            loss = cross_entropy(network(shifted(x[chosen], recipe.shift, rng)), digits[chosen])
            seen.append(block.evaluations if block else np.nan)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses[epoch] += float(loss.detach()) / steps
        evaluations[epoch] = np.mean(seen)
    seconds = time.perf_counter() - begun
    return Trained(error_of(network, images), losses, evaluations, seconds)


def shifted(x: torch.Tensor, shift: int, rng: np.random.Generator) -> torch.Tensor:
    """Each image (image, 1, row, column) moved by up to `shift` pixels in each direction, zeros coming in."""
    if not shift:
        return x
    size = x.shape[-1]
    padded = nn.functional.pad(x, [shift] * 4)
    starts = rng.integers(0, 2 * shift + 1, (len(x), 2))
    return torch.stack([image[:, i : i + size, j : j + size] for image, (i, j) in zip(padded, starts, strict=True)])


def error_of(network: nn.Module, images: Images) -> float:
    """Wrong answers in % of the test images."""
    network.eval()
    digits, right = torch.from_numpy(images.test_digits), 0
    with torch.no_grad():
        for batch, wanted in zip(
            torch.from_numpy(images.test).split(TEST_BATCH), digits.split(TEST_BATCH), strict=True
        ):
            right += int((network(batch).argmax(dim=1) == wanted).sum())
    return 100.0 * (1.0 - right / len(digits))


def ode_block(network: nn.Module) -> OdeBlock | None:
    """The ODE among the layers, if there is one."""
    return next((layer for layer in network.modules() if isinstance(layer, OdeBlock)), None)
