"""Observations drawn from a fitted model: by its declared noise, from its residuals, or whole trajectories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..dataset import TRAIN
from ..diagnose.resampling import block_length, moving_blocks
from ..errors.usage import UsageError
from ..model import Model, Selection

Method = Literal["parametric", "blocks", "trajectories"]
Draw = Callable[[np.random.Generator], Selection]

FEWEST = 5  # trajectories from which whole ones are drawn by default


@dataclass(frozen=True)
class Drawn:
    """How new observations are had, and the function that draws them."""

    method: Method
    block: int | None
    draw: Draw


def training_selection(model: Model) -> Selection:
    """What was fitted."""
    return Selection.of(model.data, np.asarray(model.problem.part) == TRAIN)


def noise_deviation(model: Model, selection: Selection, predicted: np.ndarray, rank: int) -> np.ndarray:
    """The standard deviation of an observation of each channel (channel,), in logarithms where noise is lognormal.

    What is estimated is corrected by √(n/(n − p)), jointly over channels; what was given is taken as it is. NaN for
    noise without a scale (counts).
    """
    misfit, values = model.misfit, selection.values
    n = int(selection.mask.sum())
    correction = np.sqrt(n / (n - rank)) if n > rank else np.nan
    found = np.full(model.data.n_channels, np.nan)
    sigma = misfit.sigma(values, predicted) if misfit.is_likelihood else {}
    for c, formulas in enumerate(misfit.formulas):
        if not misfit.is_likelihood:
            r = (values - predicted)[:, c]
            found[c] = np.sqrt(np.nanmean(r**2)) * correction if np.isfinite(r).any() else np.nan
        elif formulas.loss.scale != "none":
            found[c] = sigma[c] * (1.0 if misfit.scale_known(c) else correction)
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
        return Drawn("parametric", None, _parametric(kinds(model), selection, predicted, deviation))
    if method == "blocks":
        length = block or block_length(max(np.bincount(selection.row)))
        return Drawn("blocks", length, _blocks(kinds(model), selection, predicted, rank, length))
    raise UsageError(f"there is no bootstrap {method!r}", help="--method parametric, blocks, trajectories or auto")


def _parametric(noise: list[str], selection: Selection, predicted: np.ndarray, deviation: np.ndarray) -> Draw:
    unknown = [kind for kind in noise if kind not in ("gaussian", "lognormal", "poisson")]
    if unknown:
        raise UsageError(f"{unknown[0]} noise cannot be drawn yet", help="--method blocks")

    def draw(rng: np.random.Generator) -> Selection:
        values = np.empty_like(predicted)
        for c, kind in enumerate(noise):
            mu, e = predicted[:, c], rng.standard_normal(len(predicted))
            if kind == "poisson":
                values[:, c] = rng.poisson(np.maximum(mu, 0.0))
            else:
                values[:, c] = mu * np.exp(deviation[c] * e) if kind == "lognormal" else mu + deviation[c] * e
        return replace(selection, values=np.where(selection.mask, values, np.nan))

    return draw


def _blocks(noise: list[str], selection: Selection, predicted: np.ndarray, rank: int, block: int) -> Draw:
    """Centred residuals, widened by √(n/(n − p)) (Davison & Hinkley 1997, §6.2), drawn trajectory by trajectory."""
    if "poisson" in noise:
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
