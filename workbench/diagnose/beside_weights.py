"""Errors of named unknowns where learned terms stand beside them in the same equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .covariance import AT_BOUND, NO_EFFECT
from .uncertainty import Uncertainty

LOOSER = 1e-6
"""The share of the prior's precision that is left to see what the data say without it."""
MORE = 10.0
"""An error that grows by more than this with the looser prior is the prior's word, not the data's."""


def errors_beside_weights(
    residuals: np.ndarray,
    jacobian: np.ndarray,
    names: Sequence[str],
    *,
    shrink: np.ndarray,
    terms: Mapping[str, np.ndarray],
    at_bound: Sequence[str] = (),
    dispersion: float | None = None,
) -> Uncertainty:
    """The covariance s²(JᵀJ + Λ)⁻¹ of all unknowns, Λ the precision of the prior on weights (MacKay 1992, eq. 2.8).

    `residuals` (residual,) and `jacobian` (residual, unknown) are those of the data alone, `shrink` (unknown,) is the
    diagonal of Λ, `terms` maps the name of each learned term to its weights (unknown,). s² is ‖r‖²/(n − γ), γ the
    trace of (JᵀJ + Λ)⁻¹JᵀJ, unless the scale of the noise is known. So an error holds what a term might take over.

    A named unknown has none where a learned term can take its place: where its error is the prior's alone, which shows
    when the prior is loosened (see `LOOSER` and `MORE`).
    """
    names = tuple(names)
    weights = np.any(list(terms.values()), axis=0)
    held = np.array([name in at_bound for name in names])
    gram = jacobian.T @ jacobian
    free = ~held & ((np.diag(gram) > 0) | (shrink > 0))
    inverse = _inverse(gram, shrink, free)
    determined = float(np.sum(inverse * gram))
    n = len(residuals)
    dof = max(round(n - determined), 0)
    variance = dispersion if dispersion is not None else float(residuals @ residuals) / max(n - determined, 1.0)
    spread = variance * inverse
    loose = _inverse(gram, LOOSER * shrink, free)
    reasons = {}
    for i in map(int, np.flatnonzero(~weights)):
        if names[i] in at_bound:
            reasons[names[i]] = AT_BOUND
        elif not free[i]:
            reasons[names[i]] = NO_EFFECT
        elif not loose[i, i] <= MORE**2 * inverse[i, i]:
            taking = [term for term, own in terms.items() if _takes_over(gram, shrink, free & (own | ~weights), i)]
            reasons[names[i]] = f"not determined: the learned term {' or '.join(taking or terms)} can take its place"
    nothing = np.zeros((0, len(names)))
    return Uncertainty(names, spread, nothing, dof, variance, round(determined), reasons, dispersion is not None)


def of_named(found: Uncertainty, weights: np.ndarray) -> Uncertainty:
    """The same of the unknowns that are no weights (unknown,); what has no error is open by itself."""
    keep = np.flatnonzero(~weights)
    names = tuple(found.names[i] for i in keep)
    opened = [np.eye(len(names))[names.index(name)] for name, why in found.reasons.items() if why != AT_BOUND]
    undetermined = np.array(opened).reshape(-1, len(names))
    return replace(found, names=names, spread=found.spread[np.ix_(keep, keep)], undetermined=undetermined)


def _takes_over(gram: np.ndarray, shrink: np.ndarray, free: np.ndarray, i: int) -> bool:
    """Whether the error of unknown i is the prior's where only the `free` unknowns move."""
    with_prior, without = (_inverse(gram, share * shrink, free)[i, i] for share in (1.0, LOOSER))
    return not without <= MORE**2 * with_prior


def _inverse(gram: np.ndarray, shrink: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(JᵀJ + Λ)⁻¹ over the free unknowns, by columns of one size, 0 elsewhere; what is lost in rounding is not 0."""
    part = (gram + np.diag(shrink))[np.ix_(free, free)]
    size = np.sqrt(np.diag(part))
    found = np.zeros_like(gram)
    values, vectors = np.linalg.eigh(part / np.outer(size, size))
    values = np.maximum(values, len(values) * np.finfo(float).eps * values[-1:])
    found[np.ix_(free, free)] = (vectors / values) @ vectors.T / np.outer(size, size)
    return found
