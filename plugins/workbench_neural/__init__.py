"""Dynamics learned by networks."""

from workbench import Offer, hookimpl


@hookimpl
def offer_dynamics() -> list[Offer]:
    from .offers import mlp

    source = "Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366"
    return [Offer("mlp", mlp, "a multilayer perceptron as the right-hand side: a neural ODE", source)]
