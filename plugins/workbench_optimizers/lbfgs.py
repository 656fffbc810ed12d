"""L-BFGS with a backtracking Armijo–Wolfe line search, within bounds by projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contracts import Objective, Step, Tree

STALL = 1e-3
"""Gradient, as a share of the objective or of 1, above which a fit that ends has not converged."""


@dataclass(frozen=True)
class Lbfgs:
    """x ← x − αHg, H from the last `memory` pairs (Nocedal & Wright 2006, algorithm 7.4); α by bisection to Wolfe."""

    memory: int
    gtol: float
    ftol: float
    name: str = "lbfgs"
    least_squares: bool = False
    opaque: bool = False

    def start(self, objective: Objective, x: np.ndarray) -> Tree:
        """The gradient at x; no pairs yet."""
        x = np.clip(x, objective.lower, objective.upper)
        value, g = objective.gradient(x)
        empty = np.zeros((0, len(x)))
        return {"x": x, "value": float(value), "g": g, "s": empty, "y": empty, "k": 0, "small": 0}

    def advance(self, objective: Objective, state: Tree) -> tuple[Tree, Step]:
        """One line search along the quasi-Newton direction."""
        x, value, g, k = state["x"], state["value"], state["g"], state["k"] + 1
        if not (np.isfinite(value) and np.isfinite(g).all()):
            event = "the start has no finite objective"
            return state, Step(k, self.name, float("inf"), event=event, done=True, status="failed.N010")
        free = ~(((x <= objective.lower) & (g > 0)) | ((x >= objective.upper) & (g < 0)))
        if np.max(np.abs(g[free]), initial=0.0) <= self.gtol * max(1.0, abs(value)):
            return {**state, "k": k}, Step(k, self.name, value, done=True, status="converged")
        d = np.where(free, -self._inverse_hessian(state, np.where(free, g, 0.0)), 0.0)
        if d @ g >= 0:
            d = np.where(free, -g, 0.0)
        found = self._search(objective, x, value, g, d, first=len(state["s"]) == 0)
        if found is None:
            if len(state["s"]):  # the curvature pairs mislead: start again from the gradient
                empty = state["s"][:0]
                return {**state, "s": empty, "y": empty, "k": k}, Step(k, self.name, value, event="memory dropped")
            return {**state, "k": k}, self._no_fall(k, value, g[free])
        new_x, new_value, new_g = found
        s, y = new_x - x, new_g - g
        keep = s @ y > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y)
        ss = np.vstack([state["s"], s])[-self.memory :] if keep else state["s"]
        ys = np.vstack([state["y"], y])[-self.memory :] if keep else state["y"]
        small = state["small"] + 1 if value - new_value <= self.ftol * max(abs(value), 1e-300) else 0
        new = {"x": new_x, "value": new_value, "g": new_g, "s": ss, "y": ys, "k": k, "small": small}
        return new, Step(k, self.name, new_value, done=small >= 3, status="converged" if small >= 3 else "")

    def _no_fall(self, k: int, value: float, g: np.ndarray) -> Step:
        """The end where not even a step down the gradient falls: at its round-off, or stalled well above it."""
        stalled = np.max(np.abs(g), initial=0.0) > STALL * max(1.0, abs(value))
        event = "no step lowers the objective, though its gradient says that one should" if stalled else ""
        return Step(k, self.name, value, event=event, done=True, status="stalled" if stalled else "converged")

    def _inverse_hessian(self, state: Tree, g: np.ndarray) -> np.ndarray:
        """H g by the two-loop recursion."""
        q, pairs = g.copy(), list(zip(state["s"], state["y"], strict=True))
        alphas = []
        for s, y in reversed(pairs):
            alphas.append((s @ q) / (s @ y))
            q -= alphas[-1] * y
        if pairs:
            s, y = pairs[-1]
            q *= (s @ y) / (y @ y)
        for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
            q += s * (alpha - (y @ q) / (s @ y))
        return q

    def _search(
        self, objective: Objective, x: np.ndarray, value: float, g: np.ndarray, d: np.ndarray, first: bool
    ) -> tuple[np.ndarray, float, np.ndarray] | None:
        """A point with enough fall (1e-4) and less slope (.9), by bisection and doubling; None if there is none."""
        alpha = min(1.0, 1.0 / float(np.linalg.norm(d))) if first else 1.0
        low, high = 0.0, float("inf")
        best: tuple[np.ndarray, float, np.ndarray] | None = None
        for _ in range(30):
            point = np.clip(x + alpha * d, objective.lower, objective.upper)
            new, slope = objective.gradient(point)
            if not (np.isfinite(new) and np.isfinite(slope).all()) or new > value + 1e-4 * (point - x) @ g:
                high = alpha
            else:
                best = (point, float(new), slope)
                if slope @ d >= 0.9 * (g @ d):
                    return best
                low = alpha
            alpha = 2 * low if high == np.inf else (low + high) / 2
        return best
