"""One rung of a ladder: an optimizer on an objective of some entries of x, watched on the validation part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.contracts import Objective, Step, Task, Tree


@dataclass(frozen=True)
class Watch:
    """When a rung ends before its optimizer does.

    It ends when the validation loss has not fallen for `patience` looks, when the loss itself has fallen by less than
    the share `enough` from one look to the next, or when it is below `floor`. Looked at is every `every`-th step, and
    the last. A loss that is −log L of `values` values has no zero to take a share of: it creeps where squares whose
    logarithm it holds would, so where it falls by less than −(values/2)·log(1 − enough). Until the loss has halved, it
    has to creep for `plateau` looks in a row: weights near zero learn slowly at first.
    """

    patience: int
    every: int = 1
    enough: float = 0.0
    floor: float = -np.inf
    plateau: int = 1
    values: int = 0

    def creeps(self, before: float, loss: float) -> bool:
        """The loss has fallen by less than `enough`.

        >>> Watch(5, enough=0.05).creeps(1.0, 0.96), Watch(5, enough=0.05, values=100).creeps(-9.0, -11.0)
        (True, True)
        """
        if not self.enough > 0:
            return False
        if self.values:
            return not loss < before + self.values / 2 * np.log1p(-self.enough)
        return not loss < (1 - self.enough) * before


def begin(task: Task, objective: Objective, free: np.ndarray, x: np.ndarray) -> Tree:
    """The state of a rung that starts at x (unknown,) and moves the free entries."""
    shrink = task.shrinkage(objective, x)
    inside = task.restrict(objective, free, x, shrink)
    score = task.validation(x)
    return {
        "x": x,
        "free": free,
        "shrink": shrink,
        "optimizer": task.optimizer.start(inside, x[free]),
        "best_x": x,
        "best": float("inf") if score is None else score,
        "judged": score is not None,
        "stale": 0,
        "taken": 0,
        "slow": 0,
        "first": float("inf"),
        "loss": float("inf"),
    }


def advance(task: Task, objective: Objective, state: Tree, watch: Watch) -> tuple[Tree, Step]:
    """One step of the optimizer; done when it is, or when `watch` says so.

    `best_x` is the point with the lowest validation loss that was looked at, or the last point where there is no
    validation part.
    """
    inside = task.restrict(objective, state["free"], state["x"], state["shrink"])
    inner, step = task.optimizer.advance(inside, state["optimizer"])
    x = state["x"].copy()
    x[state["free"]] = inner["x"]
    shrink = task.shrinkage(objective, x, state["shrink"])
    moved = {**state, "x": x, "shrink": shrink, "optimizer": inner, "taken": state["taken"] + 1}
    low = step.loss < watch.floor
    if moved["taken"] % watch.every and not (step.done or low):
        moved["best_x"] = state["best_x"] if state["judged"] else x
        return moved, Step(0, step.rung, step.loss, None, step.parts, step.event)
    score = task.validation(x)
    better = score is None or score < state["best"]
    slow = watch.creeps(state["loss"], step.loss)
    new = {
        **moved,
        "slow": state["slow"] + 1 if slow else 0,
        "first": step.loss if state["first"] == np.inf else state["first"],
        "loss": step.loss,
        "best_x": x if better else state["best_x"],
        "best": state["best"] if score is None else min(score, state["best"]),
        "stale": 0 if better else state["stale"] + 1,
    }
    done, status = step.done, step.status
    if not done and score is not None and new["stale"] >= watch.patience:
        done, status = True, "early_stop"
    looks = 1 if step.loss < new["first"] / 2 else watch.plateau
    if not done and (new["slow"] >= looks or low):
        done, status = True, "converged"
    return new, Step(0, step.rung, step.loss, score, step.parts, step.event, done, status)
