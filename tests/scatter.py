"""Values that scatter around a curve by each kind of noise, and their density by SciPy."""

from __future__ import annotations

import numpy as np
from scipy import stats

T = np.linspace(0, 5, 40)
CLEAN = 10 * np.exp(-0.6 * T)


def scattered(noise: str, rng: np.random.Generator, mu: np.ndarray = CLEAN) -> np.ndarray:
    """Values around mu (value,)."""
    n = len(mu)
    if noise == "negative-binomial":
        return rng.negative_binomial(3, 3 / (3 + 3 * mu)).astype(float)
    if noise == "lognormal":
        return mu * np.exp(0.2 * rng.standard_normal(n))
    return mu + 0.3 * (rng.standard_t(3, n) if noise.startswith("student") else rng.standard_normal(n))


def log_density(noise: str, y: np.ndarray, mu: np.ndarray, scale: float | np.ndarray, low: float) -> float:
    """Σ log density by SciPy; values at or below `low` are censored."""
    if noise == "negative-binomial":
        size = 1 / np.asarray(scale)
        return float(stats.nbinom.logpmf(y, size, 1 / (1 + mu / size)).sum())
    if noise == "lognormal":
        of, z, own = stats.norm, np.log(np.maximum(y, low) / mu) / scale, np.log(scale) + np.log(np.maximum(y, low))
    else:
        freedom = float(noise[8:-1] or 4) if noise.startswith("student") else np.inf
        of, z, own = stats.t(freedom), (np.maximum(y, low) - mu) / scale, np.log(scale)
    below = y <= low
    inside = (of.logpdf(z) - own)[~below].sum()
    return float(inside + (of.logcdf(z[below]).sum() if below.any() else 0.0))
