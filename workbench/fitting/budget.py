"""How much a fit may use: iterations, seconds, or until somebody says stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass
class FitBudget:
    """Advances of the strategy and seconds on `clock` since `begin`; `stopped` is set from outside to interrupt."""

    clock: Clock
    iterations: int | None = None
    seconds: float | None = None
    stopped: str = ""
    begin: float = field(init=False)

    def __post_init__(self) -> None:
        self.begin = self.clock()

    @property
    def deadline(self) -> float | None:
        """The clock's time at which the seconds are used up."""
        return None if self.seconds is None else self.begin + self.seconds

    def exhausted(self, iteration: int) -> str:
        """The status to end with, or "" while there is something left."""
        if self.stopped:
            return self.stopped
        if self.iterations is not None and iteration >= self.iterations:
            return "iterations"
        if self.deadline is not None and self.clock() >= self.deadline:
            return "time"
        return ""
