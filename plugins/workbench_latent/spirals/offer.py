"""The options of the experiment, apart from what it imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .experiment import LatentOdeExperiment


def latent_ode(
    noise: float = 0.3, iterations: int = 2000, trajectories: int = 1000, size: int = 2
) -> LatentOdeExperiment:
    """`noise` is the standard deviation of the observations; `iterations` of Adam on batches of 100 trajectories.

    `size` hidden states: with 2, what was before and after the piece is found more closely than with the published 4.
    """
    from .experiment import LatentOdeExperiment

    return LatentOdeExperiment(noise, iterations, trajectories, size)
