"""The rung of multiple shooting: least squares over x and nodes while the gaps between windows weigh ever more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.contracts import Task, Tree
from workbench.errors.numerics import NumericsError

FIRST = 0.1  # weight of continuity to begin with: gaps of the spread of the data cost a tenth of what missing them does
LAST = 1e8  # the largest weight
GROWTH = 10.0
CALM = 0.02  # fall of the squares in one step, below which continuity weighs more
CLOSED = 1.05  # the trajectory from x misses the data at most by this factor more than the windows do
EXACT = 1e-6  # share of what a constant leaves, below which two misfits count as one
DAMPING = 1e-3  # in units of the squared column norms
TRIES = 20  # of one step, each with more damping


@dataclass(frozen=True)
class Report:
    """How one step went."""

    loss: float  # of the windows, as the trajectory's is counted
    gap: float  # root mean square of the gaps, in units of the states' sizes
    done: bool = False
    event: str = ""
    failed: bool = False


def begin(task: Task, points: int, x: np.ndarray) -> Tree:
    """The state at x (unknown,), with nodes near the data; the first steps move the nodes alone."""
    nodes, size = task.windows(points).start(x)
    return {
        "x": x,
        "nodes": nodes,
        "size": size,
        "continuity": FIRST,
        "damping": DAMPING,
        "shrink": task.unknowns.shrink,
        "hold": True,
        "steps": 0,
    }


def advance(task: Task, points: int, state: Tree, most: int) -> tuple[Tree, Report]:
    """One step of least squares; where it gains little, continuity weighs more from the next on.

    Done where the windows have joined, so that the trajectory from x fits as they do, or at the largest weight; a
    weight is left after `most` steps.
    """
    windows = task.windows(points)
    shrink = windows.shrinkage(task, state)
    try:
        line = windows.linearize(state["x"], state["nodes"], state["size"], state["continuity"], shrink)
    except NumericsError as error:
        return state, Report(np.inf, np.inf, True, error.message, failed=True)
    moved, fall = _step(task, state, line)
    state = {**state, **moved, "shrink": shrink, "steps": state["steps"] + 1}
    report = Report(line.loss, line.gap)
    if fall > CALM and state["steps"] < most:
        return state, report
    if state["hold"]:
        return {**state, "hold": False, "steps": 0}, report
    joined = line.whole(state["x"]) <= CLOSED * line.data + EXACT
    if joined or state["continuity"] >= LAST:
        event = "the windows have joined" if joined else "the windows have not joined"
        return state, replace(report, done=True, event=event)
    return {**state, "continuity": state["continuity"] * GROWTH, "steps": 0}, report


def _step(task: Task, state: Tree, line: Any) -> tuple[dict[str, Any], float]:
    """What changes by the first step that lowers the squares, and by which share it does; 0 where none does.

    The damping follows the ratio of actual to predicted fall (Nielsen 1999, eq. 2.5).
    """
    x, nodes, damping = state["x"], state["nodes"], state["damping"]
    lower, upper = task.unknowns.lower, task.unknowns.upper
    growth = 2.0
    for _ in range(TRIES):
        dx, ds = line.condensed.step(damping, lower - x, upper - x, state["hold"])
        predicted = line.condensed.predicted(dx, ds)
        if not predicted > 1e-12 * line.value:
            break
        new = np.clip(x + dx, lower, upper)
        after = line.value_at(new, nodes + ds)
        gain = (line.value - after) / predicted if np.isfinite(after) else -1.0
        if gain > 1e-4:
            damping = max(damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 1e-12)
            return {"x": new, "nodes": nodes + ds, "damping": damping}, (line.value - after) / line.value
        damping, growth = damping * growth, growth * 2
    return {"damping": DAMPING}, 0.0
