"""What was measured as tables, claims and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Claim, Column, Panel, Picture, Raster, ResultTable, Series

from .checks import HALF

if TYPE_CHECKING:
    from .experiment import Measured

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS, arXiv 1806.07366"
SOURCES = (
    f"{CHEN}, section 4",
    "Rezende & Mohamed (2015), ICML, arXiv 1505.05770",
    "Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud (2019), ICLR, arXiv 1810.01367",
    "Hutchinson (1990), Commun. Stat. Simul. 19, 433–450",
)


def table_of_fits(found: Measured, seeds: int) -> ResultTable:
    """One row a set of points and method."""
    rows = []
    for (name, method), learned in found.learned.items():
        counts = np.array([fit.evaluations for fit in learned.fits])
        published = {"exact trace": "64 hidden units", "planar layers": "64 layers"}.get(method)
        rows.append(
            (
                name,
                method,
                published,
                float(np.mean(learned.nats)),
                min(learned.nats),
                max(learned.nats),
                found.normal[name],
                learned.parameters,
                len(learned.fits[0].losses),
                float(counts[:, :10].mean()) if np.isfinite(counts).all() else None,
                float(counts[:, -10:].mean()) if np.isfinite(counts).all() else None,
                float(np.mean([fit.seconds for fit in learned.fits])),
            )
        )
    columns = (
        Column("points"),
        Column("method"),
        Column("published size", "", f"{CHEN}, section 4.1"),
        Column("held out", "nats a point"),
        Column("lowest"),
        Column("highest"),
        Column("a normal distribution", "nats a point"),
        Column("parameters"),
        Column("iterations"),
        Column("evaluations, first"),
        Column("last"),
        Column("training", "s", varies=True),
    )
    note = (
        f"Negative log-likelihood on 4000 held-out points, mean, lowest and highest of {seeds} "
        f"seed{'s' if seeds > 1 else ''}; lower is better. Evaluations of f a point and solve: means over the first "
        "and the last ten iterations."
    )
    return ResultTable("Densities learned", columns, tuple(rows), note)


def table_of_checks(found: Measured) -> ResultTable:
    """One row a set of points: what the identities miss."""
    columns = (
        Column("points"),
        Column("integral of p"),
        Column("log p against autograd's log |det|"),
        Column("there and back"),
        Column("bias of Hutchinson's log p", "standard errors"),
        Column("its standard deviation", "nats"),
    )
    rows = tuple(
        (name, one.integral, one.determinant, one.inverse, one.bias, one.spread) for name, one in found.checks.items()
    )
    note = (
        f"Of the flow with exact trace. The integral is over a square of side {2 * HALF:g}; the Jacobian is "
        "autograd's, through the discrete adjoint of a solve at 1e-8, at 16 points; there and back at 256 points; the "
        "estimator with ±1 entries at 16 points."
    )
    return ResultTable("Identities", columns, rows, note)


def claims(found: Measured, quick: bool) -> tuple[Claim, ...]:
    """What was published or demanded."""
    checks = found.checks
    off = {name: abs(one.integral - 1.0) for name, one in checks.items()}
    wide = max(off.values())
    worst = max(one.determinant for one in checks.values())
    back = max(one.inverse for one in checks.values())
    bias = max(abs(one.bias) for one in checks.values())
    return (
        Claim(
            "The density integrates to 1",
            "within 1 %",
            f"at most {100 * wide:.3f} % off",
            wide <= 0.01,
            "" if wide <= 0.01 else "mass lies outside the square, or the grid is too coarse for the density",
        ),
        Claim(
            "The change of log p along z is −tr ∂f/∂z (Theorem 1)",
            "log p within 1e-4 of that by autograd's log |det|",
            f"{worst:.1e}",
            worst <= 1e-4,
            "" if worst <= 1e-4 else "the solve at 1e-8 is not close enough",
            f"{CHEN}, Theorem 1",
        ),
        Claim(
            "The flow is reversed at the cost of a solve",
            "there and back within 1e-4",
            f"{back:.1e}",
            back <= 1e-4,
            "" if back <= 1e-4 else "the flow stretches errors of the solve by more than its tolerance allows",
            f"{CHEN}, section 4.1",
        ),
        Claim(
            "Hutchinson's estimator of log p has no bias",
            "within 4 standard errors",
            f"at most {bias:.1f}",
            bias <= 4.0,
            "" if bias <= 4.0 else "the mean over draws is off by more than chance explains",
            "Grathwohl et al. (2019), section 3.1",
        ),
        *_against_planar(found, quick),
    )


def _against_planar(found: Measured, quick: bool) -> tuple[Claim, ...]:
    claims = []
    for name in found.checks:
        ours, theirs = found.learned[name, "exact trace"], found.learned[name, "planar layers"]
        seen = (
            f"{np.mean(ours.nats):.3f} nats after {len(ours.fits[0].losses)} iterations, "
            f"{np.mean(theirs.nats):.3f} after {len(theirs.fits[0].losses)}"
        )
        text = f"On the {name} a continuous flow learns more than planar layers with as many parameters"
        gaps = np.array(ours.nats) - np.array(theirs.nats)  # the same points, seed by seed
        lower = bool((gaps < 0.0).all())
        reason = "" if lower else HIGHER if (gaps > 0.0).all() else EVEN
        if quick:
            claims.append(Claim(text, LOWER, seen, None, "the quick form trains too little", f"{CHEN}, Fig. 5"))
        else:
            claims.append(Claim(text, LOWER, seen, lower, reason, f"{CHEN}, Fig. 5"))
    return tuple(claims)


LOWER = "lower negative log-likelihood with every seed, in half the iterations"
HIGHER = "the planar layers do better with every seed: at the flow's learning rate, in twice its iterations"
EVEN = "which of the two is lower differs from seed to seed"


def pictures(found: Measured) -> tuple[Picture, ...]:
    """For each set of points its density with samples and the points themselves; the likelihoods in training."""
    made = []
    for name, one in found.checks.items():
        points, samples = found.points[name], found.samples[name]
        raster = Raster(one.density, (-HALF, HALF, -HALF, HALF), "p")
        made.append(
            Picture(
                name.replace(" ", "-"),
                f"{name[0].upper()}{name[1:]}: points, density, samples",
                (
                    Panel(
                        "held-out points",
                        "x",
                        "y",
                        (Series("points", points[:, 0], points[:, 1], "points"),),
                        equal=True,
                    ),
                    Panel("learned density", "x", "y", raster=raster, equal=True),
                    Panel(
                        "samples", "x", "y", (Series("samples", samples[:, 0], samples[:, 1], "points"),), equal=True
                    ),
                ),
            )
        )
    panels = []
    for name in found.checks:
        series = []
        for (points_name, method), learned in found.learned.items():
            if points_name == name:
                curve = _smooth(np.mean([fit.losses for fit in learned.fits], axis=0))
                series.append(Series(method, np.arange(1, len(curve) + 1), curve))
        panels.append(Panel(name, "iteration", "nats a point", tuple(series), log_x=True))
    return (*made, Picture("training", "Negative log-likelihood in training", tuple(panels)))


def _smooth(losses: np.ndarray) -> np.ndarray:
    """Means over the last 20 iterations, fewer at the beginning."""
    total = np.concatenate([[0.0], np.cumsum(losses)])
    end = np.arange(1, len(losses) + 1)
    begin = np.maximum(end - 20, 0)
    return (total[end] - total[begin]) / (end - begin)
