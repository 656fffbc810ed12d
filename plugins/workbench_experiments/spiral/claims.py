"""What the published text says, what was demanded, and the errata: each held against the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.findings import Claim

from .published import DEMONSTRATION, FIGURES, OTT, TEXT
from .system import PRINTED
from .tables import shown

if TYPE_CHECKING:
    from .experiment import Arm
    from .recipe import Recipe
    from .system import Spiral

__all__ = ["DEMONSTRATION", "OTT", "TEXT", "Facts", "notes", "of"]

BAND = (0.01, 0.03)
GOOD = 1e-4


@dataclass(frozen=True)
class Facts:
    """All that the claims are held against; `once` is the loss of the whole trajectory as one window."""

    spiral: Spiral
    recipe: Recipe
    arms: Sequence[Arm]
    once: float

    def arm(self, solver: str) -> Arm | None:
        """The arm of a solver, if it was run."""
        return next((arm for arm in self.arms if arm.solver == solver), None)


def of(facts: Facts) -> Iterator[Claim]:
    """The claims, the published ones first."""
    for arm in facts.arms:
        if arm.solver in FIGURES:
            yield _published_loss(arm)
    yield from _published_times(facts)
    yield from (_perfect(arm) for arm in facts.arms)
    yield from _euler(facts)
    yield from _errata(facts)


def _published_loss(arm: Arm) -> Claim:
    seen = [each.mse for each in arm.recipe]
    middle = float(np.median(seen))
    holds = BAND[0] <= middle <= BAND[1]
    return Claim(
        f"The recipe through {arm.solver} ends at a loss of {FIGURES[arm.solver].loss}",
        f"a median in {BAND[0]} … {BAND[1]}",
        f"{middle:.4f} ({min(seen):.4f} … {max(seen):.4f})",
        holds,
        "" if holds else "the median of these seeds is outside the band; see the range",
        TEXT,
    )


def _published_times(facts: Facts) -> Iterator[Claim]:
    euler, rk4, dopri5 = (facts.arm(name) for name in ("euler", "rk4", "dopri5"))
    if euler is None or rk4 is None or dopri5 is None:
        return
    base, four, adaptive = (float(np.median([j.seconds for j in arm.recipe])) for arm in (euler, rk4, dopri5))
    yield Claim(
        "Training through RK4 takes no longer than through Euler (12.95 s, 13.43 s)",
        "a ratio of at most 1",
        f"{four / base:.1f} times as long",
        four <= base,
        ""
        if four <= base
        else "RK4 evaluates the network four times a step; the published times include plotting, which hides it",
        TEXT,
    )
    yield Claim(
        "Dopri5 takes more than twice as long as Euler (39.06 s, 13.43 s)",
        "a ratio above 2",
        f"{adaptive / base:.1f} times as long",
        adaptive > 2 * base,
        "" if adaptive > 2 * base else f"its steps cost less here, with the gradient {facts.recipe.gradient}",
        TEXT,
    )
    gain = 1.0 - float(np.median([j.mse for j in dopri5.recipe])) / float(np.median([j.mse for j in rk4.recipe]))
    yield Claim(
        "Dopri5 gains next to nothing in loss over RK4",
        "less than a tenth",
        f"{100 * gain:.2f} %",
        abs(gain) < 0.1,
        "" if abs(gain) < 0.1 else "the two differ by more than the seeds explain",
        TEXT,
    )


def _perfect(arm: Arm) -> Claim:
    seen = [each.mse for each in arm.ladder]
    return Claim(
        f"The ladder through {arm.solver} fits the same network to a loss below {GOOD:g}",
        "every seed",
        f"at most {max(seen):.1e}",
        max(seen) < GOOD,
        "" if max(seen) < GOOD else "at least one seed is stuck",
    )


def _euler(facts: Facts) -> Iterator[Claim]:
    """What a good fit through Euler's method is worth."""
    arm = facts.arm("euler")
    if arm is None:
        return
    wanted = facts.spiral.taught_by("euler")
    assert wanted is not None
    found = complex(*(float(np.median([part(j.eigenvalue) for j in arm.ladder])) for part in (np.real, np.imag)))
    close = abs(found - wanted) < 1e-3
    yield Claim(
        "A perfect fit through Euler learns another spiral, with twice the damping",
        f"eigenvalue {shown(wanted)}",
        shown(found),
        close,
        "" if close else "the fit is not perfect",
    )
    tied = not any(each.is_ode for each in arm.ladder)
    yield Claim(
        "It is a map tied to its solver: solved by another, the trajectory changes",
        "the swap shows it for every seed",
        f"{sum(not each.is_ode for each in arm.ladder)} of {len(arm.ladder)} seeds",
        tied,
        "" if tied else "at least one seed stays the same under another solver",
        OTT,
    )


def _errata(facts: Facts) -> Iterator[Claim]:
    values = np.sort(np.linalg.eigvals(PRINTED).real)
    yield Claim(
        "The printed scalar system, dx/dt = 2x − 0.1y, dy/dt = −2y − 0.1x, is the spiral",
        "eigenvalues −0.1 ± 2i",
        f"eigenvalues {values[0]:.4f} and {values[1]:.4f}".replace("-", "−"),
        False,
        "it is a saddle; the matrix form in the same text is the spiral",
        TEXT,
    )
    band = facts.once <= BAND[1]
    yield Claim(
        f"{facts.recipe.steps} epochs on the trajectory, with the loss of the whole, end at .0173",
        f"a loss of at most {BAND[1]}",
        f"{facts.once:.3f}",
        band,
        ""
        if band
        else "the epochs are optimizer steps on short windows; on the whole trajectory as many do not get there",
        TEXT,
    )


def notes(spiral: Spiral, recipe: Recipe) -> tuple[str, ...]:
    """What has to be known to read the tables."""
    which = (
        "y' = A y, as in the text" if spiral.convention == "Ay" else "y @ A, as in the code, which turns the other way"
    )
    return (
        f"The convention of this run is {spiral.convention}: {which}. Both have the same eigenvalues.",
        f"The recipe: a network 2-{recipe.hidden}-2 with tanh, weights from N(0, 0.1²), {recipe.steps} steps of "
        f"RMSprop at {recipe.rate:g}, each on {recipe.windows} windows of {recipe.points} points; rtol 1e-7 and atol "
        f"1e-9 where the solver has any; gradient {recipe.gradient}. In float64; the text's rk4 is torchdiffeq's, "
        "Kutta's 3/8 rule.",
        "The published figures are of one run with one seed; the text does not say which.",
    )
