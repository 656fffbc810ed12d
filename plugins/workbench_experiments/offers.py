"""The experiments with their options; what runs them is imported where one is made."""

from __future__ import annotations

from workbench import Offer
from workbench.contracts import Experiment

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS"


def resnet_euler(width: int = 4, hidden: int = 16) -> Experiment:
    """Networks of `width` states with `hidden` units in a block."""
    from .resnet_euler import ResnetEuler

    return ResnetEuler(width, hidden)


def events(iterations: int = 300) -> Experiment:
    """`iterations` of L-BFGS a fit."""
    from .events.experiment import Events

    return Events(iterations)


EXPERIMENTS = [
    Offer(
        "resnet-euler",
        resnet_euler,
        "a residual network is Euler's method to the bit, and tends to the ODE like 1/N",
        f"{CHEN}, section 1; E (2017), Commun. Math. Stat. 5, 1–11",
    ),
    Offer(
        "events",
        events,
        "event times by a Poisson process whose intensity is a latent ODE, simulated and of coal mines",
        f"{CHEN}, section 5.1",
    ),
]
