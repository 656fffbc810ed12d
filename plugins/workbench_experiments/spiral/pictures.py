"""The pictures: the trajectory on the way, and the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Panel, Picture, Series

from ..seeds import spread
from .published import FIGURES

if TYPE_CHECKING:
    from .experiment import Arm
    from .system import Spiral


def trajectory(spiral: Spiral, arms: Sequence[Arm]) -> Picture:
    """The plane at the start and after 50, 100 and 150 steps, by rk4 where it is among the solvers, the first seed."""
    arm = next((arm for arm in arms if arm.solver == "rk4"), arms[0])
    true = Series("truth", spiral.ys[:, 0], spiral.ys[:, 1], "reference")
    panels = tuple(
        Panel(
            "before training" if steps == 0 else f"after {steps} steps",
            "x",
            "y",
            (true, Series(f"network, {arm.solver}", *_inside(path).T)),
            equal=True,
        )
        for steps, path in arm.trained[0].paths.items()
    )
    return Picture("trajectory", "The damped spiral, as the recipe learns it", panels)


def losses(spiral: Spiral, arms: Sequence[Arm]) -> Picture:
    """The loss of the windows at every step, and that of the whole trajectory now and then."""
    windows, whole = [], []
    for arm in arms:
        k = np.arange(1, len(arm.trained[0].losses) + 1)
        middle, low, high = spread(np.array([trained.losses for trained in arm.trained]))
        windows.append(Series(arm.solver, k, middle, "line", low, high))
        at = arm.trained[0].wholes[:, 0]
        middle, low, high = spread(np.array([trained.wholes[:, 1] for trained in arm.trained]))
        whole.append(Series(arm.solver, at, middle, "line", low, high))
    steps = len(arms[0].trained[0].losses)
    zero = Series("zero throughout", np.array([0, steps]), np.full(2, spiral.zero), "reference")
    lowest = min(figure.loss for figure in FIGURES.values())
    published = Series("lowest published loss", np.array([0, steps]), np.full(2, lowest), "reference")
    return Picture(
        "loss",
        "Loss against step: median over seeds, and their range",
        (
            Panel("windows", "step", "mean squared error", tuple(windows), log_y=True),
            Panel("whole trajectory", "step", "mean squared error", (*whole, zero, published), log_y=True),
        ),
    )


def _inside(path: np.ndarray, most: float = 4.0) -> np.ndarray:
    """The path (time, 2) as far as the picture shows; what runs away is cut."""
    return np.where(np.abs(path).max(axis=1, keepdims=True) <= most, path, np.nan)
