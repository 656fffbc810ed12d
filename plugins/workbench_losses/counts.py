"""Noise of counts: Poisson and negative binomial, by their deviance residuals.

Half the square of a deviance residual is the negative log-likelihood up to a constant, so least squares finds the
maximum (McCullagh & Nelder 1989, Generalized Linear Models, §2.3.1).
"""

from __future__ import annotations

from workbench.contracts import Pointwise

# Near y = mu the closed form cancels; there its series in d = (y − mu)/mu stands in, exact to 1e-13 for |d| < 1e-3:
# residual sqrt(mu)·(d − d²/6 + 5d³/72 − 83d⁴/2160), derivative −(1 + d/6 − d²/24 + 43d³/2160)/sqrt(mu).
POISSON = Pointwise(
    "poisson",
    residual="where(abs(y - mu) - 1e-3*mu,"
    " sign(y - mu)*sqrt(2*(y*(log(max(y, 1e-300)) - log(mu)) - (y - mu))),"
    " sqrt(mu)*((y - mu)/mu - ((y - mu)/mu)^2/6 + 5*((y - mu)/mu)^3/72 - 83*((y - mu)/mu)^4/2160))",
    derivative="where(abs(y - mu) - 1e-3*mu,"
    " -abs(y - mu)/mu/sqrt(2*max(y*(log(max(y, 1e-300)) - log(mu)) - (y - mu), 1e-300)),"
    " -(1 + (y - mu)/mu/6 - ((y - mu)/mu)^2/24 + 43*((y - mu)/mu)^3/2160)/sqrt(mu))",
    nll="mu - y*log(mu) + lgamma(y + 1)",
    information="1/mu",
    support="mu",
    source="McCullagh & Nelder (1989), Generalized Linear Models, §2.4.3",
)


E, C = "((y - mu)/mu)", "(sigma*mu/(1 + sigma*mu))"
# With φ(e) = (1 + e) log(1 + e) − e = Σ (−e)^j/(j(j − 1)) from j = 2, the deviance is 2mu·(φ(E) − φ(C·E)/C), which
# cancels near y = mu; there its series stands in: mu·E²/(1 + sigma·mu) times this, exact to 1e-15 for |E| < 1e-3.
SHARE = (
    f"(1 - {E}*((1 + {C})/3 - {E}*((1 + {C} + {C}^2)/6"
    f" - {E}*((1 + {C} + {C}^2 + {C}^3)/10 - {E}*(1 + {C} + {C}^2 + {C}^3 + {C}^4)/15))))"
)
FAR = "2*(y*(log(max(y, 1e-300)) - log(mu)) - (y + 1/sigma)*log1p(sigma*(y - mu)/(1 + sigma*mu)))"
# log Γ(y + k) − log Γ(k) − y·log k with k = 1/sigma: from k = 10 by Stirling's series (Abramowitz & Stegun 6.1.41),
# whose next term is 6e-16 there, for the logarithms of Γ cancel.
STIRLING = ("1/12", "-1/360", "1/1260", "-1/1680", "1/1188", "-691/360360")
SERIES = " + ".join(
    f"({coefficient})*((sigma/(1 + sigma*y))^{power} - sigma^{power})"
    for coefficient, power in zip(STIRLING, range(1, 12, 2), strict=True)
)
RISING = (
    "where(sigma - 0.1, lgamma(y + 1/sigma) - lgamma(1/sigma) + y*log(sigma),"
    f" (1/sigma + y - 0.5)*log1p(sigma*y) - y + {SERIES})"
)

NEGATIVE_BINOMIAL = Pointwise(
    "negative-binomial",
    residual=f"where(abs(y - mu) - 1e-3*mu, sign(y - mu)*sqrt(max({FAR}, 0)), {E}*sqrt(mu/(1 + sigma*mu)*{SHARE}))",
    derivative=f"where(abs(y - mu) - 1e-3*mu, -abs(y - mu)/(mu*(1 + sigma*mu))/sqrt(max({FAR}, 1e-300)),"
    f" -1/sqrt(mu*(1 + sigma*mu)*{SHARE}))",
    nll=f"(y + 1/sigma)*log1p(sigma*mu) - y*log(mu) + lgamma(y + 1) - ({RISING})",
    scale="likelihood",
    least_scale=1e-9,
    information="1/(mu*(1 + sigma*mu))",
    support="mu",
    source="Lawless (1987), Can. J. Stat. 15, 209–225; Hilbe (2011), Negative Binomial Regression, ch. 8 (NB2)",
)
"""Variance mu + sigma·mu²; sigma is the dispersion, 1/sigma the size."""
