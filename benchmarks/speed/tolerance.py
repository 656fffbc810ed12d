"""A stiff problem with a known end, and the tolerance at which a solver reaches it as closely as wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

    Twice in a row, since an error may pass through zero by luck. Raises Missing if none does.
    """
    before = best = float("inf")
    for rtol, sharper in pairwise(GRID):
        here = problem.error(solve(rtol)) if not np.isfinite(before) else before
        before = problem.error(solve(sharper)) if here <= problem.target else float("inf")
        best = min(best, here, before)
        if max(here, before) <= problem.target:
            return rtol, f"rtol {rtol:.1e}, error {here:.1e}"
    raise Missing(f"does not reach {problem.target:.0e} at two tolerances in a row; its best error is {best:.0e}")
