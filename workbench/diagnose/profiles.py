"""What a profile says: how far the loss may rise, and whether the data determine an unknown, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Identified = Literal["identified", "practically not identified", "structurally not identified", "not decided"]
Statistic = Literal["t", "chi2"]

FLAT = 1e-3
"""Share of the threshold below which a profile counts as flat."""

CUT = {"time": "cut by the time limit", "points": "cut after many points", "no solution": "no solution beyond"}
"""How a side ends without an answer."""


def threshold(
    level: float, minimum: float, n: int, p: int, *, likelihood: bool, scales_known: bool, statistic: Statistic = "t"
) -> float:
    """How far above its `minimum` a loss may rise inside a confidence interval of one unknown at `level`.

    For a mean of squares S (n values, p determined unknowns) the profile t of Bates & Watts (1988, §6.1.2) is at
    Student's quantile: S rises by S·t²/(n − p), exact for a linear model. For a negative log-likelihood with known
    scales it is half the χ² quantile on one degree of freedom (Raue et al. 2009, Bioinformatics 25, 1923–1929), and so
    is it for any likelihood if `statistic` is "chi2". With profiled scales it is ½·n·log(1 + t²/(n − p)), which is the
    former for one Gaussian channel, and χ² in the limit of many values. NaN without degrees of freedom where
    they are needed.

    >>> round(threshold(0.95, 0.0, 10**9, 3, likelihood=True, scales_known=False), 4)
    1.9207
    """
    from scipy.special import ndtri, stdtrit

    normal = float(ndtri((1 + level) / 2))
    if likelihood and (scales_known or statistic == "chi2"):
        return normal**2 / 2
    if n <= p:
        return math.nan
    share = float(stdtrit(n - p, (1 + level) / 2)) ** 2 / (n - p)
    share = share if statistic == "t" else normal**2 / (n - p)
    return n / 2 * math.log1p(share) if likelihood else minimum * share


@dataclass(frozen=True)
class Reach:
    """One side of a profile in physical units: how it ended, and how far it was followed below the threshold.

    `end` is crossed, bound, far, points, time or no solution.
    """

    end: str
    last: float
    flat: bool  # it stays below `FLAT`, up to a crossing if it has one
    direction: Literal["down to", "up to"]

    @property
    def open(self) -> str:
        """Where it ended below the threshold, in words."""
        place = "its bound " if self.end == "bound" else ""
        return f"{self.direction} {place}{self.last:.4g}"


def judged(sides: Sequence[Reach], following: Sequence[str], undetermined: bool) -> tuple[Identified, str]:
    """The verdict on one unknown, and the same with its reason.

    `undetermined`: the Jacobian is singular along it at the estimate and at the flat ends of its path; `following` are
    the unknowns that move along the path.
    """
    if undetermined and any(side.flat for side in sides):
        verb = "changes" if len(following) == 1 else "change"
        listed = ", ".join(following[:6]) + (f" and {len(following) - 6} more" if len(following) > 6 else "")
        why = f"{listed} {verb} with it at the same fit" if following else "it changes no fitted value"
        return "structurally not identified", f"structurally not identified (flat: {why})"
    cut = [side for side in sides if side.end in CUT]
    if cut:
        said = "; ".join(f"{CUT[side.end]}, followed {side.open}" for side in cut)
        return "not decided", f"not decided ({said})"
    below = [side.open for side in sides if side.end != "crossed"]
    if below:
        stays = f"the profile stays below the threshold {' and '.join(below)}"
        return "practically not identified", f"practically not identified ({stays})"
    return "identified", "identified"
