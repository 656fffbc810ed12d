"""The experiments with their options; what runs them is imported where one is made."""

from __future__ import annotations

from typing import Literal

from workbench import Offer
from workbench.contracts import Experiment

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS"


def resnet_euler(width: int = 4, hidden: int = 16) -> Experiment:
    """Networks of `width` states with `hidden` units in a block."""
    from .resnet_euler import ResnetEuler

    return ResnetEuler(width, hidden)


def adjoint_memory(steps: tuple[int, ...] = ()) -> Experiment:
    """`steps` are the numbers of rk4 steps; 10, 100, 1000 unless given, and 10, 30, 100 in the quick form."""
    from .adjoint_memory.experiment import AdjointMemory

    return AdjointMemory(tuple(steps))


def spiral(
    convention: Literal["Ay", "yA"] = "Ay",
    solvers: tuple[str, ...] = ("euler", "rk4", "dopri5"),
    steps: int = 150,
    hidden: int = 50,
    samples: int = 500,
    gradient: Literal["auto", "adjoint", "discrete"] = "auto",
) -> Experiment:
    """A network of `hidden` units and `steps` steps of the recipe; "yA" turns the other way.

    `gradient` is the published adjoint unless the form is the quick one, which takes the discrete one.
    """
    from .spiral import SpiralExperiment
    from .spiral.recipe import Recipe
    from .spiral.system import Spiral

    recipe = Recipe(steps=steps, hidden=hidden)
    return SpiralExperiment(Spiral(samples, convention), recipe, tuple(solvers), gradient)


def tolerance_trade_off(problem: str = "van_der_pol", samples: int = 200, hidden: int = 32) -> Experiment:
    """A network of `hidden` units on `samples` points of a problem of the library."""
    from .tolerance_trade_off.experiment import TradeOff

    return TradeOff(problem, samples, hidden)


def digits(
    solver: str = "dopri5",
    rtol: float = 1e-2,
    channels: int = 16,
    epochs: int = 0,
    images: int = 5000,
    shift: float = 1 / 16,
    warp: float = 0.15,
    processes: int = 1,
) -> Experiment:
    """The 8×8 digits of scikit-learn; the MNIST files of `--data FOLDER` where one is given.

    `solver` and `rtol` are those of the ODE-Net. `epochs` follow the size of the images unless given; of more than
    `images` training images as many are drawn. In training they move at random by up to the share `shift` of a side,
    and are turned, sheared and stretched by up to `warp`. So many `processes` train networks side by side.
    """
    from .digits.experiment import Digits
    from .digits.training import Recipe

    return Digits(solver, rtol, channels, images, Recipe(epochs, shift=shift, warp=warp), processes)


def cnf(units: int = 64, iterations: int = 0, solver: str = "dopri5", tolerance: float = 1e-3) -> Experiment:
    """A flow of so many hidden units; `iterations` of Adam are 500 unless given, and twice as many for planar layers.

    `solver` and `tolerance` are those of training; densities are judged at a thousandth of the latter.
    """
    from .cnf.experiment import Cnf

    return Cnf(units, iterations, solver, tolerance)


def events(iterations: int = 300) -> Experiment:
    """`iterations` of L-BFGS a fit."""
    from .events.experiment import Events

    return Events(iterations)


EXPERIMENTS = [
    Offer(
        "adjoint-memory",
        adjoint_memory,
        "memory and gradient error of the continuous adjoint beside backprop and the discrete adjoint",
        f"{CHEN}, Algorithm 1",
    ),
    Offer(
        "spiral",
        spiral,
        "y' = A y learned by a small network through Euler, RK4 and Dopri5, with the errata",
        "Capell, Hyzer & Vaishampayan (2023), Review of Literature, section 4.3.2; torchdiffeq, examples/ode_demo.py",
    ),
    Offer(
        "resnet-euler",
        resnet_euler,
        "a residual network is Euler's method to the bit, and tends to the ODE like 1/N",
        f"{CHEN}, section 1; E (2017), Commun. Math. Stat. 5, 1–11",
    ),
    Offer(
        "tolerance-trade-off",
        tolerance_trade_off,
        "error, evaluations and time of a trained model at other tolerances, and where it collapses",
        f"{CHEN}, section 3; Ott, Katiyar, Hennig & Tiemann (2021), ICLR",
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
    Offer(
        "events",
        events,
        "event times by a Poisson process whose intensity is a latent ODE, simulated and of coal mines",
        f"{CHEN}, section 5.1",
    ),
]
