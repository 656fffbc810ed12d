"""The published inverse problem: Lotka and Volterra's parameters from a curve through data without noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import curves
from .cases import CASES
from .curves import Inverse

SOURCE = "SciML, NeuralPDE.jl, docs/src/tutorials/ode_parameter_estimation.md, with the test that it contains"
PUBLISHED = 1e-2
"""The tutorial's own test: ‖p − true‖ is at most this share of the larger of the two norms."""
TIMES, START, GUESS = 501, {"prey": 5.0, "predator": 5.0}, 1.0


@dataclass(frozen=True)
class Recipe:
    """The parameters found, and by which share their vector is off."""

    true: dict[str, float]
    found: dict[str, float]
    off: float

    @property
    def holds(self) -> bool:
        """It is as near as the tutorial tests."""
        return self.off <= PUBLISHED


def run(how: Inverse, iterations: int, seconds: float, seed: int) -> Recipe:
    """501 times on [0, 5] from (5, 5), every parameter beginning at 1, the start in the curve's form."""
    case = CASES["lotka-volterra"]
    t = np.linspace(0.0, 5.0, TIMES)
    y = case.solved(case.true, t, START)
    guess = dict.fromkeys(case.true, GUESS)
    found = curves.fit(how, case.problem, t, y, t[-1], guess, iterations, seconds, seed).parameters
    p, true = np.array(list(found.values())), np.array(list(case.true.values()))
    off = float(np.linalg.norm(p - true) / max(np.linalg.norm(p), np.linalg.norm(true)))
    return Recipe(case.true, found, off)
