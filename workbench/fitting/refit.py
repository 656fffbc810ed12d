"""The optimum of an objective from a point near it: what profiles, bootstraps and ensembles do again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts import Objective, Optimizer

ADVANCES = 60  # of the optimizer at most
OF_NETWORKS = 200
LOOK = 5  # advances over which a network's misfit has to fall …
CREEPING = 1e-3  # … by this share, or counts as being at its end: weights without a say creep on for ever


@dataclass(frozen=True)
class Optimum:
    """The best point that was reached (unknown,), the objective there, and whether the optimizer ended by itself."""

    x: np.ndarray
    value: float
    converged: bool


def refit(objective: Objective, optimizer: Optimizer, x: np.ndarray, network: bool = False) -> Optimum | None:
    """The optimum from x (unknown,), never above x; None where x itself has no finite objective.

    A `network` has converged where its misfit only creeps.
    """
    value = objective.value(x)
    if not np.isfinite(value):
        return None
    if not len(x):
        return Optimum(x, value, True)
    state, ended, losses = optimizer.start(objective, x), False, [value]
    for _ in range(OF_NETWORKS if network else ADVANCES):
        state, step = optimizer.advance(objective, state)
        losses.append(step.loss)
        creeps = network and len(losses) > LOOK and losses[-1 - LOOK] - step.loss < CREEPING * abs(step.loss)
        if step.done or creeps:
            ended = creeps or step.status == "converged"
            break
    found = objective.value(state["x"])
    if np.isfinite(found) and found <= value:
        return Optimum(state["x"], found, ended)
    return Optimum(x, value, False)
