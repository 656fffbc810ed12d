"""Which members of an ensemble count: a fit that is stuck, or far worse than the others, says nothing of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fitting.stuck import LITTLE, TIMES
from .stuck import STUCK

if TYPE_CHECKING:
    from .fitted import Fitted


def summary(member: Fitted) -> dict[str, Any]:
    """Name, seed, status and errors of a member."""
    train, holdout = (member.metrics.get(part) or {} for part in ("train", "holdout"))
    return {
        "run": member.name,
        "seed": member.session.choices.seed,
        "status": member.status,
        "train_nrmse": train.get("nrmse"),
        "holdout_nrmse": holdout.get("nrmse"),
    }


def left_out(members: Sequence[Fitted]) -> dict[str, str]:
    """Name → why a member does not count: see `reasons`."""
    found = reasons([(member.status, summary(member)["train_nrmse"]) for member in members])
    return {str(member.name): why for member, why in zip(members, found, strict=True) if why}


def reasons(members: Sequence[tuple[str, float | None]]) -> list[str]:
    """Why members (status, training nrmse) do not count, "" for those that do.

    Stuck, or with more than four times the squared training error of the median member and over 2 % of what the mean
    leaves: what `fitting.stuck` asks of a fit beside smooth curves is asked of it beside the others.

    >>> reasons([("converged", 0.05), ("converged", 0.06), ("stuck", 1.0), ("converged", 0.9)])
    ['', '', 'it is stuck (training nrmse 1)', 'its training nrmse of 0.9 is far above the median of 0.06']
    """
    errors = [error for status, error in members if status != STUCK and error is not None]
    median = float(np.median(errors)) if errors else 0.0
    found = []
    for status, error in members:
        size = "" if error is None else f" (training nrmse {error:.3g})"
        far = error is not None and error**2 > max(TIMES * median**2, LITTLE)
        apart = f"its training nrmse of {error:.3g} is far above the median of {median:.3g}" if far else ""
        found.append(f"it is stuck{size}" if status == STUCK else apart)
    return found
