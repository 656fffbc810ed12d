"""The comparison: every network trained on the same images, and what a training step of each costs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from workbench.errors.numerics import AdjointAstray
from workbench.errors.usage import UsageError
from workbench.findings import Findings, Lab

from ..side_by_side import side_by_side
from .arms import Arm, arms, ode_net, resnet, seeded
from .cost import Cost, cost_of
from .images import Images, mnist, small_digits
from .networks import parameters
from .published import SOURCES
from .telling import claims, pictures, table_of_costs, table_of_networks
from .training import Recipe, Trained, train

TOLERANCES = (1e-1, 1e-2, 1e-3)
COST_BATCH = 16  # images of the step whose memory is counted


@dataclass(frozen=True)
class Measured:
    """All that was found, before it is told: by arm and seed, and the cost of a step by network."""

    images: str
    n_test: int
    parameters: dict[str, int]
    trained: dict[str, list[Trained]]
    costs: dict[tuple[str, str], Cost]  # (network or gradient, blocks or tolerance)


@dataclass(frozen=True)
class Training:
    """One network that is trained with one seed: all that says which, and on which images."""

    arm: str
    seed: int
    solver: str
    rtol: float
    channels: int
    recipe: Recipe
    folder: Path | None
    at_most: int  # training images

    def images(self) -> Images:
        """Those of the folder, or the 8×8 digits; drawn by the seed, the same for all networks."""
        rng = np.random.default_rng(self.seed)
        return small_digits(rng, self.at_most) if self.folder is None else mnist(self.folder, rng, self.at_most)


def trained(job: Training) -> Trained:
    """The job done."""
    arm = next(arm for arm in arms(job.solver, job.rtol) if arm.name == job.arm)
    images = job.images()
    network = seeded(arm.make, images.size, job.channels, job.seed)
    return train(network, images, job.recipe, np.random.default_rng(job.seed))


class Digits:
    """Digits told apart by an ODE block against residual blocks, no block and an MLP."""

    def __init__(self, solver: str, rtol: float, channels: int, images: int, recipe: Recipe, processes: int) -> None:
        if channels < 2:
            raise UsageError(f"channels are normed in pairs: 2 or more, not {channels}", help="-S channels=16")
        if processes < 1:
            raise UsageError(f"{processes} processes were asked for", help="-S processes=2")
        self.solver, self.rtol, self.channels, self.images = solver, rtol, channels, images
        self.recipe, self.processes = recipe, processes

    def usual_seeds(self, quick: bool, data: Path | None) -> int:
        """Few: one takes minutes, with MNIST a quarter of an hour."""
        return 1 if quick or data is not None else 3

    def run(self, lab: Lab) -> Findings:
        """Two tables, claims, three panels."""
        found = self._measured(lab)
        return Findings(
            tables=(table_of_networks(found, len(lab.seeds)), table_of_costs(found)),
            claims=claims(found, lab.quick, self.rtol),
            pictures=pictures(found),
            notes=_notes(found, lab),
            sources=SOURCES,
        )

    def _measured(self, lab: Lab) -> Measured:
        every = arms(self.solver, self.rtol)
        jobs = [self._training(arm, seed, lab) for seed in lab.seeds for arm in every]
        found: dict[str, list[Trained]] = {arm.name: [] for arm in every}
        for job, one in zip(jobs, side_by_side(trained, jobs, self.processes), strict=True):
            found[job.arm].append(one)
            lab.say(f"seed {job.seed}, {job.arm}: {one.error:.2f} % wrong, {one.seconds:.0f} s")
        images = jobs[0].images()
        sizes = {arm.name: parameters(seeded(arm.make, images.size, self.channels, 0)) for arm in every}
        costs = self._costs(images, self.channels, every, lab)
        return Measured(images.name, len(images.test), sizes, found, costs)

    def _training(self, arm: Arm, seed: int, lab: Lab) -> Training:
        epochs = self.recipe.epochs or (3 if lab.quick else 15 if lab.data is not None else 60)
        at_most = min(self.images, 512) if lab.quick else self.images
        recipe = replace(self.recipe, epochs=epochs)
        return Training(arm.name, seed, self.solver, self.rtol, self.channels, recipe, lab.data, at_most)

    def _costs(self, images: Images, channels: int, every: tuple[Arm, ...], lab: Lab) -> dict[tuple[str, str], Cost]:
        """One step on a few images at the weights of seed 0: of every arm, by blocks, and by gradient and tolerance."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AdjointAstray)  # how far the adjoint's gradient is off is in the table
            return self._steps(images, channels, every, lab)

    def _steps(self, images: Images, channels: int, every: tuple[Arm, ...], lab: Lab) -> dict[tuple[str, str], Cost]:
        x = torch.from_numpy(images.train[:COST_BATCH])
        digits = torch.from_numpy(images.train_digits[:COST_BATCH])
        costs = {(arm.name, ""): cost_of(seeded(arm.make, images.size, channels, 0), x, digits) for arm in every}
        for blocks in (1, 2, 4, 6):
            network = seeded(resnet(blocks), images.size, channels, 0)
            costs["ResNet", str(blocks)] = cost_of(network, x, digits)
        for gradient in ("backprop", "discrete", "checkpoints", "adjoint"):
            for rtol in TOLERANCES[:2] if lab.quick else TOLERANCES:
                make = ode_net(self.solver, gradient, rtol=rtol, atol=rtol)
                costs[gradient, f"{rtol:g}"] = cost_of(seeded(make, images.size, channels, 0), x, digits)
        return costs


def _notes(found: Measured, lab: Lab) -> tuple[str, ...]:
    return (
        f"{found.images}; every network with the same images in the same order, moved alike, AdamW; no choice by the "
        "test images, which are read once: epochs, rate and moves were chosen on a fifth of the training images.",
        "The published numbers are those of all 60 000 training images of MNIST.",
        "Trajectories keep steps of their own: evaluations are a mean over images. They count f forward, and backward "
        "f together with its derivative, which costs about three of the former.",
        "An ODE-Net that is trained by the adjoint is the same network: the gradients by the adjoint and by the "
        "discrete adjoint differ by what the second table says.",
    ) + (("The quick form: few images and epochs, which decide no error.",) if lab.quick else ())
