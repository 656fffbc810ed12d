"""Progress of a fit on standard error: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from .output import colour, hint, number

if TYPE_CHECKING:
    from ..contracts import Step

EVERY = 10.0
"""Seconds between plain lines."""


class Watcher(Protocol):
    """What a fit tells its steps to."""

    def __call__(self, step: Step) -> None:
        """Show one step."""


@contextmanager
def watching(iterations: int | None, max_time: float | None) -> Iterator[Watcher]:
    """A watcher for one fit; `iterations` and `max_time` (seconds) are what its end is estimated from."""
    if sys.stderr.isatty():
        with _live(iterations, max_time) as watcher:
            yield watcher
    else:
        yield Lines(iterations)


class Lines:
    """One plain line when the strategy climbs, when something happens, and every ten seconds."""

    def __init__(self, iterations: int | None) -> None:
        self.iterations = iterations
        self.rung = ""
        self.last = time.monotonic()

    def __call__(self, step: Step) -> None:
        """Print the step if it is time."""
        now = time.monotonic()
        if step.event or step.rung != self.rung or now - self.last >= EVERY:
            self.rung, self.last = step.rung, now
            of = f" of {self.iterations}" if self.iterations else ""
            hint("  ".join(filter(None, [f"step {step.number}{of}", step.rung, scores(step), step.event])))


@contextmanager
def _live(iterations: int | None, max_time: float | None) -> Iterator[Watcher]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not colour(sys.stderr), highlight=False)
    columns = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[scores]}"),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, transient=True) as progress:
        total = iterations if iterations is not None else max_time
        task = progress.add_task("starting", total=total, scores="")
        begin = time.monotonic()

        def show(step: Step) -> None:
            done: Any = step.number if iterations is not None else time.monotonic() - begin
            progress.update(task, completed=done, description=f"{step.rung} {step.number}", scores=scores(step))
            if step.event:
                progress.console.print(f"step {step.number}: {step.event}", markup=False)

        yield show


def scores(step: Step) -> str:
    """The loss of a step and, where it was looked at, that of the validation part; the test part is not seen yet."""
    seen = [("loss", step.loss), ("validation", step.validation)]
    return "  ".join(f"{name} {number(float(v))}" for name, v in seen if v is not None and v != float("inf"))
