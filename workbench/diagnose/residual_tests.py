"""Are the training residuals white? A model that has caught the dynamics leaves nothing in them to predict."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset import TRAIN, Dataset
from .scoring import finite

LEVEL = 0.01
"""Probability of calling white residuals coloured, over all channels together (Bonferroni).

Ljung–Box exceeds it, up to twice, for 30 to 100 values (2000 simulated series: 2.1 % at 30, 1.6 % at 100).
"""
FEWEST = 8
"""Values of a channel below which no test is made."""
SHORT = 30
"""Values of a channel below which the exact runs test decides, since Ljung–Box's χ² is only asymptotic."""


def whiteness(data: Dataset, part: np.ndarray, residual: np.ndarray, level: float = LEVEL) -> dict[str, Any]:
    """Test the training residuals (observation, channel) of each channel for what is left to predict in them.

    Two tests, over all trajectories together: Ljung–Box on the autocorrelations up to lag min(10, n/5) (Ljung & Box
    1978, Biometrika 65, 297–303), and the runs test on the signs (Wald & Wolfowitz 1940, Ann. Math. Stat. 11, 147–162;
    its distribution exact for one trajectory, normal for several). Ljung–Box decides from 30 values on, the runs test
    below; with fewer than 8, or without a change of sign to count, the answer is None. Lags are counted in samples,
    which assumes regular sampling; `regular` says whether the times are.

    Keys: `white` (bool or None), `p` (the smallest over channels, times their number), `level`, `regular`, and
    `channels`: {channel: n, lag1 (autocorrelation), ljung_box {statistic, lags, p}, runs {count, expected, p}, test
    (the one that decides) and its p}.
    """
    trained = part == TRAIN
    columns = {}
    for i, channel in enumerate(data.channels):
        stretches = [residual[data.rows(j), i][trained[data.rows(j)]] for j in range(len(data.row_size))]
        columns[channel] = _channel([stretch for stretch in stretches if np.isfinite(stretch).any()])
    tested = [column["p"] for column in columns.values() if column["p"] is not None]
    p = min(1.0, min(tested) * len(tested)) if tested else None
    return {
        "white": None if p is None else p >= level,
        "p": p,
        "level": level,
        "regular": _is_regular(data, trained),
        "channels": columns,
    }


