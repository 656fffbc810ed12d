"""The comparison: every network trained on the same images, and what a training step of each costs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from workbench.errors.numerics import AdjointAstray
from workbench.errors.usage import UsageError
from workbench.findings import Findings, Lab

from ..one_thread import one_thread
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


class Digits:
    """Digits told apart by an ODE block against residual blocks, no block and an MLP."""

    def __init__(self, solver: str, rtol: float, channels: int, epochs: int, images: int, shift: int) -> None:
        if channels < 2:
            raise UsageError(f"channels are normed in pairs: 2 or more, not {channels}", help="-S channels=16")
        self.solver, self.rtol = solver, rtol
        self.channels, self.epochs, self.images, self.shift = channels, epochs, images, shift

    def run(self, lab: Lab) -> Findings:
        """Two tables, claims, three panels; MNIST with the first seed alone."""
        seeds = lab.seeds[:1] if lab.quick or lab.data is not None else lab.seeds
        with one_thread():
            found = self._measured(lab, seeds)
        return Findings(
            tables=(table_of_networks(found, len(seeds)), table_of_costs(found)),
            claims=claims(found, lab.quick, self.rtol),
            pictures=pictures(found),
            notes=_notes(found, lab),
            sources=SOURCES,
        )

    def _measured(self, lab: Lab, seeds: tuple[int, ...]) -> Measured:
        every, channels = arms(self.solver, self.rtol), self.channels
        trained: dict[str, list[Trained]] = {arm.name: [] for arm in every}
        for seed in seeds:
            images = self._images(lab, seed)
            for arm in every:
                network = seeded(arm.make, images.size, channels, seed)
                found = train(network, images, self._recipe(lab), np.random.default_rng(seed))
                trained[arm.name].append(found)
                lab.say(f"seed {seed}, {arm.name}: {found.error:.2f} % wrong, {found.seconds:.0f} s")
        sizes = {arm.name: parameters(seeded(arm.make, images.size, channels, 0)) for arm in every}
        costs = self._costs(images, channels, every, lab)
        return Measured(images.name, len(images.test), sizes, trained, costs)

    def _images(self, lab: Lab, seed: int) -> Images:
        rng, at_most = np.random.default_rng(seed), min(self.images, 512) if lab.quick else self.images
        return small_digits(rng, at_most) if lab.data is None else mnist(lab.data, rng, at_most)

    def _recipe(self, lab: Lab) -> Recipe:
        large = lab.data is not None
        return Recipe(self.epochs or (3 if lab.quick else 12 if large else 20), shift=self.shift)

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
        f"{found.images}; every network with the same images in the same order, AdamW, no choice by the test images, "
        "which are read once. The published numbers are those of all 60 000 training images of MNIST.",
        "Trajectories keep steps of their own: evaluations are a mean over images. They count f forward, and backward "
        "f together with its derivative, which costs about three of the former.",
        "An ODE-Net that is trained by the adjoint is the same network: the gradients by the adjoint and by the "
        "discrete adjoint differ by what the second table says.",
    ) + (("The quick form: few images and epochs, which decide no error.",) if lab.quick else ())
