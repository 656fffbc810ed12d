"""A graph's value as one operation of torch's autograd, with the graph's own derivatives.

Plain autograd through the operations would go wrong at kinks: the branch of a `where` that is not taken, if infinite,
turns its gradient into NaN.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from .graph import Graph

KINDS = ("t", "y", "u", "c", "p")


def differentiable(graph: Graph, group: str, plain: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`plain` (the value of `group`) made differentiable in t, y, u, c and p, forward and reverse, also under vmap.

    Derivatives of derivatives come from autograd through the first ones, so they lack the guard at kinks.
    """
    needed = graph.depends(group)

    def jacobians(kinds: list[Any], inputs: tuple[Any, ...]) -> dict[Any, torch.Tensor]:
        found = graph.torch_function(group, kinds)(*inputs)[1:] if kinds else ()
        return {kind: each.unsqueeze(-1) if kind == "t" else each for kind, each in zip(kinds, found, strict=True)}

    class Value(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*inputs: Any) -> torch.Tensor:
            return plain(*inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
            ctx.present = [each is not None for each in inputs]
            tensors = [each for each in inputs if each is not None]
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
            inputs = _inputs(ctx)
            wanted = zip(KINDS, ctx.needs_input_grad, strict=True)
            kinds = [kind for kind, moves in wanted if moves and kind in needed]
            pulled: dict[str, Any] = dict.fromkeys(KINDS)
            for kind, each in jacobians(kinds, inputs).items():
                grad = (grads[0].unsqueeze(-1) * each.conj()).sum(1)  # einsum has no rule for batched products
                pulled[kind] = _like(inputs[KINDS.index(kind)], grad.squeeze(-1) if kind == "t" else grad)
            return tuple(pulled.values())

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
            inputs = _inputs(ctx)
            moving = {kind: each for kind, each in zip(KINDS, tangents, strict=True) if each is not None}
            pushed = torch.zeros_like(plain(*inputs))
            for kind, each in jacobians([kind for kind in moving if kind in needed], inputs).items():
                step = moving[kind].unsqueeze(-1) if kind == "t" else moving[kind].expand(each.shape[0], each.shape[2])
                pushed = pushed + torch.einsum("rnk,rk->rn", each, step.to(each.dtype))
            return pushed

    # torch asks for it at every call, which takes longer to find out than small values to compute
    Value.forward.__signature__ = inspect.signature(Value.forward)  # type: ignore[attr-defined]  # inspect reads it

    def value(t: Any, y: Any, u: Any, c: Any, p: Any) -> torch.Tensor:
        return Value.apply(t, y, u, c, p)

    return value


def _inputs(ctx: Any) -> tuple[Any, ...]:
    saved = iter(ctx.saved_tensors)
    return tuple(next(saved) if present else None for present in ctx.present)


def _like(given: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    """A gradient in the shape and type of its input: summed over rows where all of them share it."""
    if given.dim() < grad.dim():
        grad = grad.sum(0)
    return (grad if given.is_complex() else grad.real).to(given.dtype)
