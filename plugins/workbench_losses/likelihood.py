"""The negative log-likelihood of the observations, in data space, with each channel's own noise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.contracts import Pointwise
from workbench.errors.usage import UsageError

from .counts import NEGATIVE_BINOMIAL, POISSON
from .heavy_tailed import student

NOISE = {
    "gaussian": Pointwise(
        "gaussian",
        residual="(y - mu)/sigma",
        derivative="-1/sigma",
        nll="((y - mu)/sigma)^2/2 + log(sigma) + log(2*pi)/2",
        scale="rms",
        z="(y - mu)/sigma",
        source="Gauss (1809), Theoria motus",
    ),
    "lognormal": Pointwise(
        "lognormal",
        residual="(log(y) - log(mu))/sigma",
        derivative="-1/(mu*sigma)",
        nll="((log(y) - log(mu))/sigma)^2/2 + log(sigma) + log(2*pi)/2 + log(y)",
        scale="rms",
        z="(log(y) - log(mu))/sigma",
        support="min(y, mu)",
        source="Johnson, Kotz & Balakrishnan (1994), Continuous Univariate Distributions 1, ch. 14",
    ),
    "poisson": POISSON,
    "negative-binomial": NEGATIVE_BINOMIAL,
}


@dataclass(frozen=True)
class Likelihood:
    """Each channel by the noise that it declares; gaussian where it declares none."""

    freedom: float
    name: str = "likelihood"

    def pointwise(self, noise: str) -> Pointwise:
        """The formulas of one kind of noise; `student(3)` has 3 degrees of freedom, `student` those of the option."""
        heavy = re.fullmatch(r"student(?:\(([0-9.]+)\))?", noise)
        if heavy:
            return student(float(heavy[1] or self.freedom))
        if noise not in NOISE:
            raise UsageError(
                f"the likelihood knows no noise {noise!r}, only {', '.join([*NOISE, 'student'])}",
                help="declare one of these: --noise CHANNEL=gaussian",
            )
        return NOISE[noise]


def likelihood(freedom: float = 4.0) -> Likelihood:
    """The negative log-likelihood by channel: gaussian, lognormal, student (`freedom` degrees of freedom), poisson or
    negative-binomial.
    """
    if not 0 < freedom < float("inf"):
        raise UsageError(f"freedom is {freedom:g}", help="Student's t has degrees of freedom above 0: freedom = 4")
    return Likelihood(freedom)
