"""The engines' common loop: methods as data, steps chosen per trajectory, exact derivatives of the steps taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..on_first_use import on_first_use

if TYPE_CHECKING:
    from .checkpoints import Checkpoints, checkpointed_pullback
    from .gradients import pullback, sensitivities
    from .rosenbrock_tableau import RosenbrockTableau
    from .solver import LoopSolver, RosenbrockSolver, SplittingSolver, StepSolver, TableauSolver
    from .splitting_method import Splitting
    from .stateless import Stateless
    from .tableau import Tableau
    from .variational import forward_sensitivities

_HOMES = {
    "Tableau": ".tableau",
    "RosenbrockTableau": ".rosenbrock_tableau",
    "LoopSolver": ".solver",
    "TableauSolver": ".solver",
    "RosenbrockSolver": ".solver",
    "SplittingSolver": ".solver",
    "StepSolver": ".solver",
    "Splitting": ".splitting_method",
    "Stateless": ".stateless",
    "sensitivities": ".gradients",
    "pullback": ".gradients",
    "Checkpoints": ".checkpoints",
    "checkpointed_pullback": ".checkpoints",
    "forward_sensitivities": ".variational",
    "solver_factory": ".factory",
}

__all__ = [
    "Checkpoints",
    "LoopSolver",
    "RosenbrockSolver",
    "RosenbrockTableau",
    "Splitting",
    "SplittingSolver",
    "Stateless",
    "StepSolver",
    "Tableau",
    "TableauSolver",
    "checkpointed_pullback",
    "forward_sensitivities",
    "pullback",
    "sensitivities",
    "solver_factory",
]

__getattr__, __dir__ = on_first_use(__name__, _HOMES)
