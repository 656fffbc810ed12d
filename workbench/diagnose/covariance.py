"""Standard errors of least squares estimates, and what the data cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .uncertainty import TOUCHED, Uncertainty

RANK_TOLERANCE = float(np.sqrt(np.finfo(float).eps))
"""Singular values of the column-scaled Jacobian below this share of the largest count as zero.

Its square is the rounding unit: below it, JᵀJ holds nothing but rounding about that direction.
"""

NO_EFFECT = "does not change any fitted value"
AT_BOUND = "at its bound: held there, and the other errors are given that"


def standard_errors(
    residuals: np.ndarray,
    jacobian: np.ndarray,
    names: Sequence[str],
    *,
    at_bound: Sequence[str] = (),
    dispersion: float | None = None,
    n_observations: int | None = None,
) -> Uncertainty:
    """The covariance (JᵀJ)⁻¹·s² of least squares estimates, s² = ‖r‖²/(n − p), from the Gauss–Newton Hessian.

    `residuals` (residual,) and `jacobian` (residual, unknown) at the fitted point, in the scale of the fit. p counts
    the unknowns that are free to move (the rank of J where they are not all determined), n is `n_observations`
    (default: every residual; pass it where rows of a prior are among them). This is R's convention for nls. It holds
    unchanged where each channel c was divided by a profiled σ_c² = RSS_c/n_c: then ‖r‖² = n, s² = n/(n − p), and every
    channel's variance is corrected by that joint factor; the noise scales are not counted in p. Where the scale of the
    noise is known (a declared σ, Poisson), pass `dispersion=1` and the intervals use the normal distribution.

    Unknowns `at_bound` are held there and have no standard error. Directions in which J is singular (see
    `RANK_TOLERANCE`) are found by SVD of J with unit columns; the unknowns in them have none either, the rest keep
    theirs. Bates & Watts (1988), Nonlinear Regression Analysis and Its Applications, §2.2; R's `nls`.

    >>> found = standard_errors(np.array([1.0, -1.0, 0.0]), np.array([[1.0], [1.0], [1.0]]), ["mean"])
    >>> round(float(found.stderr[0]), 6)  # s/√n = 1/√3
    0.57735
    """
    names = tuple(names)
    _require_shapes(residuals, jacobian, names)
    held = np.array([name in at_bound for name in names], dtype=bool)
    size = np.linalg.norm(jacobian, axis=0)
    free = (size > 0) & ~held
    inverse, null = _decomposed(jacobian[:, free] / size[free])
    rank = int(free.sum()) - len(null)
    n = len(residuals) if n_observations is None else n_observations
    dof = n - rank
    if dispersion is None and dof > 0:
        variance: float | None = float(residuals @ residuals) / dof
    else:
        variance = dispersion
    spread = np.zeros((len(names), len(names)))
    spread[np.ix_(free, free)] = (np.nan if variance is None else variance) * inverse / np.outer(size[free], size[free])
    undetermined = _widened(null, free, size > 0, held)
    if variance is None:
        reasons = dict.fromkeys(names, f"no degrees of freedom are left: {int(free.sum())} unknowns, {n} values")
    else:
        reasons = {name: _in_words(name, names, undetermined) for name in names if _open(name, names, undetermined)}
    reasons |= {name: NO_EFFECT for name, norm in zip(names, size, strict=True) if norm == 0}
    reasons |= dict.fromkeys(at_bound, AT_BOUND)
    in_units = undetermined / np.where(size > 0, size, 1.0)
    return Uncertainty(names, spread, in_units, dof, variance, rank, reasons, dispersion is not None)


def _require_shapes(residuals: np.ndarray, jacobian: np.ndarray, names: tuple[str, ...]) -> None:
    """Our own contract: one row per residual, one column per name, all finite."""
    if jacobian.shape != (len(residuals), len(names)):
        raise ValueError(f"the Jacobian is {jacobian.shape}, wanted {(len(residuals), len(names))}")
    if not (np.all(np.isfinite(residuals)) and np.all(np.isfinite(jacobian))):
        raise ValueError("standard errors need finite residuals and a finite Jacobian")


def _decomposed(scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(JᵀJ)⁺ (unknown, unknown) and the null directions (direction, unknown) of J (residual, unknown), unit columns."""
    n = scaled.shape[1]
    if not n:
        return np.zeros((0, 0)), np.zeros((0, 0))
    _, singular, rows = np.linalg.svd(scaled, full_matrices=len(scaled) < n)
    singular = np.concatenate([singular, np.zeros(n - len(singular))])
    kept = singular > RANK_TOLERANCE * singular[0]
    null = rows[~kept]
    return (rows[kept].T / singular[kept] ** 2) @ rows[kept], np.where(np.abs(null) > TOUCHED, null, 0.0)


def _widened(null: np.ndarray, free: np.ndarray, acting: np.ndarray, held: np.ndarray) -> np.ndarray:
    """The null directions over all unknowns, and one more for each unknown without any effect."""
    idle = np.flatnonzero(~acting & ~held)
    wide = np.zeros((len(null) + len(idle), len(free)))
    wide[: len(null), free] = null
    wide[len(null) + np.arange(len(idle)), idle] = 1.0
    return wide


def _open(name: str, names: tuple[str, ...], undetermined: np.ndarray) -> bool:
    """Whether the unknown moves along an undetermined direction."""
    return bool(np.any(undetermined[:, names.index(name)] != 0))


def _in_words(name: str, names: tuple[str, ...], undetermined: np.ndarray) -> str:
    """Why `name` is not determined."""
    shared = undetermined[undetermined[:, names.index(name)] != 0]
    others = sorted({names[i] for i in np.flatnonzero(np.any(shared != 0, axis=0))} - {name})
    if not others:
        return NO_EFFECT
    listed = ", ".join(others[:6]) + (f" and {len(others) - 6} more" if len(others) > 6 else "")
    return f"not determined on its own: the data fix only a combination of it with {listed}"
