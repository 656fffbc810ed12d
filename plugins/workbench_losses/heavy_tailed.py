"""Noise with far outliers: Student's t around the prediction."""

from __future__ import annotations

from math import lgamma, log, pi

from workbench.contracts import Pointwise


def student(freedom: float) -> Pointwise:
    """Student's t with `freedom` degrees of freedom; sigma is its scale, not its standard deviation.

    The residual is sign(z)·√((ν + 1) log(1 + z²/ν)), z = (y − mu)/sigma: half its square is the likelihood up to a
    constant in mu.
    """
    n = repr(float(freedom))
    w = f"(((y - mu)/sigma)^2/{n})"
    constant = lgamma(freedom / 2) - lgamma((freedom + 1) / 2) + log(freedom * pi) / 2
    # dr/dz = √((ν + 1)/ν)·√(w/log(1 + w))/(1 + w) with w = z²/ν; √(w/log(1 + w)) = 1 + w/4 − … near 0
    root = f"where({w} - 1e-9, sqrt(max({w}, 1e-12)/log1p(max({w}, 1e-12))), 1 + {w}/4)"
    return Pointwise(
        f"student({freedom:g})",
        residual=f"sign(y - mu)*sqrt(({n} + 1)*log1p({w}))",
        derivative=f"-sqrt(({n} + 1)/{n})*{root}/(1 + {w})/sigma",
        nll=f"({n} + 1)/2*log1p({w}) + log(sigma) + ({constant!r})",
        scale="likelihood",
        z="(y - mu)/sigma",
        freedom=float(freedom),
        information=f"({n} + 1)/({n} + 3)/sigma^2",
        source="Lange, Little & Taylor (1989), J. Am. Stat. Assoc. 84, 881–896",
    )
