"""Several starts of one strategy, one after the other; the best of what they find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..contracts import Step, Strategy, Task, Tree
from .budget import FitBudget
from .starting_points import Redraw, starting_points
from .task import FitTask


class Multistart:
    """A strategy run from `n` starts, the first at the start values of the file.

    One solve each comes first: the others run in the order of the loss where they start, each with an equal share of
    the iterations and of the time that are left. The best has the least validation loss, or training loss where
    nothing validates. A start that fails is a row of the table, and not the end.
    """

    def __init__(self, inner: Strategy, n: int, redraw: Redraw) -> None:
        self.inner, self.n, self.redraw = inner, n, redraw

    def start(self, task: Task, rng: np.random.Generator) -> Tree:
        """Points drawn and put in order, nothing fitted yet."""
        assert isinstance(task, FitTask), "several starts are the core's own"
        objective = task.trajectory()
        points = starting_points(task.model, self.n, rng, self.redraw, objective.value)
        values = [objective.value(point) for point in points[1:]]
        order = [0, *(1 + int(k) for k in np.argsort(values, kind="stable"))]
        nothing = np.full(self.n, np.nan)
        return {
            "x": points[0],
            "points": points[order],
            "seeds": rng.integers(0, 2**32, self.n),
            "current": 0,
            "inner": None,
            "share": {},
            "used": 0,
            "losses": nothing,
            "validations": nothing,
            "found": points[order],
            "statuses": [""] * self.n,
        }

    def advance(self, task: Task, state: Tree) -> tuple[Tree, Step]:
        """One step of the start whose turn it is; a start that is done hands on to the next."""
        assert isinstance(task, FitTask), "several starts are the core's own"
        k = state["current"]
        if k == self.n:  # a finished run that was given more
            status = state["statuses"][best_start(state["losses"], state["validations"])]
            return state, Step(0, "end", float("inf"), done=True, status=status)
        own = task.starting(state["points"][k])
        if state["inner"] is None:
            inner = self.inner.start(own, np.random.default_rng(int(state["seeds"][k])))
            state = {**state, "inner": inner, "share": self._share(task.budget, state)}
        begin = _now(task.budget)
        inner, step = self.inner.advance(own, state["inner"])
        share = {**state["share"], "taken": state["share"]["taken"] + 1}
        share["spent"] += _now(task.budget) - begin
        state = {**state, "inner": inner, "share": share, "used": state["used"] + 1}
        if not np.isfinite(state["losses"]).any():
            state = {**state, "x": inner["x"]}
        ended = (step.status or "converged") if step.done else _used_up(share)
        step = replace(step, rung=f"start {k + 1}: {step.rung}", done=False, status="")
        if not ended:
            return state, step
        return self._after(task, state, step, ended)

    def _share(self, budget: Any, state: Tree) -> dict[str, Any]:
        """What the start whose turn it is may use; 0 is without a limit."""
        left = self.n - state["current"]
        share = {"taken": 0, "spent": 0.0, "iterations": 0, "seconds": 0.0}
        if budget.iterations is not None:
            share["iterations"] = max(1, (budget.iterations - state["used"]) // left)
        if isinstance(budget, FitBudget) and budget.deadline is not None:
            share["seconds"] = max((budget.deadline - budget.clock()) / left, 1e-9)
        return share

    def _after(self, task: FitTask, state: Tree, step: Step, status: str) -> tuple[Tree, Step]:
        k, x = state["current"], state["inner"]["x"]
        loss, validation = task.trajectory().value(x), task.validation(x)
        failed = status.startswith("failed") or not np.isfinite(loss)
        losses, validations = state["losses"].copy(), state["validations"].copy()
        found, statuses = state["found"].copy(), list(state["statuses"])
        losses[k], validations[k] = np.inf if failed else loss, np.nan if validation is None else validation
        found[k], statuses[k] = x, status
        new = {**state, "losses": losses, "validations": validations, "found": found, "statuses": statuses}
        best = best_start(losses, validations)
        new = {**new, "x": found[best], "current": k + 1, "inner": None, "share": {}}
        event = "; ".join(filter(None, (step.event, f"start {k + 1} of {self.n} ended ({status})")))
        step = replace(step, event=event)
        if k + 1 < self.n:
            return new, step
        return new, replace(step, done=True, status=statuses[best])


def best_start(losses: np.ndarray, validations: np.ndarray) -> int:
    """The start with the least validation loss, or training loss where nothing validates (start,); NaN is not run."""
    finite = np.isfinite(losses)
    scores = validations if np.isfinite(validations[finite]).any() else losses
    return int(np.argmin(np.where(finite & np.isfinite(scores), scores, np.inf)))


def _now(budget: Any) -> float:
    """Seconds, where time is limited: else no clock touches the state."""
    return budget.clock() if isinstance(budget, FitBudget) and budget.seconds is not None else 0.0


def _used_up(share: dict[str, Any]) -> str:
    if share["iterations"] and share["taken"] >= share["iterations"]:
        return "iterations"
    if share["seconds"] and share["spent"] >= share["seconds"]:
        return "time"
    return ""
