"""What an error costs, in evaluations of f and in time, beside another solver in the same process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..contracts import Solver
from .candidate import Candidate, root_mean_square, solved
from .exact import Exact

TARGET = 1e-6
"""The error at which costs are compared."""

ENOUGH = 2.0
"""Seconds of measuring after which no further turn is taken."""


@dataclass(frozen=True)
class Cost:
    """One solve: root mean square error at nine times, evaluations of f, seconds."""

    error: float
    rhs: int
    seconds: float


@dataclass(frozen=True)
class Work:
    """Costs as multiples of another solver's at an error of TARGET."""

    rhs: float
    seconds: float


def cost(solver: Solver, problem: Exact) -> Cost:
    """Solve once."""
    ts = np.linspace(0, problem.t1, 9)
    began = time.perf_counter()
    found = solved(solver, problem, ts)
    spent = time.perf_counter() - began
    error = root_mean_square(found.ys[0] - problem.y(ts)) if found.status == ("ok",) else float("inf")
    return Cost(error, int(found.stats["rhs"][0]), spent)


def ladder(candidate: Candidate) -> Iterator[Solver]:
    """The solver at ever sharper settings: tolerances by tens, or steps by halves."""
    for k in range(3, 12):
        sharper = candidate.with_tolerance(10.0**-k, 10.0 ** -(k + 1))
        sharper = candidate.with_step(0.8 * 0.5 ** (k - 3)) if sharper is None else sharper
        if sharper is not None:
            yield sharper


def work(candidate: Candidate, other: Candidate, problem: Exact) -> Work | None:
    """Costs at the error TARGET over those of the other; None where one of them does not get there.

    The two take turns, and the least of three times counts, so that what else the machine does weighs little; a turn of
    some seconds is not taken again.
    """
    turns: list[list[list[Cost]]] = []
    began = time.perf_counter()
    while len(turns) < 3 and time.perf_counter() - began < ENOUGH:
        turns.append([_costs(one, problem) for one in (candidate, other)])
    mine, theirs = (
        _at_target([_quickest(same) for same in zip(*costs, strict=True)]) for costs in zip(*turns, strict=True)
    )
    return None if mine is None or theirs is None else Work(mine[0] / theirs[0], mine[1] / theirs[1])


def _costs(candidate: Candidate, problem: Exact) -> list[Cost]:
    """The ladder, down to the first rung whose error is below TARGET."""
    found = []
    for solver in ladder(candidate):
        found.append(cost(solver, problem))
        if found[-1].error < TARGET:
            break
    return found


def _quickest(costs: Sequence[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.seconds)


def _at_target(costs: list[Cost]) -> tuple[float, float] | None:
    """Evaluations and seconds at TARGET, between the two costs around it, as straight lines in logarithms."""
    costs = [c for c in costs if 0 < c.error < np.inf]
    for before, after in pairwise(costs):
        if before.error >= TARGET >= after.error and before.error > after.error:
            share = np.log(before.error / TARGET) / np.log(before.error / after.error)
            return (
                float(before.rhs ** (1 - share) * after.rhs**share),
                float(before.seconds ** (1 - share) * after.seconds**share),
            )
    return None
