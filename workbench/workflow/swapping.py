"""The solver swap of a fitted model: its dynamics solved once more by a method that had no part in the fit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .. import diagnose
from ..contracts import Solver
from ..graph import Graph
from ..model import Model, Selection
from ..registry import installed
from .reaching import reached

METHODS = ({"dop853": 1e-9, "vern7": 1e-9}, {"radau5": 1e-8, "rodas5p": 1e-8})
"""Independent methods with their rtol (atol a hundredth of it): explicit ones, then those for stiff problems."""
PATIENCE = 20.0
"""Seconds that each of them may take."""
PERTURBED = 1e-6
"""Change of the start, in units of each state's spread, by which the growth of errors is measured."""


class SolvedBy(Model):
    """A model whose solves are another solver's, from y0 (trajectory, state) if given.

    On NumPy where it has a graph, compiled only for long data.
    """

    def __init__(self, model: Model, solver: Solver, y0: np.ndarray | None = None) -> None:
        self.__dict__.update(model.__dict__)
        self.solver, self.compiled, self._y0 = solver, None, y0
        self.compile_if_long(model)

    @property
    def graph(self) -> Graph | None:
        """The graph, networks included."""
        return self.lowered

    def initial(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The given y0, which no unknown changes, or the model's own."""
        return super().initial(x) if self._y0 is None else (self._y0, None)


def swapped(model: Model, x: np.ndarray, prediction: np.ndarray, name: str) -> dict[str, Any] | None:
    """The certificate (see `diagnose.solver_swap`), with `by` the method that was put in, and `reason` where none
    came through; None where no such method is installed, or nothing is solved. `prediction` (observation, channel) is
    the model's own, by the solver `name`.

    Methods for stiff problems are asked where the model was solved by one, and where explicit ones give up.
    """
    if not model.field.states:
        return None
    offered = {listed.name for listed in installed().offers("solver")}
    families = METHODS[1:] if getattr(model.solver, "stiff", False) else METHODS
    chosen = [next((m for m in family if m in offered and m != name), None) for family in families]
    reason = ""
    for method, family in zip(chosen, families, strict=True):
        if method is None:
            continue
        tolerances = {"rtol": family[method], "atol": family[method] / 100}
        other = SolvedBy(model, installed().make("solver", method, tolerances))
        other.deadline = time.monotonic() + PATIENCE
        trial = other.trial(x, Selection.of(model.data))
        gave_up = [status for status in trial.trajectory.status if status in ("too_many_steps", "time_out")]
        if not gave_up:
            return {**_judged(model, other, x, prediction, reached(trial)[1], name), "by": method, "reason": None}
        reason = f"{method} ended with {gave_up[0]}"
    nothing = np.full_like(prediction, np.nan)
    return {**diagnose.solver_swap(nothing, nothing, 1.0), "by": None, "reason": reason} if reason else None


def _judged(model: Model, other: Model, x: np.ndarray, own: np.ndarray, again: np.ndarray, name: str) -> dict[str, Any]:
    """The certificate; where the two part, with the growth of errors taken into account."""
    data, spread = model.data, np.nanstd(model.data.values, axis=0)
    about: dict[str, Any] = {"solver": name, "step": _step(model), "times": data.t}
    found = diagnose.solver_swap(own, again, spread, **about)
    if found["parts_at"] is None or found["max_relative_difference"] is None:
        return found
    return diagnose.solver_swap(own, again, spread, **about, growth=_growth(other, x, again, spread))


def _step(model: Model) -> float | None:
    """The length of equal steps: what the solver was told, or the usual distance of observations; else None."""
    if model.solver.adaptive:
        return None
    steps = np.concatenate([np.diff(model.data.t[model.data.rows(i)]) for i in range(model.data.n_trajectories)])
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else None
    return getattr(model.solver, "step", None) or usual


def _growth(other: Model, x: np.ndarray, again: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """By what factor a small change of the start has grown, at most so far, at each observation (observation,)."""
    data = other.data
    y0, _ = other.initial(x)
    ys = other.trial(x, Selection.of(other.data)).trajectory.ys
    size = np.nanstd(ys.reshape(-1, ys.shape[-1]), axis=0)
    signs = np.where(np.arange(y0.shape[1]) % 2, -1.0, 1.0)  # any direction will do: errors turn to where they grow
    shaken = SolvedBy(other, other.solver, y0 + PERTURBED * size * signs)
    _, moved = reached(shaken.trial(x, Selection.of(other.data)))
    change = np.nanmax(np.abs(moved - again) / np.where(spread > 0, spread, 1.0), axis=1, initial=0.0) / PERTURBED
    return np.concatenate([np.maximum.accumulate(change[data.rows(i)]) for i in range(data.n_trajectories)])
