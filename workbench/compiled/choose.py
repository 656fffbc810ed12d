"""What the compiled engine can run, and how much of it at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeGuard

from ..engine import RosenbrockSolver, TableauSolver

if TYPE_CHECKING:
    from ..contracts import Mesh
    from ..graph import Graph
    from .kernel import March

MANY = 4  # trajectories from which they are solved side by side


def compilable(solver: object) -> TypeGuard[TableauSolver | RosenbrockSolver]:
    """The method of the solver is one of those that have kernels."""
    if isinstance(solver, TableauSolver):
        return not solver.tableau.implicit
    return isinstance(solver, RosenbrockSolver)


def march_of(solver: TableauSolver | RosenbrockSolver, replay: Mesh | None = None) -> March:
    """How its steps are taken: by error control, or along a mesh that is known beforehand."""
    return "solve" if solver.adaptive and replay is None else "follow"


def printable(graph: Graph) -> bool:
    """The right-hand side has a form in C: tangent networks, which carry derivatives along, have none."""
    return not any(network.tangent for network in graph.networks)


def allowed_threads() -> int:
    """As many as there are processors, or as OMP_NUM_THREADS allows."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return int(allowed) if allowed.isdigit() and int(allowed) > 0 else os.cpu_count() or 1
