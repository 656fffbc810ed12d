"""Variable projection: entries in which the residuals are linear are kept at their best for the others."""

from __future__ import annotations

import numpy as np

from workbench.contracts import Linearization, Objective

from .box import solve_positive

RIDGE = 1e-14  # of the mean square of the columns, so that rounding leaves the normal equations positive


def linear_in(objective: Objective) -> np.ndarray | None:
    """The entries (unknown,) of x in which the residuals are linear, None where none are known."""
    linear = getattr(objective, "linear", None)
    return linear if linear is not None and linear.any() else None


def settling(line: Linearization, linear: np.ndarray) -> np.ndarray:
    """What takes the linear entries (unknown,) from where they are to their least, exactly (entry,)."""
    squares, slope = line.gram[np.ix_(linear, linear)], line.gradient[linear]
    squares[np.diag_indices(len(squares))] += RIDGE * np.trace(squares) / len(squares)
    return solve_positive(squares, -slope)
