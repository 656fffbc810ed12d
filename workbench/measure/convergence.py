"""The orders that a solver really has: of its solution, of its dense output, on problems that are known exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..contracts import Mesh
from .candidate import Candidate, root_mean_square, solved
from .exact import Exact
from .orders import order_of

FEW = 48
"""Steps an interval beyond which three errors are enough for an implicit method: its step costs ten explicit ones."""
SLACK = 0.2
"""How far a measured order may lie from the claimed one."""


def measured_order(candidate: Candidate, problem: Exact) -> float | None:
    """The order at eight times over the problem, from equal steps; None where the solver takes none or claims none."""
    if candidate.solver.order is None or candidate.with_step(1.0) is None:
        return None
    end = _end(candidate, problem)
    ts = np.linspace(0, end, 9)

    def error(n: int) -> float:
        solver = candidate.with_step(end / 8 / n)
        assert solver is not None
        return root_mean_square(solved(solver, problem, ts).ys[0] - problem.y(ts))

    return _order(candidate, error)


def claimed_between(candidate: Candidate) -> int | None:
    """The order of what lies between the steps: that of the solution, or the local one of its dense output.

    A dense output of order q errs by h^(q + 1) within one step, which does not add up.
    """
    order, dense = candidate.solver.order, candidate.dense_order
    return None if order is None or dense is None else min(order, dense + 1)


def measured_dense_order(candidate: Candidate, problem: Exact) -> float | None:
    """The order at 59 times that no step ends at, on meshes of equal steps; None for a solver that repeats no mesh."""
    if claimed_between(candidate) is None or candidate.with_step(1.0) is None:
        return None
    end = _end(candidate, problem)
    between = end * np.concatenate([[0.0], np.arange(1, 60) / 60 + 0.0031])

    def error(n: int) -> float:
        solver = candidate.with_step(end / 8 / n)
        assert solver is not None
        found = solved(solver, problem, between, replay=_equal(end, 8 * n))
        return root_mean_square(found.ys[0] - problem.y(between))

    return _order(candidate, error)


def _equal(end: float, n: int) -> Mesh:
    """One row of n equal steps to the end."""
    return Mesh(np.linspace(0, end, n + 1)[None], np.arange(1, n + 1)[None] == n)


def _order(candidate: Candidate, error: Callable[[int], float]) -> float:
    return order_of(error, enough=FEW) if candidate.stiff else order_of(error)


def _end(candidate: Candidate, problem: Exact) -> float:
    """A quarter unit for order 1, which takes 1e4 steps a unit of time to an error of 1e-4."""
    return 0.25 if candidate.solver.order == 1 else problem.t1
