"""Strategies: the order in which a fit is attempted."""

from workbench import Offer, hookimpl


@hookimpl
def offer_strategies() -> list[Offer]:
    from .offers import gradient_matching, ladder, single

    return [
        Offer(
            "ladder",
            ladder,
            "gradient matching, then the trajectory, initial values last",
            "Varah (1982), SIAM J. Sci. Stat. Comput. 3",
        ),
        Offer("single", single, "the whole trajectory from the start values, all unknowns at once", "Bard (1974)"),
        Offer(
            "gradient-matching",
            gradient_matching,
            "f against the slopes of curves through the data",
            "Varah (1982), eq. 2.2",
        ),
    ]
