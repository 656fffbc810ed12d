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
