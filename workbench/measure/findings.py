"""One thing that was measured, beside what was claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "failed", "skipped", "told"]


@dataclass(frozen=True)
class Finding:
    """A line of the table of `plugins check`. `told` is a number without a claim to hold it to."""

    name: str
    verdict: Verdict
    claimed: str = ""
    measured: str = ""
    note: str = ""  # why it failed or was skipped


def held(name: str, good: bool, claimed: str, measured: str, note: str = "") -> Finding:
    """A claim that holds or not; the note is for one that does not."""
    return Finding(name, "ok" if good else "failed", claimed, measured, "" if good else note)
