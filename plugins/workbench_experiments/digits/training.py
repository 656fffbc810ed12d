"""Training a classifier, and its wrong answers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from workbench.errors.usage import UsageError

from .images import Images
from .networks import OdeBlock

TEST_BATCH = 500


@dataclass(frozen=True)
class Recipe:
    """AdamW with a learning rate that rises to `rate` and falls to zero over the epochs, on batches of so many images.

    Images are moved at random as `moved` says.
    """

    epochs: int
    rate: float = 2e-2
    shift: float = 1 / 16
    warp: float = 0.15
    decay: float = 1e-4
    batch: int = 128


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
    size = recipe.batch
    if len(images.train) < size:
        raise UsageError(f"{len(images.train)} training images are less than a batch of {size}", help="-S images=5000")
    x, digits = torch.from_numpy(images.train), torch.from_numpy(images.train_digits)
    block = ode_block(network)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    steps = len(x) // size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, recipe.epochs * steps)
    losses, evaluations = np.zeros(recipe.epochs), np.full(recipe.epochs, np.nan)
    begun = time.perf_counter()
    network.train()
    for epoch in range(recipe.epochs):
        seen = []
        for chosen in rng.permutation(len(x))[: steps * size].reshape(steps, size):
            loss = cross_entropy(network(moved(x[chosen], recipe.shift, recipe.warp, rng)), digits[chosen])
            seen.append(block.evaluations if block else np.nan)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses[epoch] += float(loss.detach()) / steps
        evaluations[epoch] = np.mean(seen)
    seconds = time.perf_counter() - begun
    return Trained(error_of(network, images), losses, evaluations, seconds)


def moved(x: torch.Tensor, shift: float, warp: float, rng: np.random.Generator) -> torch.Tensor:
    """Each image (image, 1, row, column) under a linear map of its own and moved, zeros coming in from the edges.

    Moves are uniform up to the share `shift` of a side in each direction; the entries of the maps are those of the
    identity and a uniform number up to `warp`: turns, shears and changes of size. Brightness is bilinear in between.
    """
    if not shift and not warp:
        return x
    maps = np.zeros((len(x), 2, 3), np.float32)
    maps[:, :, :2] = np.eye(2) + rng.uniform(-warp, warp, (len(x), 2, 2))
    maps[:, :, 2] = 2.0 * rng.uniform(-shift, shift, (len(x), 2))  # half a side is one unit
    grid = affine_grid(torch.from_numpy(maps), list(x.shape), align_corners=False)
    return grid_sample(x, grid, align_corners=False)


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
