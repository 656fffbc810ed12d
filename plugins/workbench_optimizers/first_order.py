"""Gradient steps scaled by running moments: adam, adamw and rmsprop as one rule with different numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contracts import Objective, Step, Tree


@dataclass(frozen=True)
class Moments:
    """x ← x − rate·m̂/(√v̂ + eps) − rate·decay·x, with running means m of the gradient and v of its square."""

    name: str
    rate: float
    beta1: float  # 0: no first moment
    beta2: float
    eps: float
    decay: float = 0.0
    unbias: bool = True  # divide the moments by 1 − betaᵏ (Kingma & Ba 2015, algorithm 1)
    tolerance: float = 1e-10  # relative change of the objective over `patience` steps that counts as converged
    patience: int = 50
    least_squares: bool = False
    opaque: bool = False

    def start(self, objective: Objective, x: np.ndarray) -> Tree:
        """Zero moments at x, moved inside its bounds."""
        x = np.clip(x, objective.lower, objective.upper)
        zero = np.zeros_like(x)
        return {"x": x, "m": zero, "v": zero, "k": 0, "best": float("inf"), "best_x": x, "stale": 0}

    def advance(self, objective: Objective, state: Tree) -> tuple[Tree, Step]:
        """One step against the gradient; a point without a finite gradient is left by half the way to the best one."""
        value, g = objective.gradient(state["x"])
        if not (np.isfinite(value) and np.isfinite(g).all()):
            return self._back(state)
        k = state["k"] + 1
        m = self.beta1 * state["m"] + (1 - self.beta1) * g
        v = self.beta2 * state["v"] + (1 - self.beta2) * g * g
        scale = (1 - self.beta1**k, 1 - self.beta2**k) if self.unbias else (1.0, 1.0)
        step = (m / scale[0]) / (np.sqrt(v / scale[1]) + self.eps) + self.decay * state["x"]
        x = np.clip(state["x"] - self.rate * step, objective.lower, objective.upper)
        better = value < state["best"] * (1 - np.sign(state["best"]) * self.tolerance) if k > 1 else True
        stale = 0 if better else state["stale"] + 1
        best, best_x = (value, state["x"]) if value < state["best"] else (state["best"], state["best_x"])
        new = {"x": x, "m": m, "v": v, "k": k, "best": best, "best_x": best_x, "stale": stale}
        done = stale >= self.patience and self.patience > 0
        if done:
            new["x"] = best_x
        return new, Step(k, self.name, float(value), done=done, status="converged" if done else "")

    def _back(self, state: Tree) -> tuple[Tree, Step]:
        x = (state["x"] + state["best_x"]) / 2
        new = {**state, "x": x, "m": np.zeros_like(x), "k": state["k"] + 1, "stale": state["stale"] + 1}
        gone = not np.isfinite(state["best"]) or new["stale"] >= max(self.patience, 5)
        step = Step(new["k"], self.name, float("inf"), event="no finite gradient: went half way back to the best point")
        if gone:
            new["x"] = state["best_x"]
            step = Step(new["k"], self.name, state["best"], event=step.event, done=True, status="failed.N010")
        return new, step
