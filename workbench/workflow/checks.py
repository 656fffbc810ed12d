"""The checks of a finished fit: its residuals, its solver, its gradient, and how far its held-out part reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..dataset import TEST, TRAIN
from ..diagnose.extrapolation import Region
from ..model import Model, Trial
from .gradient_check import checked_fit
from .swapping import swapped

if TYPE_CHECKING:
    from ..dataset import Dataset
    from .session import Session


def checks(
    session: Session, training: Trial, states: np.ndarray, prediction: np.ndarray, residuals: np.ndarray
) -> dict[str, Any]:
    """The `checks` of `fit --json`; `residuals` (observation, channel) are those that the loss sees.

    `seeds` is None: only `compare` fits with several.
    """
    model, x, part = session.model, session.x, np.asarray(session.problem.part)
    return {
        "solver_swap": swapped(model, x, prediction, session.choices.solver),
        "whiteness": diagnose.whiteness(model.data, part, residuals),
        "inputs": _inputs(model, part, residuals),
        "gradient": checked_fit(training, session.choices.seed),
        "extrapolation": _extrapolation(model, part, states),
        "seeds": None,
    }


def _inputs(model: Model, part: np.ndarray, residuals: np.ndarray) -> dict[str, Any] | None:
    """Correlations of the residuals with the inputs; None without inputs."""
    u, names = driven(model.data, model)
    return diagnose.input_correlation(model.data, part, residuals, u, names) if u is not None else None


def driven(data: Dataset, model: Model) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """u at every observation (observation, input) with the names; None without inputs."""
    if model.inputs is None or data.inputs is None:
        return None, ()
    return np.asarray(model.inputs(data.t, data.trajectory_of, data.t)), data.inputs.names


def _extrapolation(model: Model, part: np.ndarray, states: np.ndarray) -> dict[str, Any] | None:
    """How far the held-out part leaves what training visited; None without a held-out part or states."""
    test = part == TEST
    if not test.any() or not model.field.states:
        return None
    u, _ = driven(model.data, model)
    return region_of(model, part, states).left_by(model.data.t[test], states[test], None if u is None else u[test])


def region_of(model: Model, part: np.ndarray, states: np.ndarray) -> Region:
    """What the training part of a run visited, its states (observation, state) being those of the free run."""
    u, names = driven(model.data, model)
    train = part == TRAIN
    return Region.of(states[train], None if u is None else u[train], model.field.states, names)
