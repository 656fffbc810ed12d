"""From a method's coefficients to a factory with named, typed options; they are read only when the solver is made."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .controllers import ControllerName
from .rosenbrock_tableau import RosenbrockTableau
from .splitting_method import Splitting
from .tableau import Tableau


def solver_factory(tableau: Tableau | RosenbrockTableau | Splitting) -> Callable[..., Any]:
    """What an offer of the method `tableau` calls: an adaptive method has tolerances, another one a step."""

    usual = Fraction(0 if isinstance(tableau, Splitting) else tableau.rtol)
    control: ControllerName = tableau.controller if isinstance(tableau, Tableau) else "pi"

    def adaptive(
        rtol: float = float(usual),
        atol: float = float(usual / 1000),
        step: float = 0.0,
        first_step: float = 0.0,
        min_step: float = 0.0,
        max_step: float = 0.0,
        controller: ControllerName = control,
    ) -> Any:
        return _solver_class(tableau)(
            tableau,
            rtol=rtol,
            atol=atol,
            step=step,
            first_step=first_step,
            min_step=min_step,
            max_step=max_step,
            controller=controller,
        )

    def fixed(step: float = 0.0) -> Any:
        return _solver_class(tableau)(tableau, step=step)

    return adaptive if tableau.adaptive else fixed


def _solver_class(tableau: Tableau | RosenbrockTableau | Splitting) -> Any:
    from . import solver

    if isinstance(tableau, Splitting):
        return solver.SplittingSolver
    return solver.RosenbrockSolver if isinstance(tableau, RosenbrockTableau) else solver.TableauSolver
