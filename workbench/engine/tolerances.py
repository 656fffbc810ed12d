"""Tolerances of a solver for a system that is larger than the one it was made for."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..contracts import Solver

RELATIVE = 1e-6  # taken for solvers that say nothing of their tolerance
NEVER = 1e100  # an atol that no error reaches; 1/NEVER is not 0, by which LSODA divides


def relative(solver: Solver) -> float:
    """The rtol of a solver, above 0."""
    return max(float(getattr(solver, "rtol", RELATIVE)), float(np.finfo(float).eps))


def absolute(solver: Solver, shape: tuple[int, ...]) -> np.ndarray:
    """The atol of each entry of a state of this shape (entry,)."""
    atol = np.asarray(getattr(solver, "atol", 1e-3 * RELATIVE), dtype=float)
    return np.broadcast_to(atol, shape).reshape(-1)


def with_tolerances(solver: Solver, rtol: float, atol: np.ndarray) -> Solver:
    """The solver with one atol an entry; as it is where it has no such settings, or takes equal steps."""
    fields = getattr(type(solver), "__dataclass_fields__", {})
    if not solver.adaptive or not {"rtol", "atol"} <= set(fields):
        return solver
    changed: Any = dataclasses.replace(
        solver,  # type: ignore[type-var]  # a dataclass: it has fields
        rtol=rtol,
        atol=tuple(float(x) for x in atol),
    )
    return changed
