"""Levenberg–Marquardt on Objective.linearize, with bounds, one trial point an advance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contracts import Linearization, Objective, Step, Tree
from workbench.errors.numerics import NumericsError


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Solves (JᵀJ + λD²)s = −Jᵀr, D the largest column norms so far (Moré 1978), λ after Nielsen (1999, eq. 2.5).

    Entries that press against a bound are left out of a step, and a step is cut to the bounds. A trial point without a
    finite solution counts as a rejection. Converged: predicted or actual relative fall below `ftol`, step below `xtol`.
    """

    ftol: float
    xtol: float
    damping: float
    name: str = "levenberg-marquardt"
    least_squares: bool = True
    opaque: bool = False

    def start(self, objective: Objective, x: np.ndarray) -> Tree:
        """x moved inside its bounds, nothing linearized yet."""
        x = np.clip(x, objective.lower, objective.upper)
        none = np.zeros(0)
        return {"x": x, "lam": -1.0, "nu": 2.0, "k": 0, "value": float("inf"), "scale": none, "small": 0}

    def advance(self, objective: Objective, state: Tree) -> tuple[Tree, Step]:
        """Linearize, then try growing λ until a trial point is better: one accepted step, or the end."""
        try:
            line = objective.linearize(state["x"])
        except NumericsError as error:
            return state, Step(state["k"], self.name, float("inf"), event=error.message, done=True, status="failed.N010")
        scale = self._scale(line, state["scale"])
        g = line.vjp(line.residuals)
        hessian = line.jacobian.T @ line.jacobian
        lam = state["lam"] if state["lam"] >= 0 else self.damping
        nu, k = state["nu"], state["k"] + 1
        for _ in range(40):
            s, free = self._step(state["x"], g, hessian, lam * scale**2, objective)
            predicted = -(s @ g + 0.5 * s @ hessian @ s)
            size = float(np.max(np.abs(s * scale), initial=0.0))
            # at or below the round-off of the objective no step can be judged any more
            if predicted <= self.ftol * 1e-3 * max(abs(line.value), 1e-300) or not free.any():
                return self._end(state, k, line.value, scale, "converged")
            value = objective.value(state["x"] + s)
            gain = (line.value - value) / predicted if np.isfinite(value) else -1.0
            if gain > 1e-4:
                lam *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                fall = line.value - value
                reach = float(np.max(np.abs(state["x"] * scale), initial=0.0))
                small = fall <= self.ftol * abs(line.value) or size <= self.xtol * (reach + self.xtol)
                count = state["small"] + 1 if small else 0
                new = {"x": state["x"] + s, "lam": lam, "nu": 2.0, "k": k, "value": value, "scale": scale, "small": count}
                if count >= 2:
                    return new, Step(k, self.name, value, done=True, status="converged")
                return new, Step(k, self.name, value)
            lam, nu = lam * nu, nu * 2
        return self._end(state, k, line.value, scale, "converged")

    def _scale(self, line: Linearization, before: np.ndarray) -> np.ndarray:
        norms = np.linalg.norm(line.jacobian, axis=0)
        norms = np.where(norms > 0, norms, 1.0)
        return np.maximum(norms, before) if len(before) else norms

    def _step(
        self, x: np.ndarray, g: np.ndarray, hessian: np.ndarray, damp: np.ndarray, objective: Objective
    ) -> tuple[np.ndarray, np.ndarray]:
        free = ~(((x <= objective.lower) & (g > 0)) | ((x >= objective.upper) & (g < 0)))
        s = np.zeros_like(x)
        if free.any():
            block = hessian[np.ix_(free, free)] + np.diag(damp[free])
            s[free] = -_solve_positive(block, g[free])
        return np.clip(x + s, objective.lower, objective.upper) - x, free

    def _end(self, state: Tree, k: int, value: float, scale: np.ndarray, status: str) -> tuple[Tree, Step]:
        return {**state, "k": k, "value": value, "scale": scale}, Step(k, self.name, value, done=True, status=status)


def _solve_positive(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a⁻¹b for a symmetric positive matrix; by least squares where rounding made it singular."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(a, b, rcond=None)[0]


def levenberg_marquardt(ftol: float = 1e-10, xtol: float = 1e-10, damping: float = 1e-3) -> LevenbergMarquardt:
    """Levenberg–Marquardt; `damping` is the first λ, in units of the squared column norms."""
    return LevenbergMarquardt(ftol, xtol, damping)
