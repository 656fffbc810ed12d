"""The tables, pictures and notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Cell, Column, Panel, Picture, ResultTable, Series

from .arms import ARMS, EPSILON, GREY, NEURAL, SOFT
from .cases import WRONG
from .recipe import GUESS, PUBLISHED, SOURCE

if TYPE_CHECKING:
    from .experiment import Contrast, Facts

SHOWN = (SOFT, NEURAL, GREY)


def tables(facts: Facts) -> Iterator[ResultTable]:
    """One a case, then the curve as a solver, and the published problem."""
    yield from (_case(each) for each in facts.contrasts.values())
    yield _solvers(facts)
    yield _recipe(facts)


def _case(contrast: Contrast) -> ResultTable:
    case = contrast.data[0].case
    columns = (
        Column("model"),
        Column("fit"),
        Column("held-out time"),
        Column("held-out start"),
        Column("put back"),
        *(Column(f"{name} ({value:g})") for name, value in case.true.items()),
        Column("largest error of a parameter", "%"),
        Column("defect"),
        Column("unknowns"),
        Column("CPU time", "s", varies=True),
    )
    return ResultTable(
        f"{case.title}: {case.samples} times on [0, {case.end:g}], noise {100 * case.noise:g} %",
        columns,
        tuple(_row(contrast, arm) for arm in ARMS),
        "Medians over seeds. Errors are root mean squares of the distance from the truth in units of each state's "
        "spread: on the training part, in the held-out time, on the training span from a start that was not shown, and "
        "over all times with the recovered parameters in the equations from the true start. For a PINN the held-out "
        "start is a new curve, trained with the parameters frozen; in the held-out time its curve is read on.",
    )


def _row(contrast: Contrast, arm: str) -> tuple[Cell, ...]:
    found = [each[arm] for each in contrast.outcomes]
    parameters = [each.parameters for each in found if each.parameters is not None]
    defects = [each.defect for each in found if each.defect is not None]
    return (
        arm,
        *(_error(contrast.median(arm, score)) for score in ("fit", "later", "elsewhere", "put_back")),
        *(_median([each[name] for each in parameters]) for name in contrast.data[0].case.true),
        _error(100 * contrast.median(arm, "worst")),
        _median(defects),
        max(each.unknowns for each in found),
        _median([each.seconds for each in found]),
    )


def _error(value: float) -> Cell:
    """Of a median: inf is no solution, NaN no such score."""
    if np.isnan(value):
        return None
    return value if np.isfinite(value) else "no solution"


def _median(values: list[float]) -> Cell:
    return float(np.median(values)) if values else None


def _solvers(facts: Facts) -> ResultTable:
    return ResultTable(
        "The curve as a solver, its equations known, beside steps",
        (
            Column("case"),
            Column("solver"),
            Column("error"),
            Column("defect"),
            Column("evaluations"),
            Column("ended"),
            Column("CPU time", "s", varies=True),
        ),
        tuple(
            (
                each.case,
                each.solver,
                _error(each.error),
                each.defect if each.defect is not None and np.isfinite(each.defect) else None,
                each.evaluations,
                each.status,
                each.seconds,
            )
            for each in facts.solved
        ),
        "On the whole span, as `workbench simulate PROBLEM --solver pinn` does it. The defect is the root mean square "
        "of dy/dt − f at the samples, in units of the slopes'; steps have none. A curve whose defect stays large is no "
        "solution.",
    )


def _recipe(facts: Facts) -> ResultTable:
    again = facts.recipe
    return ResultTable(
        "The published inverse problem: 501 exact values on [0, 5] from (5, 5)",
        (
            Column("parameter"),
            Column("true", source=SOURCE),
            Column("begins at", source=SOURCE),
            Column("published: error of the vector, at most", source=SOURCE),
            Column("found"),
            Column("relative error"),
        ),
        tuple(
            (name, true, GUESS, PUBLISHED, again.found[name], abs(again.found[name] / true - 1))
            for name, true in again.true.items()
        ),
    )


def picture(contrast: Contrast) -> Picture:
    """The first state over all times, and from the other start, of the first seed."""
    data, found = contrast.data[0], contrast.outcomes[0]
    n, state = data.n, next(iter(data.case.other))
    low, high = data.truth[:, 0].min(), data.truth[:, 0].max()

    def inside(y: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.where(np.abs(y - (low + high) / 2) <= high - low, y, np.nan)

    time = (
        Series("truth", data.t, data.truth[:, 0], "reference"),
        Series("training data", data.t[:n], inside(data.observed[:n, 0]), "points"),
        *(Series(arm, data.t, inside(found[arm].curve[:, 0])) for arm in SHOWN),
    )
    start = (
        Series("truth", data.t[:n], data.elsewhere[:, 0], "reference"),
        *(Series(arm, data.t[:n], inside(found[arm].elsewhere[:, 0])) for arm in SHOWN),
    )
    return Picture(
        contrast.name,
        data.case.title,
        (
            Panel(f"training, held out from t = {data.t[n]:g}", "t", state, time),
            Panel("from a start that was not shown", "t", state, start),
        ),
    )


def notes(facts: Facts) -> tuple[str, ...]:
    """What has to be known to read the tables."""
    effort = facts.effort
    return (
        "All models get the same observations of the first four fifths of the times, and parameters that begin at most "
        f"by a factor of {WRONG:g} off, drawn by the seed. Every fit may take {effort.iterations} iterations and "
        f"{effort.seconds:g} s; the times in the tables say what it took.",
        f"The PINN: {effort.hidden} tanh units, {effort.points} collocation points on the training span, defect and "
        "misfit as mean squares of equal weight, lowered together with the parameters' logarithms by Levenberg and "
        "Marquardt's method. A hard start puts the first observation, as noisy as it is, into the form of the curve; a "
        f"soft one is an observation like the others; causal weights have ε = {EPSILON:g}; points to the end are as "
        f"many, over the held-out time as well. The neural ODE has {effort.neurons} tanh units and as many weights.",
        "The pictures are of the first seed; what leaves the frame is cut.",
    )
