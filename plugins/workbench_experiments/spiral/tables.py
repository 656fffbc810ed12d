"""The tables: loss and time, what was learned, evaluations, baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Cell, Column, ResultTable

from .published import FIGURES, TEXT

if TYPE_CHECKING:
    from .experiment import Arm
    from .judged import Judged
    from .recipe import Recipe
    from .system import Spiral


def losses(spiral: Spiral, arms: Sequence[Arm]) -> ResultTable:
    """Mean squared error of the whole trajectory, and seconds."""
    return ResultTable(
        "Loss and time",
        (
            Column("solver"),
            Column("published loss", source=TEXT),
            Column("published time", "s", TEXT),
            Column("recipe: loss"),
            Column("lowest"),
            Column("highest"),
            Column("fit", "%"),
            Column("last window loss"),
            Column("time", "s", varies=True),
            Column("ladder: loss"),
            Column("highest"),
            Column("fit", "%"),
            Column("time", "s", varies=True),
        ),
        tuple(_losses(arm) for arm in arms),
        "Mean squared error of the whole trajectory from t = 0, median over seeds, and the lowest and highest; fit is "
        "100 (1 − √(loss/variance)). The last window loss is what the recipe itself minimizes, over its last ten "
        "steps. Times are of the training alone; the published ones include plotting, on another machine.",
    )


def _losses(arm: Arm) -> tuple[Cell, ...]:
    published = FIGURES.get(arm.solver)
    recipe, ladder = ([each.mse for each in judged] for judged in (arm.recipe, arm.ladder))
    return (
        arm.solver,
        published.loss if published else None,
        published.seconds if published else None,
        float(np.median(recipe)),
        min(recipe),
        max(recipe),
        _median(arm.recipe, "fit_percent"),
        float(np.median([trained.losses[-10:].mean() for trained in arm.trained])),
        _median(arm.recipe, "seconds"),
        float(np.median(ladder)),
        max(ladder),
        _median(arm.ladder, "fit_percent"),
        _median(arm.ladder, "seconds"),
    )


def learned(spiral: Spiral, arms: Sequence[Arm]) -> ResultTable:
    """Eigenvalues, error of the field, and whether it is an ODE."""
    rows = [row for arm in arms for row in (_learned(arm, "recipe", arm.recipe), _learned(arm, "ladder", arm.ladder))]
    perfect = {arm.solver: spiral.taught_by(arm.solver) for arm in arms}
    taught = "; ".join(f"{name} {shown(value)}" for name, value in perfect.items() if value is not None)
    return ResultTable(
        "What was learned",
        (
            Column("solver"),
            Column("by"),
            Column("eigenvalue"),
            Column("field error"),
            Column("loss, solved by dop853"),
            Column("an ODE"),
        ),
        tuple(rows),
        "Medians over seeds. Eigenvalue of the linear map nearest to the learned field on the trajectory; the true one "
        f"is {shown(complex(-0.1, 2.0))}. A perfect fit through a solver with one step a sample learns: {taught}. The "
        "field error is relative, on the true trajectory. An ODE: the trajectory stays the same, to 1 % of its spread, "
        "when it is solved by dop853 at 1e-9.",
    )


def _learned(arm: Arm, by: str, judged: Sequence[Judged]) -> tuple[Cell, ...]:
    value = complex(*(float(np.median([part(j.eigenvalue) for j in judged])) for part in (np.real, np.imag)))
    odes = sum(each.is_ode for each in judged)
    verdict = f"{odes} of {len(judged)}" + ("" if odes else f": a map tied to {arm.solver}")
    return arm.solver, by, shown(value), _median(judged, "field_error"), _median(judged, "resolved"), verdict


def evaluations(recipe: Recipe, arms: Sequence[Arm]) -> ResultTable:
    """Calls of the network in one step of the recipe."""
    rows = [
        (
            arm.solver,
            float(np.median([trained.forward for trained in arm.trained])),
            float(np.median([trained.backward for trained in arm.trained])),
        )
        for arm in arms
    ]
    return ResultTable(
        "Evaluations of the network in a step of the recipe",
        (Column("solver"), Column("forward"), Column("backward")),
        tuple(rows),
        f"Each is of all {recipe.windows} windows at once; gradient: {recipe.gradient}. The discrete adjoint evaluates "
        "stages of all steps together, the continuous one solves a system of its own backwards.",
    )


def baselines(spiral: Spiral, recipe: Recipe, once: float) -> ResultTable:
    """What loss means on this trajectory."""
    growth, with_truth = spiral.euler_with_truth()
    return ResultTable(
        "What a loss means here",
        (Column("predictor"), Column("loss"), Column("fit", "%")),
        (
            ("zero throughout", spiral.zero, spiral.fit_percent(spiral.zero)),
            ("the mean", spiral.variance, 0.0),
            (f"Euler's method with the true A, h = {spiral.h:.4f}", with_truth, spiral.fit_percent(with_truth)),
            (f"{recipe.steps} RMSprop steps on the whole trajectory (rk4)", once, spiral.fit_percent(once)),
        ),
        f"With the true A, Euler's method grows by the factor {growth:.7f} a step and does not decay.",
    )


def shown(value: complex) -> str:
    """An eigenvalue with its conjugate: −0.1994 ± 1.9867i."""
    return f"{value.real:.4f} ± {abs(value.imag):.4f}i".replace("-", "−")


def _median(judged: Sequence[Judged], name: str) -> float:
    return float(np.median([getattr(each, name) for each in judged]))
