"""The experiment: the intensity of events by a latent ODE, beside a constant, a histogram and kernels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.findings import Cell, Claim, Column, Findings, Lab, Panel, Picture, ResultTable, Series

from . import baselines
from .coal import SOURCE, explosions
from .fitted import chosen
from .records import Record, log_likelihood, simulated, two_waves

PAPER = "Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366, section 5.1 and figure 8"
MOST = 95.0  # above the highest simulated intensity
FRESH = 50  # simulated records that were not fitted
DECAYS = (0.3, 1.0, 3.0)
MODELS = ("latent ODE", "kernel", "histogram", "constant")


@dataclass(frozen=True)
class Estimates:
    """The intensities of all models on a record's grid (time,), by name, and the prior that was chosen."""

    intensity: dict[str, np.ndarray]
    decay: float

    @classmethod
    def of(cls, record: Record, decays: tuple[float, ...], iterations: int, seed: int) -> Estimates:
        """Each is made of the record alone."""
        latent, decay = chosen(record, decays, iterations, np.random.default_rng([seed, 1]), seed)
        others = {name: getattr(baselines, name)(record) for name in MODELS[1:]}
        return cls({MODELS[0]: latent, **others}, decay)


class Events:
    """Arranges fits of simulated and of real records; deterministic given the seeds."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations

    def usual_seeds(self, quick: bool, data: Path | None) -> int:
        """One where it is quick."""
        return 1 if quick else 5

    def run(self, lab: Lab) -> Findings:
        """Held-out likelihoods, what was published, and pictures."""
        decays = (1.0,) if lab.quick else DECAYS
        iterations = min(self.iterations, 100) if lab.quick else self.iterations
        waves, mines = [], []
        for seed in lab.seeds:
            waves.append(self._simulated(seed, decays, iterations))
            lab.say(f"simulated, seed {seed}: " + _said(waves[-1][1]))
            mines.append(_coal(seed, decays, iterations))
            lab.say(f"coal mines, seed {seed}: " + _said(mines[-1][1]))
        tables = (
            _table(
                "Simulated events: nats that a fresh record loses against the true intensity",
                [scores for _, scores in waves],
                [each.decay for each, _ in waves],
                lab.seeds,
                f"Means over {FRESH} records that no model has seen; less is better, the truth is 0.",
            ),
            _table(
                "Coal-mine explosions: nats that the other half of the events gains over a constant rate",
                [scores for _, scores in mines],
                [each.decay for each, _ in mines],
                lab.seeds,
                "Each seed shares the 191 explosions out at random; one half is fitted, the other foretold. More is "
                "better.",
            ),
        )
        return Findings(
            tables, _claims(waves, mines, lab.quick), _pictures(waves[0][0], mines[0][0]), (), (PAPER, SOURCE)
        )

    def _simulated(self, seed: int, decays: tuple[float, ...], iterations: int) -> tuple[Estimates, dict[str, float]]:
        rng = np.random.default_rng([seed, 0])
        record = simulated(two_waves, MOST, 0.0, 10.0, rng)
        found = Estimates.of(record, decays, iterations, seed)
        fresh = [simulated(two_waves, MOST, 0.0, 10.0, rng) for _ in range(FRESH)]
        grid = record.grid
        best = np.mean([log_likelihood(two_waves(grid), grid, each) for each in fresh])
        lost = {
            name: float(best - np.mean([log_likelihood(line, grid, each) for each in fresh]))
            for name, line in found.intensity.items()
        }
        return found, lost


def _coal(seed: int, decays: tuple[float, ...], iterations: int) -> tuple[Estimates, dict[str, float]]:
    t = explosions()
    record, other = Record(t, float(t[0]), float(t[-1])).halves(np.random.default_rng([seed, 2]))
    found = Estimates.of(record, decays, iterations, seed)
    scores = {name: log_likelihood(line, record.grid, other) for name, line in found.intensity.items()}
    return found, {name: score - scores["constant"] for name, score in scores.items()}


def _said(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {score:.2f}" for name, score in scores.items())


def _table(
    title: str, scores: list[dict[str, float]], decays: list[float], seeds: tuple[int, ...], note: str
) -> ResultTable:
    columns = (Column("seed"), *(Column(name, "nats") for name in MODELS), Column("precision of the prior"))
    rows: list[tuple[Cell, ...]] = [
        (str(seed), *(each[name] for name in MODELS), decay)
        for seed, each, decay in zip(seeds, scores, decays, strict=True)
    ]
    mean: tuple[Cell, ...] = ("mean", *(float(np.mean([each[name] for each in scores])) for name in MODELS), None)
    return ResultTable(title, columns, (*rows, mean), note)


Scored = list[tuple[Estimates, dict[str, float]]]


def _claims(waves: Scored, mines: Scored, quick: bool) -> tuple[Claim, ...]:
    short = "the quick form fits one record, with a prior that was not chosen" if quick else ""
    lost = {name: float(np.mean([scores[name] for _, scores in waves])) for name in MODELS}
    gain = {name: float(np.mean([scores[name] for _, scores in mines])) for name in MODELS}
    simple = min(lost["kernel"], lost["histogram"])
    real = max(gain["kernel"], gain["histogram"])
    return (
        Claim(
            "A Poisson process whose rate is a latent ODE finds an intensity from event times alone",
            "it loses less than a tenth of what a constant rate loses",
            f"{lost['latent ODE']:.2f} against {lost['constant']:.2f} nats",
            lost["latent ODE"] < lost["constant"] / 10,
            ""
            if lost["latent ODE"] < lost["constant"] / 10
            else short or f"one record; kernels lose {lost['kernel']:.2f}",
            PAPER,
        ),
        Claim(
            "On simulated events it foretells better than a histogram and kernels",
            "fewer nats lost than the better of the two",
            f"{lost['latent ODE']:.2f} against {simple:.2f} nats",
            lost["latent ODE"] < simple,
            "" if lost["latent ODE"] < simple else short or "an estimator without a model is as good here",
        ),
        Claim(
            "On the coal-mine explosions it foretells better than a histogram and kernels",
            "more nats gained than by the better of the two",
            f"{gain['latent ODE']:.2f} against {real:.2f} nats",
            gain["latent ODE"] > real,
            "" if gain["latent ODE"] > real else short or "95 events say little more than a smooth fall of their rate",
        ),
    )


def _pictures(waves: Estimates, mines: Estimates) -> tuple[Picture, ...]:
    grid = Record(np.zeros(0), 0.0, 10.0).grid
    t = explosions()
    years = Record(t, float(t[0]), float(t[-1])).grid
    lines = tuple(Series(name, grid, waves.intensity[name]) for name in MODELS)
    truth = Series("truth", grid, two_waves(grid), "reference")
    coal = tuple(Series(name, years, 2 * mines.intensity[name]) for name in MODELS)
    return (
        Picture("simulated", "Simulated events", (Panel("one record", "t", "events a unit of time", (truth, *lines)),)),
        Picture(
            "coal",
            "Explosions in British coal mines",
            (Panel("from half of them, doubled", "year", "explosions a year", coal),),
        ),
    )
