"""Strategies: the order in which a fit is attempted."""

from workbench import Offer, hookimpl


@hookimpl
def offer_strategies() -> list[Offer]:
    from .offers import gradient_matching, horizon, ladder, multiple_shooting, single

    return [
        Offer(
            "ladder",
            ladder,
            "gradient matching, then the trajectory, initial values last; multiple shooting where that ends stuck",
            "Varah (1982), SIAM J. Sci. Stat. Comput. 3",
        ),
        Offer("single", single, "the whole trajectory from the start values, all unknowns at once", "Bard (1974)"),
        Offer(
            "gradient-matching",
            gradient_matching,
            "f against the slopes of curves through the data",
            "Varah (1982), eq. 2.2",
        ),
        Offer(
            "multiple-shooting",
            multiple_shooting,
            "windows that begin at states of their own and are made to meet, then the trajectory",
            "Bock (1983), in Numerical Treatment of Inverse Problems, 95–121; "
            "Voss, Timmer & Kurths (2004), Int. J. Bifurcation Chaos 14, 1905–1933",
        ),
        Offer("horizon", horizon, "the beginning of each trajectory, then twice as much of it, and so on"),
    ]
