"""What was said of noise and priors beside a loss or dynamics that do not know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors.usage import UsageError
from .choices import Choices, priors_of

if TYPE_CHECKING:
    from ..problem import Problem
    from .changes import Changes


def unused(problem: Problem, changes: Changes, choices: Choices) -> list[str]:
    """Notes on what a problem file says and the choices leave out.

    Raises UsageError where the noise was asked for beside the loss that knows none: one of both is a mistake.
    """
    loss, notes = choices.make("loss"), []
    likelihood = all(bool(loss.pointwise(kind).nll) for kind in {*problem.noise.values(), "gaussian"} if kind)
    for flag, said in (("noise", changes.noise), ("scale", changes.scales)):
        if said and not likelihood:
            raise UsageError(
                f"the loss {choices.loss!r} knows no noise, and --{flag} declares that of {', '.join(said)}",
                help=f"--loss likelihood, or leave --{flag} out",
            )
    declared = [channel for channel, kind in problem.noise.items() if kind and channel not in changes.noise]
    if declared and not likelihood:
        notes.append(f"the noise of {', '.join(declared)} does not count: the loss {choices.loss!r} knows none")
    priors = priors_of(problem)
    if priors and choices.dynamics != "equations":
        without = f"the dynamics {choices.dynamics!r} have no such unknowns"
        notes.append(f"priors of {', '.join(priors)} do not count: {without}")
    return notes
