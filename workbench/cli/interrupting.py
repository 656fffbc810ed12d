"""Ctrl-C and SIGTERM during a fit: the step in progress ends, the run is committed, and the way to go on is told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from .boundary import Terminated
from .output import hint

if TYPE_CHECKING:
    from ..fitting import FitBudget


class Interruption:
    """Which signal asked the fit to stop; 0 while none has."""

    def __init__(self) -> None:
        self.signal = 0


@contextmanager
def stopping(budget: FitBudget) -> Iterator[Interruption]:
    """Within this context the first signal ends the fit after its step, the second at once."""
    interruption = Interruption()

    def stop(number: int, frame: FrameType | None) -> None:
        if interruption.signal:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        interruption.signal = number
        budget.stopped = "interrupted"
        hint("stopping after this step; once more to stop at once")

    watched = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, stop) for number in watched]
    except ValueError:  # not in the main thread: signals are somebody else's
        yield interruption
        return
    try:
        yield interruption
    finally:
        for number, handler in zip(watched, before, strict=True):
            signal.signal(number, handler)
