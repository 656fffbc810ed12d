"""Information criteria: what a better fit costs in parameters."""

from __future__ import annotations

import numpy as np

from .scoring import finite


def information_criteria(nll: float | None, n_observations: int, n_unknowns: int) -> dict[str, float | None]:
    """AIC, AICc and BIC of a fit with negative log-likelihood `nll` at its minimum.

    `n_unknowns` counts everything that was fitted, the noise scales too (profiled ones as well). AICc is None unless
    n > k + 1. Akaike (1974), IEEE Trans. Autom. Control 19, 716–723; Hurvich & Tsai (1989), Biometrika 76, 297–307,
    eq. 3; Schwarz (1978), Ann. Stat. 6, 461–464.

    >>> information_criteria(10.0, 12, 3) == {"aic": 26.0, "aicc": 29.0, "bic": 20 + 3 * float(np.log(12))}
    True
    """
    if nll is None or not np.isfinite(nll):
        return {"aic": None, "aicc": None, "bic": None}
    n, k = n_observations, n_unknowns
    aic = 2 * nll + 2 * k
    room = n - k - 1
    return {
        "aic": finite(aic),
        "aicc": finite(aic + 2 * k * (k + 1) / room) if room > 0 else None,
        "bic": finite(2 * nll + k * np.log(n)) if n > 0 else None,
    }


def gaussian_nll(residuals: np.ndarray) -> float | None:
    """Negative log-likelihood of least squares residuals (residual,) with one profiled scale, σ² = mean of r².

    None for residuals that are all zero: the likelihood has no maximum.
    """
    n, sse = residuals.size, float(residuals @ residuals)
    return finite(n / 2 * (np.log(2 * np.pi * sse / n) + 1)) if n and sse > 0 else None
