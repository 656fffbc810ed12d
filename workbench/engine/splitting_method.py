"""A splitting method for separable systems q' = f(p), p' = g(q) as data: kicks of p and drifts of q in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Splitting:
    """p += h kick_0 g(q), q += h drift_0 f(p), p += h kick_1 g(q), …: one kick more than drifts; each sums to 1.

    Kicks see the time that q has reached and drifts the one that p has, so that forces may depend on time.
    """

    name: str
    order: int
    kicks: Sequence[str]
    drifts: Sequence[str]
    summary: str = ""
    source: str = ""

    adaptive = False
    error_power = 1  # there is no estimate
    dense_order = 3  # cubic Hermite

    def __post_init__(self) -> None:
        kicks, drifts = [Fraction(x) for x in self.kicks], [Fraction(x) for x in self.drifts]
        if len(kicks) != len(drifts) + 1 or sum(kicks) != 1 or sum(drifts) != 1:
            raise ValueError(f"method {self.name}: one kick more than drifts is wanted, and each of them sums to 1")
        if min(*kicks, *drifts) < 0:
            raise ValueError(f"method {self.name}: a step back would leave the step")

    @property
    def substeps(self) -> list[tuple[bool, float, float]]:
        """(it is a kick, its length, the time at which it is taken), in units of the step."""
        found, q, p = [], Fraction(0), Fraction(0)
        for number, kick in enumerate(map(Fraction, self.kicks)):
            found.append((True, float(kick), float(q)))
            p += kick
            if number < len(self.drifts):
                drift = Fraction(self.drifts[number])
                found.append((False, float(drift), float(p)))
                q += drift
        return found
