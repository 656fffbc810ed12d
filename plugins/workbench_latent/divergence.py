"""How far a Gaussian posterior lies from the prior of a latent state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def divergence(mean: torch.Tensor, log_sd: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, sd²) ‖ N(0, 1)) = Σ ½(mean² + sd² − 1) − log sd over the last axis, in nats.

    Kingma & Welling (2014), arXiv 1312.6114, appendix B.

    >>> import torch
    >>> divergence(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)).tolist()
    [0.5]
    """
    return (0.5 * (mean**2 + (2 * log_sd).exp() - 1) - log_sd).sum(-1)
