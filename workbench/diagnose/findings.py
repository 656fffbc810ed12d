"""Sentences of a verdict, each with the worst word that it allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Findings:
    """What was found, sorted by how much it weighs; the word is the gravest that anything was found for."""

    bad: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def verdict(self) -> dict[str, Any]:
        """The word and the sentences, gravest first."""
        word = "bad" if self.bad else "doubtful" if self.doubtful else "good"
        return {"word": word, "reasons": self.bad + self.doubtful + self.remarks}


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) > 6:
        return f"{', '.join(names[:5])} and {len(names) - 5} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def percent(value: float) -> str:
    """A share in per cent that does not round up to a hundred.

    >>> percent(69.84), percent(99.993)
    ('69.8 %', '99.993 %')
    """
    return f"{value:.1f} %" if value < 99.95 else f"{value:.6g} %"
