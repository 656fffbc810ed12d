"""The negative log-likelihood of the observations, in data space, with each channel's own noise."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.contracts import Pointwise
from workbench.errors.usage import UsageError

NOISE = {
    "gaussian": Pointwise(
        "gaussian",
        residual="(y - mu)/sigma",
        derivative="-1/sigma",
        nll="((y - mu)/sigma)^2/2 + log(sigma) + log(2*pi)/2",
        scale="rms",
        source="Gauss (1809), Theoria motus",
    ),
    "lognormal": Pointwise(
        "lognormal",
        residual="(log(y) - log(mu))/sigma",
        derivative="-1/(mu*sigma)",
        nll="((log(y) - log(mu))/sigma)^2/2 + log(sigma) + log(2*pi)/2 + log(y)",
        scale="rms",
        support="min(y, mu)",
        source="Johnson, Kotz & Balakrishnan (1994), Continuous Univariate Distributions 1, ch. 14",
    ),
    # The deviance residual: half its square is the likelihood up to a constant, so least squares finds the maximum.
    # Near y = mu the closed form cancels; there its series in d = (y − mu)/mu stands in, exact to 1e-13 for |d| < 1e-3:
    # residual sqrt(mu)·(d − d²/6 + 5d³/72 − 83d⁴/2160), derivative −(1 + d/6 − d²/24 + 43d³/2160)/sqrt(mu).
    "poisson": Pointwise(
        "poisson",
        residual="where(abs(y - mu) - 1e-3*mu,"
        " sign(y - mu)*sqrt(2*(y*(log(max(y, 1e-300)) - log(mu)) - (y - mu))),"
        " sqrt(mu)*((y - mu)/mu - ((y - mu)/mu)^2/6 + 5*((y - mu)/mu)^3/72 - 83*((y - mu)/mu)^4/2160))",
        derivative="where(abs(y - mu) - 1e-3*mu,"
        " -abs(y - mu)/mu/sqrt(2*max(y*(log(max(y, 1e-300)) - log(mu)) - (y - mu), 1e-300)),"
        " -(1 + (y - mu)/mu/6 - ((y - mu)/mu)^2/24 + 43*((y - mu)/mu)^3/2160)/sqrt(mu))",
        nll="mu - y*log(mu) + lgamma(y + 1)",
        support="mu",
        source="McCullagh & Nelder (1989), Generalized Linear Models, §2.4.3",
    ),
}


@dataclass(frozen=True)
class Likelihood:
    """Each channel by the noise that it declares; gaussian where it declares none."""

    name: str = "likelihood"

    def pointwise(self, noise: str) -> Pointwise:
        """The formulas of one kind of noise."""
        if noise not in NOISE:
            raise UsageError(
                f"the likelihood knows no noise {noise!r}, only {', '.join(NOISE)}",
                help="declare one of these: --noise CHANNEL=gaussian",
            )
        return NOISE[noise]


def likelihood() -> Likelihood:
    """The negative log-likelihood, gaussian, lognormal or poisson by channel."""
    return Likelihood()
