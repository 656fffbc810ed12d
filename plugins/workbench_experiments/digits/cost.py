"""What one training step costs: bytes kept for the way back, evaluations of f forward and backward."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ..saved_tensors import counting_saved
from .training import ode_block


@dataclass(frozen=True)
class Cost:
    """`kept` bytes an image for the way back; evaluations of f an image `forward`, and `backward` with its derivative.

    `gradient` (parameter,) is that of the loss by all parameters.
    """

    kept: float
    forward: float
    backward: float
    gradient: torch.Tensor


def cost_of(network: nn.Module, x: torch.Tensor, digits: torch.Tensor) -> Cost:
    """One forward and backward pass over images (image, 1, row, column), without a step.

    Kept is every storage that torch's autograd saves for the backward pass, each once, parameters and the images
    themselves left out. Residual blocks and layers count as no evaluation.
    """
    network.train()
    block = ode_block(network)
    start = block.dynamics.lines if block else 0
    own = {p.untyped_storage().data_ptr() for p in network.parameters()} | {x.untyped_storage().data_ptr()}
    with counting_saved() as saved:
        loss = cross_entropy(network(x), digits)
    kept = sum(size for address, size in saved().items() if address not in own)
    middle = block.dynamics.lines if block else 0
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    end = block.dynamics.lines if block else 0
    forward = block.evaluations if block else 0.0
    backward = (end - middle) / len(x) if middle > start else 0.0
    return Cost(kept / len(x), forward, backward, torch.cat([g.reshape(-1) for g in gradients]))
