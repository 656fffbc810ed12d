"""A linearization that least squares can work with."""

from __future__ import annotations

import numpy as np

from ..contracts import Linearization
from ..errors.numerics import NoFiniteSolution


def with_finite_squares(line: Linearization, what: str) -> Linearization:
    """The linearization; raises NoFiniteSolution where its value or the squares of its entries are not finite.

    Finite numbers beyond 1e154 are refused as well: normal equations would overflow.
    """
    with np.errstate(all="ignore"):
        squares = np.sum(line.residuals**2) + np.sum(line.jacobian**2)
    if not (np.isfinite(squares) and np.isfinite(line.value)):
        raise NoFiniteSolution(f"{what} is not finite, or too large to square")
    return line
