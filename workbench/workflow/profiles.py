"""Profiles of unknowns as they are handed out: documents and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..diagnose.profiles import Identified


@dataclass(frozen=True)
class Profile:
    """The profile of one unknown, in physical units; `path` runs from the lowest value to the highest."""

    name: str
    value: float
    interval: tuple[float | None, float | None]  # None: open, see `verdict`
    gauss_newton: tuple[float, float] | None
    verdict: Identified
    reason: str  # the verdict in words
    at: np.ndarray  # (point,) values of the unknown
    loss: np.ndarray  # (point,)
    others: dict[str, np.ndarray]  # name → (point,) where the other unknowns are best
    seconds: float
    lower_end: str  # crossed, bound, far, no solution, time or points
    upper_end: str
    unit: str = ""
    trajectory: str = ""  # whose own it is, where it is one of several

    def document(self) -> dict[str, Any]:
        """The part of `workbench/profile/1` about this unknown."""
        return {
            "value": self.value,
            "interval": list(self.interval),
            "ends": [self.lower_end, self.upper_end],
            "gauss_newton": list(self.gauss_newton) if self.gauss_newton else None,
            "verdict": self.verdict,
            "reason": self.reason,
            "path": {
                "value": self.at.tolist(),
                "loss": self.loss.tolist(),
                "others": {name: values.tolist() for name, values in self.others.items()},
            },
            "seconds": self.seconds,
            "unit": self.unit or None,
            "trajectory": self.trajectory or None,
        }


@dataclass(frozen=True)
class Profiles:
    """The profiles that were asked for, by name."""

    run: str | None
    level: float
    statistic: str
    minimum: float  # the loss at the estimate
    threshold: float  # how far above it an interval reaches
    parameters: dict[str, Profile]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Profile:
        return self.parameters[name]

    def document(self) -> dict[str, Any]:
        """The document `workbench/profile/1`."""
        return {
            "schema": "workbench/profile/1",
            "run": self.run,
            "level": self.level,
            "statistic": self.statistic,
            "minimum": self.minimum,
            "threshold": self.threshold,
            "parameters": {name: profile.document() for name, profile in self.parameters.items()},
            "notes": list(self.notes),
        }

    def plot(self, path: str | Path) -> Path:
        """A figure with a panel for each profile; its suffix decides the format."""
        from .profile_figure import draw

        return draw(self, Path(path))
