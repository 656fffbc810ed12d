"""The likeliest scale of a channel's noise: a maximisation in one dimension, the same to the bit every time."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

MOST = 345.0
"""|log(scale/start)| up to which a maximum is looked for: a factor of 1e150."""


def likeliest(slope: Callable[[float], float], start: float, least: float) -> float:
    """The scale at which `slope`, the derivative of −log likelihood by log scale, passes through 0 from below.

    Sought from `start` in strides that double, then by Brent's method to rounding (Brent 1973, Algorithms for
    Minimization without Derivatives, ch. 4). `least` where the likelihood grows all the way down to it.

    >>> round(likeliest(lambda u: 3 - 12 * exp(-2 * u), 1.0, 1e-9), 12)  # n = 3, Σe² = 12: σ = 2
    2.0
    """
    from scipy.optimize import brentq

    here, floor = log(start), log(least)
    begin, grows = here, slope(here) < 0
    stride = 1.0 if grows else -1.0
    while abs(here - begin) < MOST and here > floor:
        before, here = here, max(here + stride, floor)
        if (slope(here) < 0) != grows:
            return exp(brentq(slope, *sorted((before, here)), xtol=1e-13, rtol=1e-14))
        stride *= 2
    return exp(here)
