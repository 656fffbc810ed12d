"""Errors of named unknowns where learned terms stand beside them in the same equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .covariance import AT_BOUND, NO_EFFECT, RANK_TOLERANCE
from .uncertainty import TOUCHED, Uncertainty

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
    priors: np.ndarray,
    at_bound: Sequence[str] = (),
    dispersion: float | None = None,
) -> Uncertainty:
    """The covariance s²(JᵀJ + PᵀP + Λ)⁻¹ of all unknowns, Λ the precision of the prior on weights, P other priors.

    `residuals` (residual,) and `jacobian` (residual, unknown) are those of the data alone, `shrink` (unknown,) is the
    diagonal of Λ, `priors` (line, unknown) are the rows of P, `terms` maps the name of each learned term to its weights
    (unknown,). s² is ‖r‖²/(n − γ), γ the trace of JᵀJ times that inverse, the number of unknowns that the data
    determine (MacKay 1992, Neural Comput. 4, 415–447), unless the scale of the noise is known. So an error holds what
    a term might take over.

    A named unknown has none where a learned term can take its place: where its error is that of the weights' prior
    alone, which shows when that is loosened (see `LOOSER` and `MORE`).
    """
    names = tuple(names)
    weights = np.any(list(terms.values()), axis=0)
    held = np.array([name in at_bound for name in names])
    rows = np.vstack([jacobian, priors])
    free = ~held & ((rows != 0).any(axis=0) | (shrink > 0))
    found = _Covariance.of(rows, shrink, free)
    told = float(shrink @ np.diag(found.inverse)) + float(np.einsum("li,ij,lj->", priors, found.inverse, priors))
    determined = int(free.sum()) - told
    n = len(residuals)
    variance = dispersion if dispersion is not None else float(residuals @ residuals) / max(n - determined, 1.0)
    loose = _Covariance.of(rows, LOOSER * shrink, free)
    reasons = {}
    for i in map(int, np.flatnonzero(~weights)):
        if names[i] in at_bound:
            reasons[names[i]] = AT_BOUND
        elif not free[i]:
            reasons[names[i]] = NO_EFFECT
        elif others := found.open_with(i):
            listed = ", ".join(names[j] for j in others if j != i)
            reasons[names[i]] = f"not determined on its own: the data fix only a combination of it with {listed}"
        elif loose.inverse[i, i] > MORE**2 * found.inverse[i, i]:
            taking = [term for term, own in terms.items() if _takes_over(rows, shrink, free & (own | ~weights), i)]
            reasons[names[i]] = f"not determined: the learned term {' or '.join(taking or terms)} can take its place"
    return Uncertainty(
        names,
        variance * found.inverse,
        np.zeros((0, len(names))),
        max(round(n - determined), 0),
        variance,
        round(determined),
        reasons,
        dispersion is not None,
    )


def of_named(found: Uncertainty, weights: np.ndarray) -> Uncertainty:
    """The same of the unknowns that are no weights (unknown,); what has no error is open by itself."""
    keep = np.flatnonzero(~weights)
    names = tuple(found.names[i] for i in keep)
    opened = [np.eye(len(names))[names.index(name)] for name, why in found.reasons.items() if why != AT_BOUND]
    undetermined = np.array(opened).reshape(-1, len(names))
    return replace(found, names=names, spread=found.spread[np.ix_(keep, keep)], undetermined=undetermined)


def _takes_over(rows: np.ndarray, shrink: np.ndarray, free: np.ndarray, i: int) -> bool:
    """Whether the error of unknown i is the prior's where only the `free` unknowns move."""
    held, loose = (_Covariance.of(rows, share * shrink, free).inverse[i, i] for share in (1.0, LOOSER))
    return bool(loose > MORE**2 * held)


@dataclass(frozen=True)
class _Covariance:
    """(RᵀR + Λ)⁻¹ over the free unknowns, 0 elsewhere, and the directions that it holds nothing but rounding of."""

    inverse: np.ndarray  # (unknown, unknown)
    null: np.ndarray  # (direction, unknown)

    @classmethod
    def of(cls, rows: np.ndarray, shrink: np.ndarray, free: np.ndarray) -> _Covariance:
        """By SVD with unit columns; a direction of which nothing is known varies as far as can be told, not by 0."""
        rows = np.vstack([rows, np.diag(np.sqrt(shrink))[shrink > 0]])[:, free]
        size = np.linalg.norm(rows, axis=0)
        inverse, null = np.zeros((len(free), len(free))), np.zeros((0, len(free)))
        if not size.size:
            return cls(inverse, null)
        triangle = np.linalg.qr(rows / size, mode="r")
        _, singular, vectors = np.linalg.svd(triangle, full_matrices=len(triangle) < len(size))
        singular = np.concatenate([singular, np.zeros(len(size) - len(singular))])
        least = RANK_TOLERANCE * singular[0]
        scaled = vectors / np.maximum(singular, least)[:, None]
        inverse[np.ix_(free, free)] = scaled.T @ scaled / np.outer(size, size)
        null = np.zeros((int((singular <= least).sum()), len(free)))
        null[:, free] = np.where(np.abs(vectors[singular <= least]) > TOUCHED, vectors[singular <= least], 0.0)
        return cls(inverse, null)

    def open_with(self, i: int) -> list[int]:
        """The unknowns of the directions that are open and move unknown i; [] where there is none."""
        moving = self.null[self.null[:, i] != 0]
        return [int(j) for j in np.flatnonzero((moving != 0).any(axis=0))]
