"""The fit itself: a generator of (state, step) pairs, with no clock, file or screen of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..contracts import Step, Strategy, Task, Tree


def steps(
    task: Task, strategy: Strategy, rng: np.random.Generator, state: Tree | None = None
) -> Iterator[tuple[Tree, Step]]:
    """Advance a strategy to its end or the budget's; from `state`, as if it had never stopped.

    The state is a tree with `number` (advances so far), `strategy` (its own state, with `x`) and `done` (the final
    status, "" before). The first pair is the start, before any step.
    """
    if state is None:
        state = {"number": 0, "strategy": strategy.start(task, rng), "done": ""}
        yield state, Step(0, "start", float("inf"))
    while not state["done"]:
        spent = task.budget.exhausted(state["number"])
        if spent:
            state = {**state, "done": spent}
            yield state, Step(state["number"], "end", float("inf"), done=True, status=spent)
            return
        inner, step = strategy.advance(task, state["strategy"])
        if task.budget.exhausted(0) == "time":
            continue  # the deadline may have cut solves off: nothing that this advance found can be trusted
        number = state["number"] + 1
        state = {"number": number, "strategy": inner, "done": (step.status or "converged") if step.done else ""}
        yield state, replace(step, number=number)
