"""Records of events: simulated ones with a known intensity, thinned ones, and records as data of a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import workbench as wb

Intensity = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Record:
    """Event times (event,), ascending, all that happened from `start` to `end`."""

    t: np.ndarray
    start: float
    end: float

    @property
    def grid(self) -> np.ndarray:
        """Times at which an intensity is looked at (time,)."""
        return np.linspace(self.start, self.end, 2001)

    def count(self) -> wb.Dataset:
        """How many events there were up to each of them, with the start and the end of the record."""
        distinct, repeats = np.unique(self.t, return_counts=True)
        inside = (distinct > self.start) & (distinct < self.end)
        t = np.concatenate([[self.start], distinct[inside], [self.end]])
        before = float(repeats[distinct <= self.start].sum())
        n = np.concatenate([[before], before + np.cumsum(repeats[inside]), [len(self.t)]])
        return wb.Dataset(t=t, values=n[:, None], row_size=np.array([len(t)]), channels=("events",), time="t")

    def halves(self, rng: np.random.Generator) -> tuple[Record, Record]:
        """The events shared out at random: of a Poisson process, two independent ones of half the intensity.

        Kingman (1993), Poisson Processes, section 5.1 (colouring).
        """
        first = rng.random(len(self.t)) < 0.5
        return Record(self.t[first], self.start, self.end), Record(self.t[~first], self.start, self.end)


def two_waves(t: np.ndarray) -> np.ndarray:
    """The intensity of the simulated records on [0, 10]: 20 events a unit of time, and two waves of them.

    >>> two_waves(np.array([0.0, 2.5])).round(1).tolist()
    [20.0, 90.0]
    """
    return 20 + 70 * np.exp(-(((t - 2.5) / 0.8) ** 2)) + 45 * np.exp(-((t - 7.0) ** 2))


def simulated(intensity: Intensity, most: float, start: float, end: float, rng: np.random.Generator) -> Record:
    """A Poisson process of the intensity, which nowhere exceeds `most`, by thinning.

    Lewis & Shedler (1979), Naval Research Logistics Quarterly 26, 403–413.
    """
    n = rng.poisson(most * (end - start))
    t = np.sort(rng.uniform(start, end, n))
    return Record(t[rng.uniform(0, most, n) < intensity(t)], start, end)


def log_likelihood(intensity: np.ndarray, grid: np.ndarray, record: Record) -> float:
    """Σ log λ(tᵢ) − ∫λ dt of an intensity on a grid (time,), with straight lines between."""
    at_events = np.interp(record.t, grid, intensity)
    with np.errstate(divide="ignore"):
        return float(np.sum(np.log(at_events)) - np.trapezoid(intensity, grid))
