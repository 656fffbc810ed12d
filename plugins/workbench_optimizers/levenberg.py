"""Levenberg–Marquardt on Objective.linearize, with bounds, one trial point an advance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contracts import Linearization, Objective, Step, Tree
from workbench.errors.numerics import NumericsError

from .box import least_in_box
from .projection import linear_in, settling

HELD = 1e-3
"""The scale of entries whose best is known at every point: by its square they are damped less than the others."""
STALL = 1e-3
"""Predicted fall of half the squared residuals, as a share of them, above which a fit that ends has not converged."""


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Solves (JᵀJ + λD²)s = −Jᵀr, D the largest column norms so far (Moré 1978), λ after Nielsen (1999, eq. 2.5).

    s is the best step within the bounds. A trial point without a finite solution counts as a rejection. Converged:
    predicted or actual relative fall below `ftol`, step below `xtol`; stalled: no step is better, though the quadratic
    model sees room for a fall of `STALL`.

    Where the objective says which entries are linear, each trial point has those at their best for the others
    (Golub & Pereyra 1973, SIAM J. Numer. Anal. 10, 413–432, with the step of Kaufman 1975, BIT 15, 49–57), and the
    others are damped alike: D is 1 for them.
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
            return state, Step(
                state["k"], self.name, float("inf"), event=error.message, done=True, status="failed.N010"
            )
        linear = linear_in(objective)
        scale = self._scale(line, state["scale"]) if linear is None else np.where(linear, HELD, 1.0)
        g, hessian = line.gradient, line.gram
        lam = state["lam"] if state["lam"] >= 0 else self.damping
        nu, k = state["nu"], state["k"] + 1
        room = 0.0
        for _ in range(40):
            s = self._step(state["x"], g, hessian, lam * scale**2, objective)
            predicted = -(s @ g + 0.5 * s @ hessian @ s)
            room = max(room, predicted)
            # at or below the round-off of the objective no step can be judged any more
            if predicted <= self.ftol * 1e-3 * max(abs(line.value), 1e-300):
                break
            s, value = self._tried(objective, state["x"], s, linear)
            gain = (line.value - value) / predicted if np.isfinite(value) else -1.0
            if gain > 1e-4:
                lam *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                return self._accepted({**state, "lam": lam, "nu": 2.0, "k": k, "scale": scale}, s, line.value, value)
            lam, nu = lam * nu, nu * 2
        stalled = room > STALL * 0.5 * float(line.residuals @ line.residuals)
        event = "no step lowers the objective, though its derivative says that one should" if stalled else ""
        status = "stalled" if stalled else "converged"
        ended = {**state, "k": k, "value": line.value, "scale": scale}
        return ended, Step(k, self.name, line.value, event=event, done=True, status=status)

    def _tried(
        self, objective: Objective, x: np.ndarray, s: np.ndarray, linear: np.ndarray | None
    ) -> tuple[np.ndarray, float]:
        """The step s from x and the objective there, the entries that are linear at their best for the others."""
        if linear is None:
            return s, objective.value(x + s)
        try:
            line = objective.linearize(x + s)
        except NumericsError:
            return s, float("inf")
        settled = s.copy()
        settled[linear] += settling(line, linear)
        return settled, objective.value(x + settled)

    def _accepted(self, state: Tree, s: np.ndarray, before: float, value: float) -> tuple[Tree, Step]:
        """x + s; the second step in a row that is small, in x or in what it gained, is the last."""
        size = float(np.max(np.abs(s * state["scale"]), initial=0.0))
        reach = float(np.max(np.abs(state["x"] * state["scale"]), initial=0.0))
        small = before - value <= self.ftol * abs(before) or size <= self.xtol * (reach + self.xtol)
        count = state["small"] + 1 if small else 0
        done = count >= 2
        new = {**state, "x": state["x"] + s, "value": value, "small": count}
        return new, Step(state["k"], self.name, value, done=done, status="converged" if done else "")

    def _scale(self, line: Linearization, before: np.ndarray) -> np.ndarray:
        norms = np.sqrt(np.diag(line.gram))
        norms = np.where(norms > 0, norms, 1.0)
        return np.maximum(norms, before) if len(before) else norms

    def _step(
        self, x: np.ndarray, g: np.ndarray, hessian: np.ndarray, damp: np.ndarray, objective: Objective
    ) -> np.ndarray:
        s = least_in_box(hessian + np.diag(damp), g, objective.lower - x, objective.upper - x)
        return np.clip(x + s, objective.lower, objective.upper) - x
