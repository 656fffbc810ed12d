"""Whether a network ended stuck: farther from its training data than a linear ODE is, or their mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..fitting.stuck import stuck
from . import learned

if TYPE_CHECKING:
    from ..model import Trial

STUCK = "stuck"
"""The status of such a fit."""
ENDED = ("converged", "early_stop", "stalled")
"""What such a fit would be called otherwise."""


def is_stuck(training: Trial, status: str, metrics: Mapping[str, Any], baselines: Mapping[str, Any]) -> bool:
    """A network ended by itself, misses its training part by more than a baseline does, and curves show it is no noise.

    Equations, with learned terms or without, are never called stuck: they may be the wrong ones.
    """
    model, weights = training.model, training.model.unknowns.mask("weights")
    own = (metrics.get("train") or {}).get("nrmse")
    if status not in ENDED or own is None or not weights.any() or learned.is_hybrid(model):
        return False
    rivals = [(baselines[name].get("train") or {}).get("nrmse") for name in ("mean", "linear") if name in baselines]
    return any(rival is not None and rival < own for rival in rivals) and stuck(model, training.selection, training.x)
