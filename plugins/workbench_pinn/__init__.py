"""Trajectories as trained networks: physics-informed neural networks, as a contrast to solvers that take steps."""

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers() -> list[Offer]:
    from .solver import pinn

    return [
        Offer(
            "pinn",
            pinn,
            "no steps: y(t) is a network, trained until dy/dt - f vanishes at collocation points",
            "Lagaris, Likas & Fotiadis (1998), IEEE Trans. Neural Netw. 9, 987–1000; Raissi et al. (2019), "
            "J. Comput. Phys. 378, 686–707",
        )
    ]


@hookimpl
def offer_experiments() -> list[Offer]:
    from .contrast.offer import pinn_contrast

    return [
        Offer(
            "pinn-contrast",
            pinn_contrast,
            "a PINN beside a neural ODE, a grey box and gradient matching: held out in time and start, put back",
            "Raissi, Perdikaris & Karniadakis (2019), J. Comput. Phys. 378, 686–707; Wu, Yang & Kou (2025), arXiv "
            "2505.21723",
        )
    ]
