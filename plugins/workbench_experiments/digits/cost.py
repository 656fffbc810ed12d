"""What one training step costs: bytes kept for the way back, evaluations of f forward and backward."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

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
    saved: list[weakref.ref[_Held]] = []

    def hold(tensor: torch.Tensor) -> _Held:
        held = _Held(tensor.detach())  # an output would hold the node that holds it
        saved.append(weakref.ref(held))
        return held

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda held: held.tensor):
        loss = cross_entropy(network(x), digits)
    storages = [held.tensor.untyped_storage() for ref in saved if (held := ref()) is not None]
    kept = sum({s.data_ptr(): s.nbytes() for s in storages if s.data_ptr() not in own}.values())
    del storages
    middle = block.dynamics.lines if block else 0
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    end = block.dynamics.lines if block else 0
    forward = block.evaluations if block else 0.0
    backward = (end - middle) / len(x) if middle > start else 0.0
    return Cost(kept / len(x), forward, backward, torch.cat([g.reshape(-1) for g in gradients]))


@dataclass
class _Held:
    """A saved tensor, which lives as long as the graph that it was saved for."""

    tensor: torch.Tensor
