"""What the compiled engine can run."""

from __future__ import annotations

from typing import TypeGuard

from ..engine import RosenbrockSolver, TableauSolver


def compilable(solver: object) -> TypeGuard[TableauSolver | RosenbrockSolver]:
    """The method of the solver is one of those that have kernels."""
    if isinstance(solver, TableauSolver):
        return not solver.tableau.implicit
    return isinstance(solver, RosenbrockSolver)
