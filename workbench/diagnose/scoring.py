"""Scores of a prediction against observations, part by part of the split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..dataset import Dataset
from .parts import PARTS, scored

Scores = dict[str, Any]


def metrics(
    data: Dataset,
    part: np.ndarray,
    prediction: np.ndarray,
    nll: Mapping[str, float | None] | None = None,
    samples: int = 1,
) -> dict[str, Scores | None]:
    """Scores of `prediction` (observation, channel) for train, validation and holdout; None for an empty part.

    `part` (observation,) marks each observation as in `dataset.split`; `nll` holds a negative log-likelihood per part
    name where noise is declared; `samples` is how many first values a held-out trajectory starts from (not scored).
    The keys of a part, over its n scored values y with predictions f:

    - `n`: how many values; `sse`: Σ(y − f)² over all channels, in the data's own units
    - `rmse`, `mae`: {channel: √mean (y − f)², mean |y − f|}
    - `nrmse`: the mean over channels of rmse / s, s the standard deviation (divisor n) of all observed values of the
      channel in the data, so that one unit serves all parts
    - `fit_percent`: the mean over channels of 100·(1 − ‖y − f‖/‖y − ȳ‖), ȳ the channel's mean over the part
    - `r2`: {channel: 1 − Σ(y − f)²/Σ(y − ȳ)²}
    - `log_rmse`: {channel: √mean (ln y − ln f)²}, None where a value or a prediction is not positive;
      `log_rmse_all`: the same over all channels together
    - `nll`

    None stands wherever a number does not exist: a prediction that is not finite, a channel that does not vary.
    """
    spread = spread_of(data.values)
    nll = nll or {}
    return {
        name: score(data.values, prediction, scored(data, part, name, samples), spread, data.channels, nll.get(name))
        for name in PARTS
    }


def spread_of(values: np.ndarray) -> np.ndarray:
    """Standard deviation (divisor n) of each channel's observed values (channel,); NaN for a channel without any."""
    spread = np.full(values.shape[1], np.nan)
    for channel, column in enumerate(values.T):
        observed = column[~np.isnan(column)]
        if observed.size:
            spread[channel] = _deviation(observed)
    return spread


def score(
    values: np.ndarray,
    prediction: np.ndarray,
    counted: np.ndarray,
    spread: np.ndarray,
    channels: tuple[str, ...],
    nll: float | None = None,
) -> Scores | None:
    """The scores of one part (see `metrics`); None if `counted` (observation, channel) is nowhere true."""
    if not counted.any():
        return None
    columns = [_channel(values[mask, i], prediction[mask, i], spread[i]) for i, mask in enumerate(counted.T)]

    def by_channel(key: str) -> dict[str, float | None]:
        return {name: column[key] for name, column in zip(channels, columns, strict=True)}

    present = [column for column in columns if column["n"]]
    logs = [column["log_sse"] for column in present]
    n = int(counted.sum())
    return {
        "n": n,
        "sse": _total(column["sse"] for column in present),
        "rmse": by_channel("rmse"),
        "mae": by_channel("mae"),
        "nrmse": _mean(present, "nrmse"),
        "fit_percent": _mean(present, "fit"),
        "r2": by_channel("r2"),
        "log_rmse": by_channel("log_rmse") if any(log is not None for log in logs) else None,
        "log_rmse_all": None if (total := _total(logs)) is None else finite(np.sqrt(total / n)),
        "nll": finite(nll),
    }


def finite(value: Any) -> float | None:
    """The value as a float, or None if it is missing, NaN or infinite."""
    return float(value) if value is not None and np.isfinite(value) else None


def _channel(y: np.ndarray, f: np.ndarray, spread: float) -> dict[str, Any]:
    """Every score of one channel; `spread` is the standard deviation that nrmse is measured in."""
    names = ("sse", "rmse", "mae", "nrmse", "fit", "r2", "log_sse", "log_rmse")
    found: dict[str, Any] = dict.fromkeys(names) | {"n": y.size}
    if not y.size or not np.all(np.isfinite(f)):
        return found
    with np.errstate(all="ignore"):
        sse = np.sum((y - f) ** 2)
        rmse = np.sqrt(sse / y.size)
        found |= {"sse": finite(sse), "rmse": finite(rmse), "mae": finite(np.mean(np.abs(y - f)))}
        if spread > 0:
            found["nrmse"] = finite(rmse / spread)
        if (own := _deviation(y)) > 0:
            found |= {"fit": finite(100 * (1 - rmse / own)), "r2": finite(1 - (rmse / own) ** 2)}
        if np.all(y > 0) and np.all(f > 0):
            log_sse = np.sum((np.log(y) - np.log(f)) ** 2)
            found |= {"log_sse": finite(log_sse), "log_rmse": finite(np.sqrt(log_sse / y.size))}
    return found


def _deviation(y: np.ndarray) -> float:
    """Standard deviation (divisor n); exactly 0 for equal values, which rounding in the mean would hide."""
    if np.all(y == y[0]):
        return 0.0
    size = np.max(np.abs(y))  # so that squares cannot overflow
    return float(np.std(y / size) * size)


def _total(numbers: Iterable[float | None]) -> float | None:
    """The sum; None if any term is."""
    terms = list(numbers)
    return None if None in terms else finite(np.sum(np.array(terms, dtype=float)))


def _mean(columns: list[dict[str, Any]], key: str) -> float | None:
    """The mean over the channels that vary; None if there are none, or if a channel has no finite prediction."""
    terms = [column[key] for column in columns if column[key] is not None]
    return finite(np.mean(terms)) if terms and all(column["sse"] is not None for column in columns) else None
