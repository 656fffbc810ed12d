"""How strongly weights are held to zero, decided by the data: the evidence for a precision of their prior."""

from __future__ import annotations

import numpy as np

from ..contracts import Objective
from ..errors.numerics import NoFiniteSolution

REACH = 10.0  # the largest factor by which one update changes a precision, for it holds only near the maximum


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
    r, jacobian, w = line.residuals, line.jacobian[:, shrunk], x[shrunk]
    rows, size, squares = len(r), int(shrunk.sum()), float(w @ w)
    if not squares > 0:
        return before
    if before > 0:
        spectrum = np.maximum(np.linalg.eigvalsh(jacobian.T @ jacobian), 0.0)
        determined = float(np.sum(spectrum / (spectrum + before)))
    else:
        determined = min(size, rows / 2)
    variance = float(r @ r) / max(rows - determined, 1.0)
    new = variance * determined / squares
    return float(np.clip(new, before / REACH, before * REACH)) if before > 0 else new
