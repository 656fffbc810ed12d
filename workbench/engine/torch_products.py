"""Many products vᵀJ through torch's graph at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def products(value: torch.Tensor, inputs: Sequence[torch.Tensor], v: torch.Tensor) -> list[torch.Tensor]:
    """vᵀ ∂value/∂inputs for v (product, *value): one tensor (product, *input) an input, zero where it has no part.

    All in one pass where torch has batching rules for all operations of the graph, else one after the other.
    """
    if not value.requires_grad:
        return [x.new_zeros(len(v), *x.shape) for x in inputs]
    found: tuple[torch.Tensor | None, ...]
    try:
        found = torch.autograd.grad(
            value, inputs, v, retain_graph=True, allow_unused=True, is_grads_batched=True, materialize_grads=False
        )
    except RuntimeError:  # an operation without a batching rule
        each = [torch.autograd.grad(value, inputs, one, retain_graph=True, allow_unused=True) for one in v]
        found = tuple(None if g[0] is None else torch.stack(g) for g in zip(*each, strict=True))
    return [x.new_zeros(len(v), *x.shape) if g is None else g for x, g in zip(inputs, found, strict=True)]
