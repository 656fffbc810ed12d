"""The probability beyond a point, on the log scale and with its derivatives, far out in the tail too."""

from __future__ import annotations

import numpy as np

FAR = 1e8
"""Beyond it the leading term of Student's tail is exact to 1e-16."""


def tail(z: np.ndarray, freedom: float = float("inf")) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """−log F(z) and its first and second derivative (value,), F of a standard normal or of Student's t.

    >>> tail(np.array([-40.0]))[0]  # log F(−40) = −804.6084420137538…
    array([804.60844201])
    """
    with np.errstate(all="ignore"):
        return _normal(z) if np.isinf(freedom) else _student(z, freedom)


def _normal(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By erfcx in the lower tail, F(z) = ½ erfcx(−z/√2) exp(−z²/2); h = F'/F, and (−log F)″ = h(h + z)."""
    from scipy.special import erfc, erfcx

    low = z < -1
    scaled = erfcx(-np.minimum(z, -1) / np.sqrt(2)) / 2
    upper = erfc(np.maximum(z, -1) / np.sqrt(2)) / 2  # 1 − F
    nll = np.where(low, z * z / 2 - np.log(scaled), -np.log1p(-upper))
    density = np.exp(-z * z / 2)
    hazard = np.where(low, 1 / scaled, density / (1 - upper)) / np.sqrt(2 * np.pi)
    return nll, -hazard, np.maximum(hazard * (hazard + z), 0.0)


def _student(z: np.ndarray, freedom: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By the incomplete beta function, F(−|z|) = ½ I_x(ν/2, ½) with x = ν/(ν + z²) (Abramowitz & Stegun 26.7.1)."""
    from scipy.special import betainc, betaln

    share = np.log1p(z * z / freedom)  # −log x; of the square only where it is finite
    share = np.where(np.abs(z) > FAR, 2 * np.log(np.abs(z)) - np.log(freedom), share)
    peak = betaln(freedom / 2, 0.5)
    inner = betainc(0.5, freedom / 2, -np.expm1(-share))  # 1 − I_x: near z = 0, where x is too near to 1 to tell
    beyond = np.where(np.abs(z) < 1, 1 - inner, betainc(freedom / 2, 0.5, np.exp(-share))) / 2
    log_beyond = np.where(
        np.abs(z) > FAR, -freedom / 2 * share - np.log(freedom / 2) - peak - np.log(2), np.log(beyond)
    )
    nll = np.where(z < 0, -log_beyond, -np.log1p(-beyond))
    log_density = -peak - np.log(freedom) / 2 - (freedom + 1) / 2 * share
    hazard = np.exp(log_density + nll)
    falls = (freedom + 1) / (z + freedom / np.where(z == 0, np.inf, z))  # −(log density)' = (ν + 1)z/(ν + z²)
    return nll, -hazard, np.maximum(hazard * (hazard + np.where(z == 0, 0.0, falls)), 0.0)
