"""The orders that a solver really has: of its solution, of its dense output, on problems that are known exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from ..contracts import Mesh
from ..engine import LoopSolver
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
    # higher orders need few steps, the errors of which are so small that sums in another order show in them
    if isinstance(candidate.solver, LoopSolver) and candidate.solver.order < 6:
        return _order(candidate, lambda counts: _errors(candidate, problem, counts, at_steps=True))
    ts = _times(end)[0]

    def error(n: int) -> float:
        solver = candidate.with_step(end / 8 / n)
        assert solver is not None
        return root_mean_square(solved(solver, problem, ts).ys[0] - problem.y(ts))

    return _order(candidate, lambda counts: map(error, counts))


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
    return _order(candidate, lambda counts: _errors(candidate, problem, counts, at_steps=False))


def _times(end: float) -> tuple[np.ndarray, np.ndarray]:
    """Eight times that a step ends at, and 59 between them, each behind the start."""
    return np.linspace(0, end, 9), end * np.concatenate([[0.0], np.arange(1, 60) / 60 + 0.0031])


def _errors(candidate: Candidate, problem: Exact, counts: Sequence[int], at_steps: bool) -> Iterator[float]:
    """The errors with each of `counts` equal steps an eighth of the way, at the ends of steps or between them."""
    number = 0 if at_steps else 1
    ts = _times(_end(candidate, problem))[number]
    return (root_mean_square(ys - problem.y(ts)) for ys in _solved(candidate, problem, tuple(counts))[number])


@lru_cache(maxsize=16)
def _solved(candidate: Candidate, problem: Exact, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """ys (steps, time, state) at either of the times, one solve for both orders with the numbers of steps as rows."""
    end = _end(candidate, problem)
    solver = candidate.with_step(end)
    assert solver is not None
    at, number = np.arange(8 * max(counts) + 1), np.array(counts)[:, None]
    t = end / 8 * (at // number) + at % number * (end / 8 / number)  # whole eighths are exact
    mesh = Mesh(np.where(at <= 8 * number, t, np.nan), at[1:] == 8 * number)
    y0 = np.repeat(problem.y0, len(counts), axis=0)
    steps, between = _times(end)
    ts = np.union1d(steps, between)
    ys = solved(solver, problem, ts, y0, replay=mesh).ys
    return ys[:, np.searchsorted(ts, steps)], ys[:, np.searchsorted(ts, between)]


def _order(candidate: Candidate, errors: Callable[[Sequence[int]], Iterable[float]]) -> float:
    return order_of(errors, enough=FEW) if candidate.stiff else order_of(errors)


def _end(candidate: Candidate, problem: Exact) -> float:
    """A quarter unit for order 1, which takes 1e4 steps a unit of time to an error of 1e-4."""
    return 0.25 if candidate.solver.order == 1 else problem.t1
