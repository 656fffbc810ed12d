"""When a row has met events enough: too many of them, or one that comes back ever faster while time stands still."""

from __future__ import annotations

import numpy as np

from ..contracts import Status

SHORT = 1e-9  # of the time asked for: an event that comes back faster than this thrice in a row accumulates
THRICE = 3


class Recurring:
    """The events that rows have met, counted; `asked` (rows, time) are the times asked for, NaN-padded.

    `advice` says to a row with more than `most` of them what can be done.
    """

    def __init__(self, asked: np.ndarray, n_events: int, most: int, advice: str) -> None:
        rows = len(asked)
        self._happened, self._hurried = np.zeros(rows, dtype=int), np.zeros(rows, dtype=int)
        self._last = np.full((rows, n_events), -np.inf)
        self._short = SHORT * (np.nanmax(asked, axis=1) - np.nanmin(asked, axis=1))
        self._most, self._advice = most, advice

    def note(self, row: int, event: int, t: float) -> None:
        """An event has happened at t."""
        self._happened[row] += 1
        quick = abs(t - self._last[row, event]) < self._short[row]
        self._hurried[row] = self._hurried[row] + 1 if quick else 0
        self._last[row, event] = t

    def stop(self, row: int, name: str, t: float) -> tuple[Status, str] | None:
        """What ends the row after an event at t, if anything does."""
        if self._hurried[row] >= THRICE:
            return (
                "step_too_small",
                f"event {name!r} comes back ever faster, {self._happened[row]} events by t = {t:.10g}, and time stands "
                "still: let it end the solve, or map the state to one that stays",
            )
        if self._happened[row] >= self._most:
            return (
                "too_many_steps",
                f"{self._most} events by t = {t:.10g}, the last one {name!r}; {self._advice}",
            )
        return None
