"""What takes part in a comparison, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

Result = tuple[float, np.ndarray]  # a loss and a vector: its gradient, the parameters found, the state at the end


class Missing(Exception):
    """A contender that is not installed, does not exist yet, or has no way to do this work; the text says which."""


@dataclass(frozen=True)
class Ready:
    """A contender with all that it does once behind it. `run` is timed, and nothing else is.

    `load` turns parameters (NumPy, flat) into what the contender itself holds, `read` turns what `run` gave into NumPy.
    `kernel` runs the same work and tells the seconds inside compiled code alone. `spent` takes the seconds from the
    result instead of from the clock, where a run has parts that do not count.
    """

    load: Callable[[np.ndarray], Any]
    run: Callable[[Any], Any]
    read: Callable[[Any], Result]
    kernel: Callable[[Any], float] | None = None
    spent: Callable[[Any], float] | None = None
    note: str = ""


Make = Callable[[Any, str], Ready]  # problem, "float32" or "float64"


@dataclass(frozen=True)
class Contender:
    """Made by `make` where `packages` are installed; `ours` stands in the denominator of ratios."""

    make: Make
    packages: tuple[str, ...] = ()
    ours: bool = False
    calls: int = 25  # at most so many in one turn

    def ready(self, problem: Any, precision: str) -> Ready:
        """Raises Missing."""
        absent = [package for package in self.packages if find_spec(package) is None]
        if absent:
            raise Missing(f"{', '.join(absent)} not installed")
        return self.make(problem, precision)


def step(start: np.ndarray, number: int, size: float = 1e-3) -> np.ndarray:
    """A step as an optimizer of networks takes it: of that size in every weight, the same for the same number."""
    return start + size * np.random.default_rng(number).standard_normal(len(start))


def share(start: np.ndarray, number: int, size: float) -> np.ndarray:
    """Every parameter changed by about that share of itself."""
    return start * (1 + size * np.random.default_rng(number).standard_normal(len(start)))


@dataclass(frozen=True)
class Work:
    """One line of the comparison.

    `problem(tiny)` makes it, `start(problem)` gives the parameters (flat) of the check and of the first call, and
    `vary(start, number)` those of the call of that number: an optimizer-sized step away. `agree` is how far, relative,
    a contender's result may be from `reference`, or from that of the first contender that is there, by precision.
    """

    title: str
    problem: Callable[[bool], Any]
    start: Callable[[Any], np.ndarray]
    vary: Callable[[np.ndarray, int], np.ndarray]
    contenders: Mapping[str, Contender]
    agree: Mapping[str, float]
    reference: Callable[[Any], Result] | None = None
    threads: tuple[int, ...] = (1,)
    rounds: int | None = None  # just so many, however long they take
    says: str = ""  # what the two numbers of a result are, and what else a reader wants to know
    goals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # ours → peer → its time over ours, at least
    inside: bool = False  # goals are for the time inside our kernel

    @property
    def precisions(self) -> tuple[str, ...]:
        """What it is run in."""
        return tuple(self.agree)
