"""Losses on whole trials, imported when they are made: listing them loads no NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .point_process import PoissonProcess


def poisson_process() -> PoissonProcess:
    """Minus the log-likelihood of event times; a channel counts events, the slope of its state is the intensity."""
    from .point_process import PoissonProcess

    return PoissonProcess()
