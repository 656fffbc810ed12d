"""The table of a fit's starts, from where its strategy stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..fitting import best_start
from .drawing import training_selection

if TYPE_CHECKING:
    from .session import Session

CONSTANT = 1e-6
"""Share of a constant's loss within which two losses of differences are the same."""


def waterfall_of(session: Session) -> dict[str, Any] | None:
    """The document `starts`; None for a fit from one start, or where none has ended yet."""
    if session.choices.starts == 1:
        return None
    state, model = session.state["strategy"], session.model
    if not any(state["statuses"]):
        return None
    unknowns, misfit = model.unknowns, model.misfit
    weights = unknowns.mask("weights").any()
    values = np.array([unknowns.physical(x)[0] for x in state["found"]])
    selection = training_selection(model)
    training = selection.values
    seen = np.isfinite(training)
    mean = np.where(seen.any(axis=0), np.where(seen, training, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1), 0.0)
    constant = misfit.value(training, np.broadcast_to(mean, training.shape), sd=selection.sd)
    return diagnose.waterfall(
        state["losses"],
        state["validations"],
        state["statuses"],
        values,
        () if weights else unknowns.labels,
        best_start(state["losses"], state["validations"]),
        likelihood=misfit.is_likelihood,
        floor=CONSTANT * constant if np.isfinite(constant) else 0.0,
    )
