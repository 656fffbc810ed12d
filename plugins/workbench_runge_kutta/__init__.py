"""Explicit Runge–Kutta solvers, one per tableau."""

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers() -> list[Offer]:
    from .methods import METHODS  # plain numbers: listing solvers stays light

    return [Offer.of_tableau(method) for method in METHODS]
