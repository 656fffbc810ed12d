"""What a solver does beside its numbers: rows that do not see each other, the same bits again, true statuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..contracts import Mesh, SolveOptions, Solver, Trajectory
from ..engine import LoopSolver
from .candidate import Candidate, solved

FAILED = ("blew_up", "step_too_small", "too_many_steps", "not_finite", "time_out")
Slope = Callable[[np.ndarray, np.ndarray], np.ndarray]


def batch_difference(candidate: Candidate, solver: Solver) -> float:
    """The largest relative difference between three rows solved together and each alone, on the same steps."""
    problem = candidate.moving
    ts = np.linspace(0, problem.t1, 9)
    y0 = problem.y0 * np.array([[1.0], [1.02], [0.9]])
    together = solved(solver, problem, ts, y0)
    worst = 0.0
    for i in range(3):
        replay = row_of(together.mesh, i) if isinstance(solver, LoopSolver) else None
        alone = solved(solver, problem, ts, y0[i : i + 1], replay=replay)
        size = np.abs(together.ys[i]).max()
        worst = max(worst, float(np.abs(alone.ys[0] - together.ys[i]).max() / size))
    return worst


def row_of(mesh: Mesh | None, i: int) -> Mesh | None:
    """The mesh of one row alone."""
    if mesh is None:
        return None
    steps = int(mesh.n_steps[i])
    return Mesh(mesh.t[i : i + 1, : steps + 1], mesh.clipped[i : i + 1, :steps])


def repeats_its_bits(candidate: Candidate, solver: Solver) -> bool:
    """Two solves of one problem are equal, bit for bit."""
    problem = candidate.moving
    ts = np.linspace(0, problem.t1, 5)
    one, other = (solved(solver, problem, ts).ys for _ in range(2))
    return bool(np.array_equal(one, other))


def reversal_error(candidate: Candidate, solver: Solver) -> float:
    """How far there and back again ends from the start, over the size of the start."""
    problem = candidate.moving
    there = solved(solver, problem, np.array([0.0, problem.t1])).ys[:, -1]
    back = solved(solver, problem, np.array([problem.t1, 0.0]), there, t0=problem.t1).ys[:, -1]
    return float(np.abs(back - problem.y0).max() / np.abs(problem.y0).max())


# --- what must never be called ok


def follow(
    candidate: Candidate, solver: Solver, slope: Slope, y0: float = 1.0, v0: float = 0.0, **more: Any
) -> Trajectory:
    """dy/dt = slope(t, y) over [0, 2], y one state; y'' = slope(t, y) from y' = v0 for a solver of separable systems.

    The deadline of 8 s holds unless another is given.
    """
    options = SolveOptions(**{"deadline": time.monotonic() + 8, **more})
    start = np.array([[y0, v0]]) if candidate.separable else np.array([[y0]])

    def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        if not candidate.separable:
            return slope(t[:, None], y)
        return np.concatenate([y[:, 1:], slope(t[:, None], y[:, :1])], axis=1)

    with np.errstate(all="ignore"):  # f itself overflows here
        return solver.solve(f, start, np.zeros(1), np.linspace(0, 2, 9)[None], options)


def blow_up(candidate: Candidate, solver: Solver) -> Trajectory:
    """1/(1 − t), or for separable systems (1 − t)⁻², on [0, 2].

    A method of order 4 sees it grow by 300 decades in some thousand steps; one of order 1 would take a million, and is
    stopped early.
    """
    if candidate.separable:
        return follow(candidate, solver, lambda t, y: 6 * y**2, v0=2.0, max_steps=20_000)
    return follow(candidate, solver, lambda t, y: y**2, max_steps=20_000)


def statuses(candidate: Candidate, solver: Solver) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What was tried → the status that came, and those that are right."""
    found = {
        "solution that blows up": (blow_up(candidate, solver), FAILED),
        "slope NaN at the start": (follow(candidate, solver, lambda t, y: y * np.nan), ("not_finite",)),
        "slope NaN later": (follow(candidate, solver, lambda t, y: np.where(t > 0.6, np.nan, -y)), FAILED),
        "start NaN": (follow(candidate, solver, lambda t, y: -y, np.nan), ("not_finite",)),
        "five steps at most": (
            follow(candidate, solver, lambda t, y: np.cos(50 * t) + 0 * y, max_steps=5),
            ("too_many_steps",),
        ),
        "no time left": (follow(candidate, solver, lambda t, y: -y, deadline=time.monotonic() - 1), ("time_out",)),
        "nothing wrong": (follow(candidate, solver, lambda t, y: -y), ("ok",)),
    }
    return {what: (trajectory.status[0], right) for what, (trajectory, right) in found.items()}
