"""What is to be said before a fit: what of the file does not count, and which starts the data contradict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors.usage import UsageError
from .choices import Choices, priors_of

if TYPE_CHECKING:
    from ..problem import Problem
    from .changes import Changes

FAR = 0.5  # of a channel's spread: noise is less where there is something to fit


def remarks(problem: Problem, changes: Changes, choices: Choices) -> list[str]:
    """Notes on what a problem file says and the choices leave out, and on held starts that the data contradict.

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
    return [*notes, *far_starts(problem)] if choices.dynamics == "equations" else notes


def far_starts(problem: Problem) -> list[str]:
    """Notes on states that are observed, held at the file's number at first, and begin elsewhere in the data."""
    system, data, notes = problem.system, problem.data, []
    if system is None or data is None:
        return []
    measured = {observed.formula: observed.name for observed in system.observed}
    values, begins = problem.seen.values, data.t[data.starts]
    at_start = begins == (begins if problem.start is None else problem.start)
    for state in system.states:
        channel = measured.get(state.name)
        if channel not in data.channels or isinstance(state.initial, str) or state.fit or state.given:
            continue
        column = values[:, data.channels.index(channel)]
        first, known = column[data.starts], column[np.isfinite(column)]
        spread = known.std() if known.size else np.inf
        far = np.flatnonzero(at_start & (np.abs(first - state.initial) > FAR * spread))
        if len(far):
            name, seen = f"{state.name}(0)", f"{first[far[0]]:.4g}"
            notes.append(
                f"{state.name} starts at {state.initial:.4g} in the problem file and at {seen} in the data: "
                f'--free "{name}" fits it, --set "{name}={seen}" moves it'
            )
    return notes
