"""The arrangement: every model on every case and seed, curves as solvers, and the published inverse problem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.errors.usage import UsageError
from workbench.findings import Findings, Lab

from . import claims, published, recipe, stepping, telling
from .arms import ARMS, Effort, Outcome, Scores, outcome
from .cases import CASES, Data
from .curves import Inverse
from .recipe import Recipe
from .stepping import Solved

QUICK_ITERATIONS = 150


@dataclass(frozen=True)
class Contrast:
    """What one case has shown: by seed its data, and every arm's outcome and scores."""

    name: str
    data: tuple[Data, ...]
    outcomes: tuple[dict[str, Outcome], ...]
    scores: tuple[dict[str, Scores], ...]

    def median(self, arm: str, score: str) -> float:
        """Over seeds; NaN where the arm has no such score, inf where most seeds have no solution."""
        return float(np.median([getattr(each[arm], score) for each in self.scores]))


@dataclass(frozen=True)
class Facts:
    """All that tables and claims are made of."""

    contrasts: dict[str, Contrast]
    solved: tuple[Solved, ...]
    recipe: Recipe
    effort: Effort
    quick: bool


@dataclass(frozen=True)
class PinnContrast:
    """A PINN, a neural ODE, a grey box and gradient matching on the same data."""

    cases: tuple[str, ...]
    effort: Effort

    @classmethod
    def checked(cls, cases: tuple[str, ...], hidden: int, points: int, iterations: int, seconds: float) -> PinnContrast:
        """Raises UsageError for a case that is not there."""
        for name in cases:
            if name not in CASES:
                raise UsageError(f"there is no case {name!r}", help=f"the cases are {', '.join(CASES)}")
        return cls(cases, Effort(hidden, points, iterations, seconds))

    def usual_seeds(self, quick: bool, data: Path | None) -> int:
        """One where it is quick."""
        return 1 if quick else 5

    def run(self, lab: Lab) -> Findings:
        """A table a case, the curve as a solver, the published problem; claims and pictures."""
        few = replace(self.effort, iterations=min(self.effort.iterations, QUICK_ITERATIONS))
        effort = few if lab.quick else self.effort
        contrasts = {name: _contrast(name, effort, lab) for name in self.cases}
        solved: list[Solved] = []
        for name in stepping.problems(self.cases):
            lab.say(f"{name}: the curve as a solver")
            solved += stepping.solved(name, contrasts[name].data[0], effort.iterations, lab.quick)
        lab.say("the published inverse problem")
        how = Inverse(effort.hidden, effort.points, exact=True)
        again = recipe.run(how, effort.iterations, effort.seconds, lab.seeds[0])
        facts = Facts(contrasts, tuple(solved), again, effort, lab.quick)
        return Findings(
            tables=tuple(telling.tables(facts)),
            claims=tuple(claims.of(facts)),
            pictures=tuple(telling.picture(each) for each in contrasts.values()),
            notes=telling.notes(facts),
            sources=published.SOURCES,
        )


def _contrast(name: str, effort: Effort, lab: Lab) -> Contrast:
    data = tuple(Data.of(CASES[name], seed) for seed in lab.seeds)
    outcomes = []
    for each, seed in zip(data, lab.seeds, strict=True):
        lab.say(f"{name}, seed {seed}")
        outcomes.append({arm: outcome(arm, each, effort, seed) for arm in ARMS})
    scores = tuple(
        {arm: Scores.of(each, found[arm]) for arm in ARMS} for each, found in zip(data, outcomes, strict=True)
    )
    return Contrast(name, data, tuple(outcomes), scores)