def _channel(stretches: list[np.ndarray]) -> dict[str, Any]:
    """Both tests on one channel's residuals, a stretch per trajectory."""
    n = int(sum(np.isfinite(stretch).sum() for stretch in stretches))
    found: dict[str, Any] = {"n": n, "lag1": None, "ljung_box": None, "runs": None, "test": None, "p": None}
    if n < FEWEST:
        return found
    correlation, pairs = _autocorrelations(stretches, max(1, min(10, n // 5)))
    if correlation is not None:
        found["lag1"] = finite(correlation[0])
        found["ljung_box"] = _ljung_box(correlation, pairs, n)
    found["runs"] = _runs([stretch[np.isfinite(stretch)] for stretch in stretches])
    order = ("ljung_box", "runs") if n >= SHORT else ("runs",)
    for test in order:
        if found[test] is not None:
            return found | {"test": test, "p": found[test]["p"]}
    return found


def _autocorrelations(stretches: list[np.ndarray], lags: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Autocorrelation (lag,) about the common mean, and how many pairs each lag has; None for constant residuals.

    Products are taken within a trajectory and where both values are there.
    """
    mean = np.nanmean(np.concatenate(stretches))
    centred = [np.where(np.isfinite(stretch), stretch - mean, np.nan) for stretch in stretches]
    energy = sum(np.nansum(stretch**2) for stretch in centred)
    products, pairs = np.zeros(lags), np.zeros(lags)
    for stretch in centred:
        for lag in range(1, min(lags, len(stretch) - 1) + 1):
            product = stretch[lag:] * stretch[:-lag]
            products[lag - 1] += np.nansum(product)
            pairs[lag - 1] += np.sum(~np.isnan(product))
    if not energy > 0:
        return None, pairs
    return products / energy, pairs


def _ljung_box(correlation: np.ndarray, pairs: np.ndarray, n: int) -> dict[str, Any]:
    """Q = n(n + 2) Σ ρ_k²/m_k over lags with m_k > 0 pairs (n − k in one unbroken trajectory), χ² on as many lags."""
    from scipy.special import chdtrc

    used = pairs > 0
    statistic = n * (n + 2) * float(np.sum(correlation[used] ** 2 / pairs[used]))
    lags = int(used.sum())
    return {"statistic": statistic, "lags": lags, "p": finite(chdtrc(lags, statistic)) if lags else None}


def _runs(stretches: list[np.ndarray]) -> dict[str, Any] | None:
    """The number of runs of equal sign against what independent signs would give; None if signs never differ at all."""
    signs = [stretch[stretch != 0] > 0 for stretch in stretches]
    signs = [sign for sign in signs if sign.size]
    counts = [(int(sign.sum()), int((~sign).sum())) for sign in signs]
    if not any(above and below for above, below in counts):
        every = sum(above for above, _ in counts), sum(below for _, below in counts)
        return _one_sided(sum(every)) if 0 in every and len(signs) == 1 else None
    runs = sum(1 + int(np.sum(sign[1:] != sign[:-1])) for sign in signs)
    expected = sum(1 + 2 * a * b / (a + b) for a, b in counts)
    if len(counts) == 1 and sum(counts[0]) <= 200:
        p = _exact_runs(runs, *counts[0])
    else:
        p = _normal_runs(runs, expected, counts)
    return {"count": runs, "expected": expected, "p": p}


def _one_sided(n: int) -> dict[str, Any]:
    """All residuals of one sign: 2·2⁻ⁿ under independent fair signs."""
    return {"count": 1, "expected": (n + 1) / 2, "p": float(2.0 ** (1 - n))}


def _exact_runs(runs: int, above: int, below: int) -> float:
    """Two-sided p of the runs test: twice the smaller tail of Wald & Wolfowitz's exact distribution."""
    from scipy.special import gammaln, logsumexp

    def log_choose(n: int, k: int) -> float:
        return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)) if 0 <= k <= n else -np.inf

    def log_ways(count: int) -> float:
        half, odd = divmod(count, 2)
        first = log_choose(above - 1, half - 1 + odd) + log_choose(below - 1, half - 1)
        second = log_choose(above - 1, half - 1) + log_choose(below - 1, half - 1 + odd)
        return float(np.logaddexp(first, second))

    ways = np.array([log_ways(count) for count in range(2, above + below + 1)])
    chance = np.exp(ways - logsumexp(ways))
    fewer, more = chance[: runs - 1].sum(), chance[runs - 2 :].sum()
    return float(min(1.0, 2 * min(fewer, more)))


def _normal_runs(runs: int, expected: float, counts: list[tuple[int, int]]) -> float:
    """Two-sided p from the normal approximation, the variances of independent trajectories added."""
    from scipy.special import ndtr

    variance = sum(2 * a * b * (2 * a * b - a - b) / ((a + b) ** 2 * (a + b - 1)) for a, b in counts if a + b > 1)
    return float(2 * ndtr(-abs(runs - expected) / np.sqrt(variance))) if variance > 0 else 1.0


def _is_regular(data: Dataset, trained: np.ndarray) -> bool:
    """Whether training times are equally spaced to 1 %, with one spacing in all trajectories."""
    steps = [np.diff(data.t[data.rows(i)][trained[data.rows(i)]]) for i in range(len(data.row_size))]
    lengths = np.concatenate(steps) if steps else np.zeros(0)
    return bool(lengths.size == 0 or np.ptp(lengths) <= 0.01 * np.median(lengths))
