"""A linearization that least squares can work with."""

from __future__ import annotations

import numpy as np

from ..contracts import Linearization
from ..errors.numerics import NoFiniteSolution


def with_finite_squares(line: Linearization, squares: float, what: str) -> Linearization:
    """The linearization; raises NoFiniteSolution where its value or the squares of its entries are not finite.

    `squares` is the sum of those of the Jacobian. Finite numbers beyond 1e154 are refused as well: normal equations
    would overflow.
    """
    with np.errstate(all="ignore"):
        total = np.sum(line.residuals**2) + squares
    if not (np.isfinite(total) and np.isfinite(line.value)):
        raise NoFiniteSolution(f"{what} is not finite, or too large to square")
    return line
