"""Kinds of noise by name: which there are, what values they admit, and what may be said beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

from .errors.usage import UsageError


@dataclass(frozen=True)
class Kind:
    """What holds for every channel of one kind of noise."""

    name: str
    values: str = ""  # the values that it takes, in words; "": any
    positive: bool = False  # none at or below 0
    counts: bool = False  # whole numbers, none below 0
    scale: bool = True  # it has a scale, which is fitted unless it is given
    limits: bool = False  # values may be censored
    sigma: bool = False  # each value may bring its own standard deviation
    number: str = ""  # what a number behind the name means, as in student(3)

    def admits(self, lower: float, upper: float) -> bool:
        """Limits of positive values are positive; −inf leaves the lower side open."""
        return not self.positive or (upper > 0 and (lower > 0 or lower == -inf))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("gaussian", limits=True, sigma=True),
        Kind("lognormal", "positive", positive=True, limits=True, sigma=True),
        Kind("student", limits=True, number="degrees of freedom"),
        Kind("poisson", "whole and no negative", counts=True, scale=False),
        Kind("negative-binomial", "whole and no negative", counts=True),
    )
}


def kind_of(noise: str) -> Kind:
    """The kind that a declaration such as `lognormal` or `student(3)` names; raises UsageError where there is none.

    >>> kind_of("student(3)").name, kind_of("poisson").counts
    ('student', True)
    """
    match = re.fullmatch(r"([a-z-]+)(?:\((.*)\))?", noise)
    kind = KINDS.get(match[1]) if match else None
    if match is None or kind is None:
        raise UsageError(f"{noise!r} is no kind of noise", help=f"there are {', '.join(KINDS)}")
    if match[2] is not None and not (kind.number and _is_positive(match[2])):
        meant = f"a number above 0, its {kind.number}" if kind.number else "no number"
        raise UsageError(f"{noise!r}: {kind.name} takes {meant}", help="write student, or student(3)")
    return kind


def _is_positive(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) is not None and float(text) > 0
