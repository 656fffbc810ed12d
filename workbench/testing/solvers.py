"""What every solver must do, on problems whose solutions are known."""

from __future__ import annotations

from ..contracts import Solver
from .solver_accuracy import SolverAccuracy
from .solver_gradients import SolverGradients
from .solver_rows import SolverRows
from .solver_statuses import SolverStatuses
from .solver_time import SolverTime


class SolverContract(SolverAccuracy, SolverTime, SolverRows, SolverStatuses, SolverGradients):
    """Inherit, set `offer` or none for all, and every solver is held to this.

    A solver that says `stiff = True` is held to stiff problems, one that says `separable = True` is tested on systems
    q' = f(p), p' = g(q) only, and one that says `dense_order` is held to it between its steps.
    """

    def test_it_says_what_it_is(self, made: Solver) -> None:
        assert isinstance(made, Solver)
        assert made.order is None or made.order >= 1
        assert isinstance(made.adaptive, bool)
        assert isinstance(made.differentiable, bool)
        assert isinstance(getattr(made, "stiff", False), bool)
        assert isinstance(getattr(made, "separable", False), bool)
