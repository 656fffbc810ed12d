"""A solve as one node of torch's graph: forward without a graph, backward in one of several ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..compiled import Solved as Solution
from ..errors.numerics import GradientUnavailable
from .ways import Way


class Solved(torch.autograd.Function):
    """ys of a solve, differentiable in y0 and in the leaves of f, once.

    All that the way back needs of the solve is among the saved tensors, where torch's hooks can count it.
    """

    @staticmethod
    def forward(ctx: Any, way: Way, ys: np.ndarray, y0: torch.Tensor, *leaves: torch.Tensor) -> torch.Tensor:
        """The solution, as a tensor like y0."""
        ctx.way, ctx.n_leaves = way, len(leaves)
        ctx.save_for_backward(y0, *leaves, *[torch.from_numpy(np.ascontiguousarray(kept)) for kept in way.kept])
        way.kept = ()
        return torch.from_numpy(np.array(ys)).to(y0.device)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """Gradients in y0 and the leaves."""
        y0, *saved = ctx.saved_tensors
        leaves, kept = saved[: ctx.n_leaves], [tensor.numpy() for tensor in saved[ctx.n_leaves :]]
        gys = gradients[0].detach().cpu().numpy()
        gy0, gp = ctx.way.pull(y0.detach().cpu().numpy(), kept, gys)
        pieces = torch.from_numpy(gp).split([leaf.numel() for leaf in leaves]) if leaves else ()
        found = [torch.from_numpy(gy0).to(y0).reshape(y0.shape)]
        found += [piece.to(leaf).reshape(leaf.shape) for piece, leaf in zip(pieces, leaves, strict=True)]
        if torch.is_grad_enabled():  # somebody wants to differentiate these again
            return None, None, *Once.apply(ctx.way.name, len(found), *found, *gradients, y0, *leaves)
        return None, None, *found


class CompiledNode(torch.autograd.Function):
    """ys of a compiled solve, differentiable in y0 and the leaves of its parameters, once."""

    @staticmethod
    def forward(ctx: Any, solved: Solution, single: bool, y0: torch.Tensor, *leaves: torch.Tensor) -> torch.Tensor:
        """The solution; `single` has no axis of trajectories."""
        ctx.solved, ctx.single = solved, single
        ctx.inputs = y0, leaves  # not saved tensors: the way back goes by what `solved` holds, these are for Once
        return torch.from_numpy(solved.ys[0] if single else solved.ys)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """Gradients in y0 and the leaves."""
        y0, leaves = ctx.inputs
        gys = gradients[0].detach().numpy()
        g_y0, g_p = ctx.solved.pull(gys[None] if ctx.single else gys)
        found, at, flat = [torch.from_numpy(g_y0[0] if y0.dim() == 1 else g_y0)], 0, g_p.reshape(-1)
        for leaf in leaves:
            shape = leaf.shape
            upto = at + shape.numel()
            found.append(torch.from_numpy(flat[at:upto].reshape(shape)))  # views: NumPy makes them in half the time
            at = upto
        if torch.is_grad_enabled():  # somebody wants to differentiate these again
            return None, None, *Once.apply("compiled", len(found), *found, *gradients, y0, *leaves)
        return None, None, *found


class Once(torch.autograd.Function):
    """The first `n` of some tensors as they are, with an error behind them that says that there is no derivative."""

    @staticmethod
    def forward(ctx: Any, name: str, n: int, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Copies of the first n."""
        ctx.name = name
        return tuple(tensor.clone() for tensor in tensors[:n])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """Raises GradientUnavailable."""
        raise GradientUnavailable(
            f"the {ctx.name} gradient can be taken once, not twice", help='gradient="backprop" can, with a loop solver'
        )
