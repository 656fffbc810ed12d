"""One-step solvers, explicit and implicit, each of them its coefficients."""

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers() -> list[Offer]:
    from .methods import SOLVERS  # plain numbers: listing solvers stays light

    return [Offer.of_tableau(method) for method in SOLVERS]
