"""The experiments with their options; what runs them is imported where one is made."""

from __future__ import annotations

from workbench import Offer
from workbench.contracts import Experiment

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS"


def resnet_euler(width: int = 4, hidden: int = 16) -> Experiment:
    """Networks of `width` states with `hidden` units in a block."""
    from .resnet_euler import ResnetEuler

    return ResnetEuler(width, hidden)


def digits(
    solver: str = "dopri5",
    rtol: float = 1e-2,
    channels: int = 16,
    epochs: int = 0,
    images: int = 5000,
    shift: int = 0,
) -> Experiment:
    """The 8×8 digits of scikit-learn; the MNIST files of `--data FOLDER` where one is given.

    `solver` and `rtol` are those of the ODE-Net. `epochs` follow the size of the images unless given; of more than
    `images` training images as many are drawn. In training they move at random by up to `shift` pixels.
    """
    from .digits.experiment import Digits

    return Digits(solver, rtol, channels, epochs, images, shift)


def cnf(units: int = 64, iterations: int = 0, solver: str = "dopri5", tolerance: float = 1e-3) -> Experiment:
    """A flow of so many hidden units; `iterations` of Adam are 500 unless given, and twice as many for planar layers.

    `solver` and `tolerance` are those of training; densities are judged at a thousandth of the latter.
    """
    from .cnf.experiment import Cnf

    return Cnf(units, iterations, solver, tolerance)


EXPERIMENTS = [
    Offer(
        "resnet-euler",
        resnet_euler,
        "a residual network is Euler's method to the bit, and tends to the ODE like 1/N",
        f"{CHEN}, section 1; E (2017), Commun. Math. Stat. 5, 1–11",
    ),
    Offer(
        "digits",
        digits,
        "an ODE tells digits apart like a ResNet with a third of its parameters",
        f"{CHEN}, section 3 and Table 1",
    ),
    Offer(
        "cnf",
        cnf,
        "densities by an ODE, with the trace exact or estimated, against planar flows",
        f"{CHEN}, section 4; Rezende & Mohamed (2015), ICML; Grathwohl et al. (2019), ICLR",
    ),
]
