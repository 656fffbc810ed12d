"""One rung of a ladder: an optimizer on an objective of some entries of x, watched on the validation part."""

from __future__ import annotations

import numpy as np

from workbench.contracts import Objective, Step, Task, Tree


def begin(task: Task, objective: Objective, free: np.ndarray, x: np.ndarray) -> Tree:
    """The state of a rung that starts at x (unknown,) and moves the free entries."""
    inside = task.restrict(objective, free, x)
    score = task.validation(x)
    return {
        "x": x,
        "free": free,
        "optimizer": task.optimizer.start(inside, x[free]),
        "best_x": x,
        "best": float("inf") if score is None else score,
        "stale": 0,
    }


def advance(task: Task, objective: Objective, state: Tree, patience: int) -> tuple[Tree, Step]:
    """One step of the optimizer; done when it is, or when the validation loss has not fallen for `patience` steps.

    `best_x` is the point with the lowest validation loss, or simply the last one where there is no validation part.
    """
    inside = task.restrict(objective, state["free"], state["x"])
    inner, step = task.optimizer.advance(inside, state["optimizer"])
    x = state["x"].copy()
    x[state["free"]] = inner["x"]
    score = task.validation(x)
    better = score is None or score < state["best"]
    new = {
        **state,
        "x": x,
        "optimizer": inner,
        "best_x": x if better else state["best_x"],
        "best": state["best"] if score is None else min(score, state["best"]),
        "stale": 0 if better else state["stale"] + 1,
    }
    done, status = step.done, step.status
    if score is not None and new["stale"] >= patience and not done:
        done, status = True, "early_stop"
    return new, Step(0, step.rung, step.loss, score, step.parts, step.event, done, status)
