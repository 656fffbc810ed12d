"""Losses: how far a prediction is from what was observed."""

from workbench import Offer, hookimpl


@hookimpl
def offer_losses() -> list[Offer]:
    from .likelihood import likelihood
    from .offers import poisson_process
    from .squares import huber, mae, mse

    return [
        Offer("mse", mse, "mean squared error", "Legendre (1805), Nouvelles méthodes, appendix"),
        Offer("mae", mae, "mean absolute error", "Boscovich (1757); Laplace (1799), Mécanique céleste III.40"),
        Offer(
            "huber",
            huber,
            "squares near zero, absolute values beyond delta",
            "Huber (1964), Ann. Math. Stat. 35, 73–101",
        ),
        Offer(
            "likelihood", likelihood, "negative log-likelihood of the declared noise, scales profiled", "Fisher (1922)"
        ),
        Offer(
            "poisson-process",
            poisson_process,
            "minus the log-likelihood of event times: channels count events, their slopes are intensities",
            "Daley & Vere-Jones (2003), An Introduction to the Theory of Point Processes I, §7.2",
        ),
    ]
