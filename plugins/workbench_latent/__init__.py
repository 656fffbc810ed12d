"""Latent ODEs: hidden dynamics behind irregular observations, fitted by a variational bound."""

from workbench import Offer, hookimpl

SOURCE = "Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366, section 5"


@hookimpl
def offer_dynamics() -> list[Offer]:
    from .offers import latent

    return [
        Offer(
            "latent",
            latent,
            "hidden states behind the channels, begun by an encoder of irregular observations with missing values",
            SOURCE,
        )
    ]


@hookimpl
def offer_losses() -> list[Offer]:
    from .offers import elbo

    return [
        Offer(
            "elbo",
            elbo,
            "minus the evidence lower bound of a latent model",
            "Kingma & Welling (2014), arXiv 1312.6114; Chen et al. (2018), arXiv 1806.07366, appendix F",
        )
    ]


@hookimpl
def offer_experiments() -> list[Offer]:
    from .spirals.offer import latent_ode

    return [
        Offer(
            "latent-ode",
            latent_ode,
            "latent ODE of irregular noisy spirals beside recurrent networks, at 30, 50 and 100 observations",
            SOURCE,
        )
    ]
