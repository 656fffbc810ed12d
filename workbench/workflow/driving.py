"""Drive a fit to its end and keep what it reaches, so that nothing is lost however it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..contracts import Step
from ..errors.numerics import FitFailed
from .bands import bands_of_data
from .results import results

if TYPE_CHECKING:
    from typing import Any

    from ..runs import Record, RunWriter
    from .session import Session

OnStep = Callable[[Step], None]
OnNotes = Callable[[Sequence[str]], None]


def drive(session: Session, config: dict[str, Any], writer: RunWriter | None, on_step: OnStep | None) -> Record:
    """Advance the session to its end; the finished record, which `writer` has committed.

    The first commit comes before the first step. A commit on the way says `running`: no file bears the status of a
    finished fit without its results. A fit that failed is committed as failed before FitFailed (N011) is raised.
    """
    for step in session.steps():
        if writer is not None and session.status == "running":
            writer.commit_if_due(lambda: session.record(config))
        if on_step is not None:
            on_step(step)
    if writer is not None and (session.status == "interrupted" or session.status.startswith("failed")):
        writer.commit(session.record(config))  # at once: whoever interrupts may not wait until the fit is judged
    try:
        record = _judged(session, config)
    except FitFailed:
        if writer is not None and not session.status.startswith("failed"):
            session.end(f"failed.{FitFailed.code}")
            writer.commit(session.record(config))
        raise
    if writer is not None:
        writer.commit(record)
    return record


def require_success(status: str, events: list[str]) -> None:
    """Raises FitFailed (N011) if this is the status of a fit that failed; `events` are those of its history."""
    if status.startswith("failed"):
        event = next((event for event in reversed(events) if event), status)
        raise FitFailed(
            f"the fit found no finite solution: {event}",
            help="start from other values (--set NAME=VALUE), bound the parameters, or try --solver rodas5p",
        )


def _judged(session: Session, config: dict[str, Any]) -> Record:
    """The record with predictions, scores and verdict; an interrupted fit may have got none that are finite yet."""
    require_success(session.status, session.history["event"])
    session.model.deadline = None  # the budget was for the fit; its judgement takes the time that it takes
    found = results(session) | bands_of_data(session.model, session.x)
    finite = found["metrics"]["train"] is not None and found["metrics"]["train"].get("sse") is not None
    if finite:
        return session.record(config, **found)
    if session.status == "interrupted":
        return session.record(config)
    raise FitFailed(
        "the fit ended without a finite prediction of its training part",
        help="give it more --iterations or --max-time, or try --solver rodas5p",
    )
