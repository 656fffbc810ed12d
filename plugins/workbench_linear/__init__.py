"""Linear dynamics: with every state observed, and as state-space models of a chosen order."""

from workbench import Offer, hookimpl


@hookimpl
def offer_dynamics() -> list[Offer]:
    from .offers import linear, state_space

    return [
        Offer(
            "linear",
            linear,
            "dy/dt = A y + B u + c with every state observed",
            "Ljung (1999), System Identification, 2nd ed., §4.3",
        ),
        Offer(
            "state-space",
            state_space,
            "hidden states, linear with or without a network, begun by subspace identification",
            "Verhaegen (1994), Automatica 30, 61–74; Schoukens (2021), arXiv 2103.14409",
        ),
    ]
