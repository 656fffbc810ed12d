"""The optimum of an objective from a point near it: what profiles, bootstraps and ensembles do again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts import Objective, Optimizer

ADVANCES = 60  # of the optimizer at most


@dataclass(frozen=True)
class Optimum:
    """The best point that was reached (unknown,), the objective there, and whether the optimizer ended by itself."""

    x: np.ndarray
    value: float
    converged: bool


def refit(objective: Objective, optimizer: Optimizer, x: np.ndarray) -> Optimum | None:
    """The optimum from x (unknown,), never above x; None where x itself has no finite objective."""
    value = objective.value(x)
    if not np.isfinite(value):
        return None
    if not len(x):
        return Optimum(x, value, True)
    state, ended = optimizer.start(objective, x), False
    for _ in range(ADVANCES):
        state, step = optimizer.advance(objective, state)
        if step.done:
            ended = step.status == "converged"
            break
    found = objective.value(state["x"])
    if np.isfinite(found) and found <= value:
        return Optimum(state["x"], found, ended)
    return Optimum(x, value, False)
