"""Bands around a prediction: of the curve, or of a new observation, from the covariance of the estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ..diagnose import Uncertainty
from ..errors import WorkbenchError
from ..errors.usage import UsageError
from ..model import Selection
from .drawing import COUNTS, count_variance, kinds, noise_deviation, training_selection
from .estimates import LARGEST_TABLE, uncertainty_of
from .learned import is_hybrid

if TYPE_CHECKING:
    from ..model import Model, Trial

Band = Literal["curve", "observation"]
Ends = tuple[np.ndarray, np.ndarray]  # lower and upper (observation, channel)


def require_band(interval: float, band: str) -> None:
    """Raises UsageError for a percentage that is none and for a band that is not known."""
    if not 1 <= interval < 100:
        meant = 100 * interval if 0 < interval < 1 else 95
        raise UsageError(f"an interval of {interval:g} % was asked for", help=f"in percent: interval={meant:g}")
    if band not in get_args(Band):
        raise UsageError(f"there is no band {band!r}", help="--band curve or --band observation")


def covariance_bands(
    model: Model,
    x: np.ndarray,
    trial: Trial,
    level: float,
    band: Band,
    held: np.ndarray | None = None,
    places: list[int] | None = None,
) -> Ends | None:
    """The band at `level` around a trial of the model fitted at x; None where the covariance is not known.

    "curve" is for the expected value, "observation" for a new measurement: the noise of its channel is added. Student's
    t on n − p where the noise was estimated. Lognormal channels have their bands in logarithms; counts have the
    variance of a Poisson variable beside that of their mean, both as if normal. `held` (unknown,) marks unknowns that
    the trial does not depend on; `places` are those of the trial's unknowns in x, where it has others.
    """
    if not len(x) or not (is_hybrid(model) or (len(x) <= LARGEST_TABLE and not model.unknowns.mask("weights").any())):
        return None
    try:
        training = model.trial(x, training_selection(model))
        found = uncertainty_of(model, x, training)
        gradient = trial.predicted_by_x()
        if places is not None:
            whole = np.zeros((*gradient.shape[:2], len(x)))
            whole[:, :, places] = gradient
            gradient = whole
        noise = deviation_of_observations(model, training, found.rank)
    except WorkbenchError:
        return None
    if held is not None:
        gradient[:, :, held] = 0.0
    return banded(found, trial.predicted, gradient, kinds(model), noise, level, band)


def bands_of_data(model: Model, x: np.ndarray, level: float = 0.95) -> dict[str, np.ndarray]:
    """`lower` and `upper` of the band of new observations at every observation, for a run; empty where not known."""
    everything = model.trial(x, Selection.of(model.data))
    found = covariance_bands(model, x, everything, level, "observation")
    return {} if found is None else dict(zip(("lower", "upper"), found, strict=True))


def deviation_of_observations(model: Model, training: Trial, rank: int) -> np.ndarray:
    """The noise of each channel (channel,), see `noise_deviation`."""
    return noise_deviation(model, training.selection, training.predicted, rank)


def banded(
    found: Uncertainty,
    predicted: np.ndarray,
    gradient: np.ndarray,
    noise: list[str],
    deviation: np.ndarray,
    level: float,
    band: Band,
) -> Ends:
    """Ends of the band around predicted (observation, channel), its gradient (observation, channel, unknown)."""
    spread, extra = found.deviation(gradient), np.zeros_like(predicted)
    for c, kind in enumerate(noise):
        if kind == "lognormal":
            with np.errstate(all="ignore"):
                spread[:, c] = spread[:, c] / np.abs(predicted[:, c])
        if band == "observation":
            counts = kind in COUNTS
            extra[:, c] = np.sqrt(count_variance(kind, predicted[:, c], deviation[c])) if counts else deviation[c]
    reach = found.quantile(level) * np.sqrt(spread**2 + extra**2)
    return around(predicted, reach, noise)


def around(predicted: np.ndarray, reach: np.ndarray, noise: list[str]) -> Ends:
    """predicted ± reach, and predicted·exp(±reach) in lognormal channels (observation, channel)."""
    relative = np.array([kind == "lognormal" for kind in noise])
    with np.errstate(over="ignore"):
        lower = np.where(relative, predicted * np.exp(-reach), predicted - reach)
        upper = np.where(relative, predicted * np.exp(reach), predicted + reach)
    return lower, upper
