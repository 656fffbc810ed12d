"""A stiff problem with a known end, and the tolerance at which a solver reaches it as closely as wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from .contender import Missing

GRID = tuple(10 ** (-k / 4) for k in range(8, 54))  # 1e-2 … 1e-13, four a decade


@dataclass(frozen=True)
class Stiff:
    """dy/dt = f(t, y, *p) from y(0) = y0 to y(t1) = end, which is to be met to `target`, relative, in every component.

    `f` and `jacobian` work on plain numbers and give lists; atol is rtol times `sizes`.
    """

    f: Callable[..., list[float]]
    jacobian: Callable[..., list[list[float]]]
    p: np.ndarray
    y0: np.ndarray
    t1: float
    end: np.ndarray
    sizes: np.ndarray
    target: float

    def error(self, y: Any) -> float:
        """The largest relative error of a component; infinite where there is no solution."""
        off = np.abs(np.asarray(y, float) / self.end - 1).max()
        return float(off) if np.isfinite(off) else float("inf")


def loosest(problem: Stiff, solve: Callable[[float], Any]) -> tuple[float, str]:
    """The first rtol of GRID that reaches the target where the next, sharper one does so too, and a note of it.

    Twice in a row, since an error may pass through zero by luck. Whole decades are tried first, and all of GRID from
    the decade on before the first that reaches the target. Raises Missing if none does.
    """
    error = cache(lambda rtol: problem.error(solve(rtol)))
    reached = (number for number in range(0, len(GRID), 4) if error(GRID[number]) <= problem.target)
    for rtol, sharper in pairwise(GRID[max(0, next(reached, 0) - 3) :]):
        if error(rtol) <= problem.target and error(sharper) <= problem.target:
            return rtol, f"rtol {rtol:.1e}, error {error(rtol):.1e}"
    raise Missing(
        f"does not reach {problem.target:.0e} at two tolerances in a row; its best error is {min(map(error, GRID)):.0e}"
    )
