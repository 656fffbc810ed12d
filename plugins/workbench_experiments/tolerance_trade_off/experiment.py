"""Models trained tightly and with fixed steps, each evaluated in many ways: tables, claims, Pareto picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.findings import Claim, Column, Findings, Lab, Panel, Picture, ResultTable, Series

from .swept import Evaluated, Model, Question

CHEN = "Chen, Rubanova, Bettencourt & Duvenaud (2018), NeurIPS, section 3"
OTT = "Ott, Katiyar, Hennig & Tiemann (2021), ICLR: ResNet after all? Neural ODEs and their numerical solution"
TIGHT = 1e-8
TOLERANCES = tuple(10.0**-digits for digits in range(1, 11))
RATIOS = (4.0, 2.0, 1.0, 0.5, 0.25, 0.125)
FIXED = ("euler", "rk4")
WORSE = 1.1
"""A looser tolerance is free of charge as long as the error grows by no more than this factor."""


@dataclass(frozen=True)
class Sweep:
    """Medians over seeds, one entry a setting."""

    settings: tuple[float, ...]
    error: np.ndarray
    apart: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray

    @classmethod
    def of(cls, found: Sequence[Sequence[Evaluated]]) -> Sweep:
        """From (seed, setting)."""
        error, apart, evaluations, seconds = (
            np.median(np.array([[getattr(each, name) for each in one] for one in found], dtype=float), axis=0)
            for name in ("error", "apart", "evaluations", "seconds")
        )
        return cls(tuple(each.setting for each in found[0]), error, apart, evaluations, seconds)

    @property
    def knee(self) -> int:
        """The first, loosest setting from which on the error is at most WORSE times that of the last."""
        good = self.error <= WORSE * self.error[-1]
        return int(len(good) - np.argmin(good[::-1])) if not good.all() else 0


@dataclass(frozen=True)
class TradeOff:
    """A network of `hidden` units on `samples` points of a problem of the library."""

    problem: str
    samples: int
    hidden: int

    def run(self, lab: Lab) -> Findings:
        """Two tables, four claims, one picture of two panels."""
        question = Question.of(self.problem, self.samples)
        tight: list[list[Evaluated]] = []
        fixed: dict[str, list[list[Evaluated]]] = {solver: [] for solver in FIXED}
        for seed in lab.seeds:
            lab.say(f"seed {seed}: trained through dopri5 at {TIGHT:g}")
            model = Model(question, "dopri5", self.hidden, seed, rtol=TIGHT, atol=TIGHT)
            tight.append(model.by_tolerance(TOLERANCES))
            for solver in FIXED:
                lab.say(f"seed {seed}: trained through {solver}, one step a sample")
                fixed[solver].append(Model(question, solver, self.hidden, seed).by_step(RATIOS))
        swept, steps = Sweep.of(tight), {solver: Sweep.of(found) for solver, found in fixed.items()}
        return Findings(
            tables=(_by_tolerance(swept), _by_step(steps)),
            claims=(*_of_tolerance(swept), *_of_steps(steps)),
            pictures=(_picture(swept, steps),),
            notes=(
                f"{self.problem}, {self.samples} samples without noise, h = {question.h:.4g}; a network of "
                f"{self.hidden} tanh units. The error is the root mean square over times and states of the distance "
                "from the truth, in units of each state's spread. Nothing is trained again.",
            ),
            sources=(CHEN, OTT),
        )


def _by_tolerance(swept: Sweep) -> ResultTable:
    rows = zip(
        swept.settings,
        swept.error.tolist(),
        swept.apart.tolist(),
        swept.evaluations.tolist(),
        swept.seconds.tolist(),
        [i == swept.knee for i in range(len(swept.settings))],
        strict=True,
    )
    return ResultTable(
        f"Trained through dopri5 at {TIGHT:g}, evaluated by dopri5",
        (
            Column("rtol"),
            Column("error"),
            Column("from its own tight solution"),
            Column("evaluations"),
            Column("time", "s", varies=True),
            Column("knee"),
        ),
        tuple(rows),
        f"Medians over seeds. The knee: the loosest tolerance from which on the error is at most {WORSE} times that of "
        "the tightest.",
    )


def _by_step(steps: dict[str, Sweep]) -> ResultTable:
    rows = [
        (solver, ratio, error, apart, evaluations, seconds)
        for solver, s in steps.items()
        for ratio, error, apart, evaluations, seconds in zip(
            s.settings, s.error.tolist(), s.apart.tolist(), s.evaluations.tolist(), s.seconds.tolist(), strict=True
        )
    ]
    return ResultTable(
        "Trained with one step a sample, evaluated with other steps of the same method",
        (
            Column("solver"),
            Column("step, of that in training"),
            Column("error"),
            Column("from its own tight solution"),
            Column("evaluations"),
            Column("time", "s", varies=True),
        ),
        tuple(rows),
        "Medians over seeds. At 1 the model is solved as it was trained; with longer steps only the samples at their "
        "ends are seen. – is a solution that is not finite.",
    )


def _of_tolerance(swept: Sweep) -> list[Claim]:
    saved = 1.0 - swept.evaluations[swept.knee] / swept.evaluations[swept.settings.index(TIGHT)]
    cheap = saved >= 0.5
    after = swept.error[-1] / swept.error[swept.settings.index(TIGHT)]
    calm = after <= WORSE
    return [
        Claim(
            "After training, evaluations can be traded for accuracy by the tolerance alone",
            f"half the evaluations at an error of at most {WORSE} times that at the training tolerance",
            f"{100 * saved:.0f} % fewer evaluations at rtol {swept.settings[swept.knee]:g}",
            bool(cheap),
            "" if cheap else "the error of the fit is so small that nearly all digits are needed to reach it",
            CHEN,
        ),
        Claim(
            "A model trained at a tight tolerance stays what it is at a tighter one",
            f"an error at most {WORSE} times as large",
            f"{after:.3f} times at 1e-10",
            bool(calm),
            "" if calm else "the training tolerance was not tight enough for this model",
        ),
    ]


def _of_steps(steps: dict[str, Sweep]) -> list[Claim]:
    claims = []
    for solver, s in steps.items():
        at = s.error[s.settings.index(1.0)]
        finer, coarser = s.error[-1] / at, s.error[s.settings.index(4.0)] / at
        collapses = finer >= 10.0
        shown = f"finer, {RATIOS[-1]:g} of the step: {_times(finer)}; coarser, 4 times: {_times(coarser)}"
        claims.append(
            Claim(
                f"A network trained through {solver} with fixed steps collapses when it is solved more accurately",
                "an error at least 10 times as large with an eighth of the step",
                shown,
                bool(collapses),
                "" if collapses else f"at this step {solver} errs less than the fit: what it learned is an ODE",
                OTT,
            )
        )
    return claims


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times the error" if np.isfinite(ratio) else "no finite solution"


def _picture(swept: Sweep, steps: dict[str, Sweep]) -> Picture:
    pareto = [Series(f"trained at {TIGHT:g}, dopri5", swept.evaluations, _shown(swept.error), "line and points")]
    pareto += [
        Series(f"trained by {name}, {name}", s.evaluations, _shown(s.error), "line and points")
        for name, s in steps.items()
    ]
    ratios = [
        Series(f"trained by {name}, {name}", np.array(s.settings), _shown(s.error), "line and points")
        for name, s in steps.items()
    ]
    return Picture(
        "pareto",
        "What an evaluation is worth after training",
        (
            Panel("error against work", "evaluations of the network", "error", tuple(pareto), log_x=True, log_y=True),
            Panel("other steps", "step, of that in training", "error", tuple(ratios), log_x=True, log_y=True),
        ),
    )


def _shown(error: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(error), error, np.nan)
