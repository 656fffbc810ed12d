"""Observations drawn from a fitted model: by its declared noise, from its residuals, or whole trajectories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..diagnose.resampling import block_length, moving_blocks
from ..errors.counting import count
from ..errors.usage import UsageError
from ..model import Model, Selection
from ..model.pointwise import CensoredFormulas
from ..noise import KINDS

Method = Literal["parametric", "blocks", "trajectories"]
Draw = Callable[[np.random.Generator], Selection]

COUNTS = frozenset(kind.name for kind in KINDS.values() if kind.counts)
FEWEST = 5  # trajectories from which whole ones are drawn by default


@dataclass(frozen=True)
class Drawn:
    """How new observations are had, and the function that draws them."""

    method: Method
    block: int | None
    draw: Draw


def training_selection(model: Model) -> Selection:
    """What was fitted."""
    return Selection.of(model.data, model.training_part)


def noise_deviation(model: Model, selection: Selection, predicted: np.ndarray, rank: int) -> np.ndarray:
    """The standard deviation of an observation of each channel (channel,), in logarithms where noise is lognormal.

    What is estimated is corrected by √(n/(n − p)), jointly over channels; what was given is taken as it is. Where
    values bring standard deviations of their own, their root mean square stands for them; of negative binomial noise it
    is the dispersion α. NaN for noise without a scale (Poisson).
    """
    misfit, values = model.misfit, selection.values
    n = int(selection.mask.sum())
    correction = np.sqrt(n / (n - rank)) if n > rank else np.nan
    found = np.full(model.data.n_channels, np.nan)
    sigma = misfit.sigma(values, predicted, selection.sd) if misfit.is_likelihood else {}
    for c, formulas in enumerate(misfit.formulas):
        if not misfit.is_likelihood:
            r = (values - predicted)[:, c]
            found[c] = np.sqrt(np.nanmean(r**2)) * correction if np.isfinite(r).any() else np.nan
        elif formulas.loss.scale != "none":
            counts = formulas.loss.name == "negative-binomial"  # a dispersion is no standard deviation
            found[c] = sigma[c] * (1.0 if misfit.scale_known(c) or counts else correction)
            if misfit.measured(c):
                assert selection.sd is not None
                found[c] *= np.sqrt(np.nanmean(selection.sd[:, c] ** 2))
            if 2 < formulas.loss.freedom < np.inf:
                found[c] *= np.sqrt(formulas.loss.freedom / (formulas.loss.freedom - 2))
    return found


def kinds(model: Model) -> list[str]:
    """The noise of each channel; gaussian where the loss is none of a likelihood."""
    losses = [formulas.loss.name for formulas in model.misfit.formulas]
    return losses if model.misfit.is_likelihood else ["gaussian"] * len(losses)


def drawer(model: Model, x: np.ndarray, rank: int, method: str, block: int | None) -> Drawn:
    """The way that `method` names, or that the model asks for ("auto"): its noise where that is declared, whole
    trajectories where there are five or more and they share unknowns, else blocks of residuals.
    """
    selection = training_selection(model)
    shared = any(b.value.ndim == 1 and b.name != "weights" and b.spread("free").any() for b in model.unknowns.blocks)
    if method == "auto":
        several = len(selection.rows) >= FEWEST and shared
        chosen = "parametric" if model.misfit.is_likelihood else "trajectories" if several else "blocks"
        method = "blocks" if block is not None else chosen
    if method == "trajectories":
        if len(selection.rows) < 2 or not shared:
            what = "one trajectory" if len(selection.rows) < 2 else "no unknown that trajectories share"
            raise UsageError(f"there is {what}: whole trajectories cannot be drawn", help="--method blocks")
        rows = len(selection.rows)
        return Drawn("trajectories", None, lambda rng: selection.take(np.sort(rng.integers(0, rows, rows))))
    predicted = model.trial(x, selection).predicted
    deviation = noise_deviation(model, selection, predicted, rank)
    if method == "parametric":
        return Drawn("parametric", None, _parametric(model, selection, predicted, deviation))
    if method == "blocks":
        longest = int(max(np.bincount(selection.row)))
        length = block or block_length(longest)
        if 2 * length > longest and length > 1:
            raise UsageError(
                f"blocks of {length} are too long for {count(longest, 'observation')} a trajectory",
                help=f"--block {max(longest // 2, 1)} at most",
            )
        return Drawn("blocks", length, _blocks(kinds(model), selection, predicted, rank, length))
    raise UsageError(f"there is no bootstrap {method!r}", help="--method parametric, blocks, trajectories or auto")


def _parametric(model: Model, selection: Selection, predicted: np.ndarray, deviation: np.ndarray) -> Draw:
    misfit = model.misfit
    scale = np.broadcast_to(deviation, predicted.shape).copy()
    for c in range(predicted.shape[1]):
        if misfit.is_likelihood and misfit.measured(c):
            assert selection.sd is not None
            scale[:, c] *= selection.sd[:, c] / np.sqrt(np.nanmean(selection.sd[:, c] ** 2))

    def draw(rng: np.random.Generator) -> Selection:
        values = np.empty_like(predicted)
        for c, (kind, formulas) in enumerate(zip(kinds(model), misfit.formulas, strict=True)):
            values[:, c] = _scattered(kind, formulas.loss.freedom, predicted[:, c], scale[:, c], rng)
            if isinstance(formulas, CensoredFormulas):
                values[:, c] = np.clip(values[:, c], formulas.lower, formulas.upper)
        return replace(selection, values=np.where(selection.mask, values, np.nan))

    return draw


def _scattered(
    kind: str, freedom: float, mu: np.ndarray, deviation: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Observations (value,) around mu; `deviation` as `noise_deviation` has it."""
    if kind == "poisson":
        return rng.poisson(np.maximum(mu, 0.0)).astype(float)
    if kind == "negative-binomial":
        shape = 1 / np.maximum(deviation, 1e-12)
        return rng.poisson(np.maximum(mu, 0.0) * rng.gamma(shape, 1 / shape)).astype(float)
    if kind == "lognormal":
        return np.asarray(mu * np.exp(deviation * rng.standard_normal(len(mu))))
    if kind.startswith("student"):
        unit = np.sqrt((freedom - 2) / freedom) if freedom > 2 else 1.0
        return np.asarray(mu + deviation * unit * rng.standard_t(freedom, len(mu)))
    return np.asarray(mu + deviation * rng.standard_normal(len(mu)))


