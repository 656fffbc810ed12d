"""The options of the experiment, apart from what it imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .experiment import LatentOdeExperiment


def latent_ode(
    noise: float = 0.3, iterations: int = 2000, trajectories: int = 1000, size: int = 4
) -> LatentOdeExperiment:
    """`noise` is the standard deviation of the observations; `iterations` of Adam on batches of 100 trajectories.

    `size` hidden states, 4 as published; with 2, what was before and after the piece is found more closely.
    """
    from .experiment import LatentOdeExperiment

    return LatentOdeExperiment(noise, iterations, trajectories, size)
