"""Dynamics written as equations: a problem's own, with unknown parameters and initial values."""

from workbench import Offer, hookimpl


@hookimpl
def offer_dynamics() -> list[Offer]:
    from .offers import equations

    return [Offer("equations", equations, "the problem's own equations, their parameters and learned terms unknown")]
