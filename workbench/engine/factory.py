"""From a tableau to a factory with named, typed options; numbers are touched only when the solver is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .tableau import Tableau


def solver_factory(tableau: Tableau) -> Callable[..., Any]:
    """What an offer of this method calls: an adaptive method has tolerances, another one a step."""

    def adaptive(
        rtol: float = 1e-6,
        atol: float = 1e-9,
        step: float = 0.0,
        first_step: float = 0.0,
        min_step: float = 0.0,
    ) -> Any:
        from .solver import TableauSolver

        return TableauSolver(tableau, rtol=rtol, atol=atol, step=step, first_step=first_step, min_step=min_step)

    def fixed(step: float = 0.0) -> Any:
        from .solver import TableauSolver

        return TableauSolver(tableau, step=step)

    return adaptive if tableau.adaptive else fixed
