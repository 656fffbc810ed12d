"""The arrangement: for every solver and seed the published recipe and the ladder, then tables, claims and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

import workbench as wb
from workbench.findings import Findings, Lab

from . import claims, pictures, tables
from .judged import Judged, judge
from .recipe import Recipe, Trained, tolerances, train, train_whole
from .system import Spiral


@dataclass(frozen=True)
class Arm:
    """One solver: what the recipe and the ladder made of every seed."""

    solver: str
    trained: tuple[Trained, ...]
    recipe: tuple[Judged, ...]
    ladder: tuple[Judged, ...]


@dataclass(frozen=True)
class SpiralExperiment:
    """The published text's first experiment, with its ablations."""

    spiral: Spiral
    recipe: Recipe
    solvers: tuple[str, ...]
    gradient: Literal["auto", "adjoint", "discrete"] = "auto"

    def run(self, lab: Lab) -> Findings:
        """Four tables, claims with the errata among them, two pictures."""
        recipe = self._recipe(lab)
        arms = [self._arm(solver, recipe, lab) for solver in self.solvers]
        lab.say("the whole trajectory as one window")
        once = train_whole(self.spiral, "rk4", recipe, lab.seeds[0])
        facts = claims.Facts(self.spiral, recipe, arms, once)
        return Findings(
            tables=(
                tables.losses(self.spiral, arms),
                tables.learned(self.spiral, arms),
                tables.evaluations(recipe, arms),
                tables.baselines(self.spiral, recipe, once),
            ),
            claims=tuple(claims.of(facts)),
            pictures=(pictures.trajectory(self.spiral, arms), pictures.losses(self.spiral, arms)),
            notes=claims.notes(self.spiral, recipe),
            sources=(claims.TEXT, claims.DEMONSTRATION, claims.OTT),
        )

    def _recipe(self, lab: Lab) -> Recipe:
        """With the gradient that was asked for; the published one, unless the form is the quick one."""
        gradient = self.gradient if self.gradient != "auto" else "discrete" if lab.quick else "adjoint"
        return replace(self.recipe, gradient=gradient)

    def _arm(self, solver: str, recipe: Recipe, lab: Lab) -> Arm:
        trained, recipes, ladders = [], [], []
        for seed in lab.seeds:
            lab.say(f"{solver}, seed {seed}: the recipe")
            found = train(self.spiral, solver, recipe, seed)
            trained.append(found)
            path = found.paths[recipe.steps]
            recipes.append(judge(self.spiral, found.network.slopes, path, found.seconds))
        for seed in lab.seeds[:1] if lab.quick else lab.seeds:
            lab.say(f"{solver}, seed {seed}: the ladder")
            ladders.append(self._ladder(solver, seed))
        return Arm(solver, tuple(trained), tuple(recipes), tuple(ladders))

    def _ladder(self, solver: str, seed: int) -> Judged:
        """The default strategy of a fit on the same points with the same number of weights."""
        data = wb.Dataset(self.spiral.ts, self.spiral.ys, np.array([self.spiral.samples]), ("x", "y"))
        settings: dict[str, Any] = {"dynamics.hidden": (self.recipe.hidden,)}
        settings |= {f"solver.{name}": value for name, value in tolerances(solver).items()}
        fitted = wb.fit(data, dynamics="mlp", solver=solver, split="none", seed=seed, settings=settings)
        path, seconds = np.asarray(fitted.run.prediction), float(fitted.run.timings["seconds"])
        return judge(self.spiral, fitted.slopes, path, seconds)
