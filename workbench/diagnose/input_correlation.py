"""Are the training residuals independent of the inputs? What depends on them still, the model has not caught."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import TRAIN, Dataset
from .scoring import finite

LEVEL = 0.01
"""Probability of the 99 % bounds, and of calling independent residuals dependent, over all pairs and lags together."""
LAGS = 25
"""Longest lag, in samples, where there are enough of them."""
FEWEST = 20
"""Values of a channel below which no test is made."""


def input_correlation(
    data: Dataset, part: np.ndarray, residual: np.ndarray, inputs: np.ndarray, names: tuple[str, ...]
) -> dict[str, Any]:
    """Correlations of the training residuals e (observation, channel) with past inputs u (observation, input).

    r(k) = Σ (e(t) − ē)(u(t − k) − ū)/(n s_e s_u) for lags k = 0 … min(25, n/4), in samples, within trajectories. Under
    independence its variance is P/n with P = Σ_j ρ_e(j) ρ_u(j) over |j| ≤ the longest lag, ρ the autocorrelations
    (Ljung 1999, System Identification, 2nd ed., §16.6), so that r is within ±2.58·√(P/n) with probability 99 % at each
    lag: the bound of MATLAB's `resid`. A P below 0.1, which autocorrelations of short series can give, counts as 0.1.

    Keys: `independent` (bool or None: no input that varies, or too few values), `p` (the smallest over all pairs and
    lags, times their number), `level`, and `pairs`: {channel: {input: n, lags, r, bound, lag (of the largest |r|)}}.
    """
    trained = part == TRAIN
    stretches = [np.flatnonzero(trained & (data.trajectory_of == i)) for i in range(data.n_trajectories)]
    pairs: dict[str, dict[str, Any]] = {channel: {} for channel in data.channels}
    smallest: list[float] = []
    for c, channel in enumerate(data.channels):
        for j, name in enumerate(names):
            pairs[channel][name], of_lags = _pair([(residual[rows, c], inputs[rows, j]) for rows in stretches])
            smallest += of_lags
    p = min(1.0, min(smallest) * len(smallest)) if smallest else None
    return {"independent": None if p is None else p >= LEVEL, "p": p, "level": LEVEL, "pairs": pairs}


def _pair(stretches: list[tuple[np.ndarray, np.ndarray]]) -> tuple[dict[str, Any] | None, list[float]]:
    """One channel and one input: what is reported, and the p of every lag; None and () where it cannot be told."""
    from scipy.special import ndtr, ndtri

    n = int(sum(np.isfinite(e).sum() for e, _ in stretches))
    if n < FEWEST:
        return None, []
    es = _standard([e for e, _ in stretches])
    us = _standard([u for _, u in stretches])
    if es is None or us is None:
        return None, []
    lags = max(1, min(LAGS, n // 4))
    r = np.array([_product(es, us, k) / n for k in range(lags + 1)])
    power = 1.0 + 2.0 * sum(_product(es, es, k) / n * _product(us, us, k) / n for k in range(1, lags + 1))
    sigma = np.sqrt(max(power, 0.1) / n)
    largest = int(np.argmax(np.abs(r)))
    found = {
        "n": n,
        "lags": lags,
        "r": [finite(value) for value in r],
        "bound": finite(-ndtri(LEVEL / 2) * sigma),
        "lag": largest,
    }
    return found, (2 * ndtr(-np.abs(r) / sigma)).tolist()


def _standard(stretches: list[np.ndarray]) -> list[np.ndarray] | None:
    """Mean 0 and mean square 1 over all stretches, missing values 0; None for what does not vary."""
    every = np.concatenate(stretches)
    every = every[np.isfinite(every)]
    spread = float(np.std(every)) if every.size else 0.0
    if not spread > 1e-12 * float(np.max(np.abs(every), initial=0.0)):
        return None
    return [np.nan_to_num((stretch - every.mean()) / spread) for stretch in stretches]


def _product(late: list[np.ndarray], early: list[np.ndarray], lag: int) -> float:
    """Σ late(t)·early(t − lag) within stretches."""
    return float(sum(a[lag:] @ b[: len(b) - lag] for a, b in zip(late, early, strict=True) if len(a) > lag))
