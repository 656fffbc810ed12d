"""SciPy's trust region reflective least squares, as one opaque advance a set of weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contracts import Objective, Step, Tree
from workbench.errors.numerics import NumericsError


@dataclass(frozen=True)
class ScipyLeastSquares:
    """scipy.optimize.least_squares (method trf) on the linearized objective, an advance a whole minimisation.

    Where weights depend on x (profiled scales, huber), they are frozen for one minimisation and taken anew for the
    next; the fit has converged when the objective falls by less than `ftol` between two of them.
    """

    ftol: float
    max_rounds: int
    name: str = "least-squares"
    least_squares: bool = True
    opaque: bool = True

    def start(self, objective: Objective, x: np.ndarray) -> Tree:
        """x moved inside its bounds."""
        return {"x": np.clip(x, objective.lower, objective.upper), "k": 0, "value": float("inf")}

    def advance(self, objective: Objective, state: Tree) -> tuple[Tree, Step]:
        """One minimisation with frozen weights."""
        from scipy.optimize import least_squares as minimise

        k = state["k"] + 1
        try:
            frozen = objective.frozen(state["x"])
            seen = _Remember(frozen, len(state["x"]))
            with np.errstate(all="ignore"):  # where a trial point has no solution its residuals are infinite
                result = minimise(
                    seen.residuals,
                    _inside(state["x"], objective),
                    jac=seen.jacobian,
                    bounds=(objective.lower, objective.upper),
                    method="trf",
                    x_scale="jac",
                    ftol=self.ftol * 1e-2,
                    xtol=1e-12,
                    gtol=1e-12,
                )
        except NumericsError as error:
            return state, Step(k, self.name, float("inf"), event=error.message, done=True, status="failed.N010")
        bound = np.where(result.active_mask < 0, objective.lower, objective.upper)
        x = np.where(result.active_mask == 0, result.x, bound)  # trf stays a hair inside of what it ends at
        value, before = objective.value(x), objective.value(state["x"])  # the prior may have changed since the last
        if not np.isfinite(value) or (k > 1 and value > before):
            return {**state, "k": k}, Step(k, self.name, before, done=True, status="converged")
        done = (k > 1 and before - value <= self.ftol * abs(value)) or k >= self.max_rounds
        status = "" if not done else "iterations" if k >= self.max_rounds else "converged"
        return {"x": x, "k": k, "value": value}, Step(k, self.name, value, done=done, status=status)


class _Remember:
    """Residuals and Jacobian of the last point, so that SciPy's two questions cost one linearization."""

    def __init__(self, objective: Objective, n: int) -> None:
        self.objective, self.n = objective, n
        self.x: np.ndarray | None = None
        self.size = 0

    def _at(self, x: np.ndarray) -> None:
        if self.x is None or not np.array_equal(x, self.x):
            try:
                line = self.objective.linearize(x)
                self.r, self.j = line.residuals, line.jacobian
            except NumericsError:
                if self.x is None:
                    raise
                self.r, self.j = np.full(self.size, np.inf), np.zeros((self.size, self.n))
            self.size, self.x = len(self.r), x.copy()

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """r(x) (residual,), inf where there is no finite solution: SciPy then shrinks its region."""
        self._at(x)
        return self.r

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """J(x) (residual, unknown)."""
        self._at(x)
        return self.j


def _inside(x: np.ndarray, objective: Objective) -> np.ndarray:
    """x a hair inside its bounds, as trf wants it."""
    return np.clip(x, np.nextafter(objective.lower, np.inf), np.nextafter(objective.upper, -np.inf))
