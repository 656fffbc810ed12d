"""How strongly weights are held to zero, decided by the data: the evidence for a precision of their prior."""

from __future__ import annotations

import numpy as np

from ..contracts import Linearization, Objective
from ..errors.numerics import NoFiniteSolution

REACH = 10.0  # the largest factor by which one update lowers a precision, for it holds only near the maximum
LEAST = 0.01  # of a weight's square, on the average, as the first precision takes it
UPDATES = 100
SETTLED = 1e-3
RISE = 1.1  # and by which it raises one: weights that have not grown yet look like weights that nothing needs
CLEAR = 1e-11  # share of the largest column's square above which a precision stands clear of rounding


def precision(objective: Objective, x: np.ndarray, shrunk: np.ndarray, before: float) -> float:
    """The precision of a Gaussian prior on the entries `shrunk` (unknown,) of x, in units of the objective.

    MacKay's fixed point (1992, Neural Comput. 4, 415–447) in the Gauss–Newton form of Foresee & Hagan
    (1997, ICNN): with residuals r, Jacobian J of m rows and γ = Σ λ/(λ + precision) over the
    eigenvalues λ of JᵀJ, the number of weights that the data determine, the noise variance is ‖r‖²/(m − γ) and the
    precision, relative to it, γ/‖w‖². `before` = 0 starts with as many determined weights as there are, or half
    the residuals if they are fewer. Where x has no finite solution the precision stays as it was.
    """
    try:
        line = objective.linearize(x)
    except NoFiniteSolution:
        return before
    return _updated(line, x, shrunk, before, RISE)


def settled_precision(line: Linearization, x: np.ndarray, shrunk: np.ndarray) -> float:
    """The fixed point of `precision` at an x that no longer moves, whose objective is linearized by `line`."""
    found = _updated(line, x, shrunk, 0.0, REACH)
    for _ in range(UPDATES):
        before, found = found, _updated(line, x, shrunk, found, REACH)
        if abs(found - before) <= SETTLED * before:
            break
    return found


def _updated(line: Linearization, x: np.ndarray, shrunk: np.ndarray, before: float, rise: float) -> float:
    """The next precision, at most `rise` times the one before."""
    r, w = line.residuals, x[shrunk]
    rows, size, squares = len(r), int(shrunk.sum()), float(w @ w)
    if not squares > 0:
        return before
    if before == 0:
        squares = max(squares, LEAST * size)
    determined = _determined(line.gram[np.ix_(shrunk, shrunk)], before) if before > 0 else min(size, rows / 2)
    variance = float(r @ r) / max(rows - determined, 1.0)
    new = variance * determined / squares
    return float(np.clip(new, before / REACH, before * rise)) if before > 0 else new


def _determined(gram: np.ndarray, precision: float) -> float:
    """γ = n − precision · tr (JᵀJ + precision)⁻¹, by the inverse where rounding allows, else by the eigenvalues."""
    from scipy.linalg.lapack import dpotrf, dpotri

    n = len(gram)
    if precision > CLEAR * float(np.max(np.diag(gram), initial=0.0)):
        factor, failed = dpotrf(gram + precision * np.eye(n), overwrite_a=True)
        if not failed:
            inverse, _ = dpotri(factor, overwrite_c=True)
            return float(np.clip(n - precision * np.trace(inverse), 0.0, n))
    spectrum = np.maximum(np.linalg.eigvalsh(gram), 0.0)
    return float(np.sum(spectrum / (spectrum + precision)))
