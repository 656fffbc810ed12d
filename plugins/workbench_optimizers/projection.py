"""Variable projection: entries in which the residuals are linear are kept at their best for the others."""

from __future__ import annotations

import numpy as np

from workbench.contracts import Linearization, Objective

RIDGE = 1e-14  # of the mean square of the columns, so that rounding leaves the normal equations positive


def linear_in(objective: Objective) -> np.ndarray | None:
    """The entries (unknown,) of x in which the residuals are linear, None where none are known."""
    linear = getattr(objective, "linear", None)
    return linear if linear is not None and linear.any() else None


def settling(line: Linearization, linear: np.ndarray) -> np.ndarray:
    """What takes the linear entries (unknown,) from where they are to their least, exactly (entry,)."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    squares, slope = line.gram[np.ix_(linear, linear)], line.gradient[linear]
    squares[np.diag_indices(len(squares))] += RIDGE * np.trace(squares) / len(squares)
    try:
        found = cho_solve(cho_factor(squares, overwrite_a=True, check_finite=False), -slope)
    except LinAlgError:
        found = np.linalg.lstsq(squares, -slope, rcond=None)[0]
    return np.asarray(found)
