"""The ladder: each rung starts where the one before was best. Horizon growth and multiple shooting are parts of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from workbench.contracts import Objective, Step, Task, Tree

from . import rung, shooting

SHORTEST = 1 / 32  # five halvings: where a start has no finite solution on the whole span, a shorter one is tried
LOOK = 5  # steps for one look at the validation part where a step costs no more than the solve for it
ENOUGH = 0.004  # fall of the misfit of slopes in one step, below which the trajectory itself is worth more
SLOW = 0.05  # fall of a network's trajectory misfit between two looks, below which its weights only creep
PLATEAU = 2  # steps of gradient matching that gain little, one after the other, before it has learned anything
FLOOR = 1e-6  # misfit at which slopes agree to a thousandth: curves through data seldom know them better
TRIES = 5  # failures after which a fit is given up


@dataclass(frozen=True)
class Ladder:
    """Gradient matching or multiple shooting → trajectory with initial values held → trajectory with all unknowns.

    Gradient matching is done once for each kind of curve through the data and left out where states are hidden. A
    network on noisy data is fitted in windows instead. The middle rung is for networks only, for known equations lean
    on their initial values from the start. The trajectory begins at the best of the start values and what was found:
    least loss on the validation part, or on the training part where there is none. If none has a finite solution over
    the whole span, over a half, a quarter … of it, which doubles each time that it has been fitted. A trajectory that
    ends stuck, so that it misses what smooth curves do not (`Task.stuck`), is fitted again the other way, in windows or
    from matched slopes, and the better of both is kept.
    """

    patience: int
    match: bool
    windows: Literal["stuck", "first", "never"] = "stuck"
    points: int = 0  # times in a window; 0: twice as many values as states
    first: float = 1.0  # share of the span that is fitted to begin with

    def start(self, task: Task, rng: np.random.Generator) -> Tree:
        """On the first rung, at the start values."""
        x = task.unknowns.start
        state = {"rung": "matching", "curve": 0, "horizon": 1.0, "failures": 0, "x": x, "found": [x], "said": ""}
        state |= {"begun": x, "kept": [], "shot": self.windows == "never", "matched": not self._matches(task)}
        if self.windows == "first" or (self.windows == "stuck" and self.match and self._noisy_network(task)):
            return self._onto_windows(task, state)
        if self._matches(task):
            return self._onto_matching(task, state)
        state, event = self._onto_trajectory(task, state)
        return {**state, "said": event}  # the first step says it

    def advance(self, task: Task, state: Tree) -> tuple[Tree, Step]:
        """One step of the rung's optimizer; a rung that is done hands its best point to the next."""
        if state["rung"] == "windows":
            return self._shoot(task, state)
        at, step = rung.advance(task, self._objective(task, state), state["at"], self._watch(task, state))
        event = "; ".join(filter(None, (state["said"], step.event)))
        state = {**state, "at": at, "x": state["kept"][0] if state["kept"] else at["best_x"], "said": ""}
        step = replace(step, rung=self._label(state, step.rung), event=event)
        if not step.done:
            return state, step
        if state["rung"] == "matching":
            return self._after_matching(task, state, step)
        return self._after_trajectory(task, state, step)

    def _objective(self, task: Task, state: Tree) -> Objective:
        if state["rung"] == "matching":
            return task.defects()[state["curve"]]
        return task.trajectory(state["horizon"])

    def _watch(self, task: Task, state: Tree) -> rung.Watch:
        steep = task.optimizer.least_squares  # a step of least squares that gains little is near the end
        look = 1 if task.optimizer.opaque else LOOK
        if state["rung"] == "matching":
            return rung.Watch(self.patience, *((1, ENOUGH) if steep else (look, 0.0)), FLOOR, PLATEAU)
        if not task.unknowns.mask("weights").any():
            return rung.Watch(self.patience)
        return rung.Watch(-(-self.patience // look), look, SLOW if steep else 0.0, values=task.likelihood_values)

    def _label(self, state: Tree, optimizer: str) -> str:
        share = "" if state["horizon"] == 1.0 else f" {state['horizon']:.3g}"
        return f"{state['rung']}{share}: {optimizer}"

    def _parameters(self, task: Task) -> np.ndarray:
        return ~task.unknowns.starts

    def _matching(self, task: Task, curve: int) -> Tree:
        return rung.begin(task, task.defects()[curve], self._parameters(task), task.unknowns.start)

    def _after_matching(self, task: Task, state: Tree, step: Step) -> tuple[Tree, Step]:
        at = state["at"]
        found = state["found"] if step.status.startswith("failed") else [*state["found"], at["best_x"], at["x"]]
        state, event = {**state, "found": found}, ""
        if state["curve"] + 1 < len(task.defects()):
            curve = state["curve"] + 1
            state = {**state, "curve": curve, "at": self._matching(task, curve)}
        else:
            state, event = self._onto_trajectory(task, state)
        said = "; ".join(filter(None, (step.event, event)))
        return state, replace(step, event=said, done=False, status="")

    def _matches(self, task: Task) -> bool:
        return self.match and bool(self._parameters(task).any()) and bool(task.defects())

    def _noisy_network(self, task: Task) -> bool:
        """A network on data whose smoothing and interpolating curves differ: slopes would teach it the noise."""
        noisy = len(task.defects()) > 1 and bool(task.unknowns.mask("weights").any())
        return noisy and task.trajectory().least_squares and task.windows().several

    def _onto_trajectory(self, task: Task, state: Tree) -> tuple[Tree, str]:
        horizon, event = self.first, ""
        while True:
            scores = [self._score(task, x, horizon) for x in state["found"]]
            best = int(np.argmin(scores))
            if np.isfinite(scores[best]) or horizon <= SHORTEST:
                break
            horizon /= 2
            event = f"no finite solution over the whole span: begins with {horizon:.3g} of it"
        weights, initial = task.unknowns.mask("weights"), task.unknowns.starts
        name = "trajectory" if weights.any() and initial.any() else "all"
        x = state["found"][best]
        return self._on(task, {**state, "found": [], "begun": x}, name, horizon, x), event

    def _onto_matching(self, task: Task, state: Tree) -> Tree:
        at, x = self._matching(task, 0), task.unknowns.start
        return {**state, "rung": "matching", "curve": 0, "matched": True, "found": [x], "at": at}

    def _onto_windows(self, task: Task, state: Tree) -> Tree:
        x = state["begun"]
        return {**state, "rung": "windows", "shot": True, "x": x, "at": shooting.begin(task, self.points, x)}

    def _shoot(self, task: Task, state: Tree) -> tuple[Tree, Step]:
        """One step of multiple shooting; then the trajectory goes on from where the windows led."""
        at, report = shooting.advance(task, self.points, state["at"], self.patience)
        label = f"windows {at['continuity']:g}: gauss-newton"
        step = Step(0, label, report.loss, None, {"gap": report.gap}, report.event)
        state = {**state, "at": at, "x": state["kept"][0] if state["kept"] else at["x"]}
        if not report.done:
            return state, step
        if report.failed and state["kept"]:
            return state, replace(step, done=True, status="converged")
        x = state["begun"] if report.failed else at["x"]
        better = [each for each in state["kept"] if not self._score(task, x, 1.0) <= self._score(task, each, 1.0)]
        state = {**state, "found": [x], "kept": better}
        state, event = self._onto_trajectory(task, {**state, "failures": 0})
        return state, replace(step, event="; ".join(filter(None, (report.event, event))))

    def _score(self, task: Task, x: np.ndarray, horizon: float) -> float:
        value = task.trajectory(horizon).value(x)
        score = task.validation(x) if horizon == 1.0 else None
        return value if score is None or not np.isfinite(value) else score

    def _on(self, task: Task, state: Tree, name: str, horizon: float, x: np.ndarray) -> Tree:
        free = self._parameters(task) if name == "trajectory" else np.ones(len(x), dtype=bool)
        at = rung.begin(task, task.trajectory(horizon), free, x)
        return {**state, "rung": name, "horizon": horizon, "x": x, "at": at}

    def _after_trajectory(self, task: Task, state: Tree, step: Step) -> tuple[Tree, Step]:
        x, horizon = state["at"]["best_x"], state["horizon"]
        again = replace(step, done=False, status="")
        if step.status.startswith("failed"):
            failures = state["failures"] + 1
            if failures >= TRIES or horizon <= SHORTEST:
                return self._at_the_end(task, state, step)
            event = f"{step.event}; shortened the horizon to {horizon / 2:.3g}"
            state = {**state, "failures": failures}
            return self._on(task, state, state["rung"], horizon / 2, x), replace(again, event=event)
        if horizon < 1.0:
            return self._on(task, state, state["rung"], 2 * horizon, x), replace(again, event="doubled the horizon")
        if state["rung"] == "trajectory":
            return self._on(task, state, "all", 1.0, x), replace(again, event="freed the initial values")
        return self._at_the_end(task, {**state, "x": x}, step)

    def _at_the_end(self, task: Task, state: Tree, step: Step) -> tuple[Tree, Step]:
        """The end; or, for a fit that is stuck, the way not taken yet, after which the better of both counts."""
        x, failed = state["x"], step.status.startswith("failed")
        if not (state["shot"] and state["matched"]) and task.stuck(x):
            onto, doing = (
                (self._onto_matching, "matches slopes")
                if state["shot"]
                else (self._onto_windows, "cuts the trajectories into windows")
            )
            kept = state["kept"] if failed else [x, *state["kept"]]
            state = onto(task, {**state, "kept": kept, "failures": 0})
            said = "; ".join(filter(None, (step.event, f"stuck: {doing}")))
            return {**state, "x": x}, replace(step, event=said, done=False, status="")
        if not state["kept"]:
            return state, step
        found = [*state["kept"]] if failed else [x, *state["kept"]]
        best = int(np.argmin([self._score(task, each, 1.0) for each in found]))
        return {**state, "x": found[best]}, replace(step, status="converged") if failed else step