def count_variance(kind: str, mu: np.ndarray, dispersion: float) -> np.ndarray:
    """The variance of counts of mean mu (value,): mu, and mu + α·mu² where they are negative binomial."""
    mean = np.maximum(mu, 0.0)
    return mean + dispersion * mean**2 if kind == "negative-binomial" else mean


def _blocks(noise: list[str], selection: Selection, predicted: np.ndarray, rank: int, block: int) -> Draw:
    """Centred residuals, widened by √(n/(n − p)) (Davison & Hinkley 1997, §6.2), drawn trajectory by trajectory."""
    if any(kind in COUNTS for kind in noise):
        raise UsageError("counts have no residuals of one size to draw from", help="--method parametric")
    relative = np.array([kind == "lognormal" for kind in noise])
    with np.errstate(all="ignore"):
        residuals = np.where(relative, np.log(selection.values / predicted), selection.values - predicted)
    n = int(selection.mask.sum())
    if n <= rank:
        raise UsageError(f"there are {n} values and {rank} unknowns: no residuals are left", help="--method parametric")
    residuals = (residuals - np.nanmean(residuals, axis=0)) * np.sqrt(n / (n - rank))
    rows = [np.flatnonzero(selection.row == row) for row in range(len(selection.rows))]

    def draw(rng: np.random.Generator) -> Selection:
        e = np.empty_like(predicted)
        for members in rows:
            e[members] = moving_blocks(residuals[members], block, rng)
        values = np.where(relative, predicted * np.exp(e), predicted + e)
        return replace(selection, values=np.where(selection.mask, values, np.nan))

    return draw
