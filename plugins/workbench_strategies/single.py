"""Strategies of one rung."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from workbench.contracts import Objective, Step, Task, Tree
from workbench.errors.usage import UsageError

from . import rung


@dataclass(frozen=True)
class OneRung:
    """One optimizer on one objective until it has converged or the validation loss stops falling."""

    kind: Literal["trajectory", "defect"]
    patience: int

    def _objective(self, task: Task) -> Objective:
        if self.kind == "trajectory":
            return task.trajectory()
        if not task.defects():
            raise UsageError(
                "gradient matching needs every state observed at three times or more, and events only at known times",
                help="--strategy ladder or --strategy single",
            )
        return task.defects()[-1]

    def start(self, task: Task, rng: np.random.Generator) -> Tree:
        """At the start values; gradient matching holds the initial values, which f does not depend on."""
        unknowns = task.unknowns
        free = np.ones(len(unknowns.start), dtype=bool)
        if self.kind == "defect":
            free &= ~unknowns.starts
        return {"x": unknowns.start, "at": rung.begin(task, self._objective(task), free, unknowns.start)}

    def advance(self, task: Task, state: Tree) -> tuple[Tree, Step]:
        """One step of the optimizer; x is the best point on the validation part so far."""
        at, step = rung.advance(task, self._objective(task), state["at"], rung.Watch(self.patience))
        return {"x": at["best_x"], "at": at}, replace(step, rung=f"{self.kind}: {step.rung}")
