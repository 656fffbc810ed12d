"""The discrete gradient as one node of torch's graph: forward without a graph, backward through the steps taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..contracts import Trajectory
from ..engine import pullback
from ..errors.numerics import GradientUnavailable
from .callables import TorchRhs


class Discrete(torch.autograd.Function):
    """ys of a solve, differentiable in y0 and in the leaves of f, once."""

    @staticmethod
    def forward(ctx: Any, solved: Solved, y0: torch.Tensor, *leaves: torch.Tensor) -> torch.Tensor:
        """The solution, as a tensor like y0."""
        ctx.solved = solved
        ctx.save_for_backward(y0, *leaves)
        return torch.from_numpy(np.ascontiguousarray(solved.trajectory.ys)).to(y0.device)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """Gradients in y0 and the leaves."""
        y0, *leaves = ctx.saved_tensors
        gy0, gp = ctx.solved.pullback(gradients[0].detach().cpu().numpy())
        sizes = [leaf.numel() for leaf in leaves]
        pieces = torch.from_numpy(gp).split(sizes) if leaves else ()
        found = [torch.from_numpy(gy0).to(y0)]
        found += [piece.to(leaf).reshape(leaf.shape) for piece, leaf in zip(pieces, leaves, strict=True)]
        if torch.is_grad_enabled():  # somebody wants to differentiate these again
            return None, *Once.apply(len(found), *found, *gradients, y0, *leaves)
        return None, *found


class Once(torch.autograd.Function):
    """The first `n` of some tensors as they are, with an error behind them that says that there is no derivative."""

    @staticmethod
    def forward(ctx: Any, n: int, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Copies of the first n."""
        return tuple(tensor.clone() for tensor in tensors[:n])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """Raises GradientUnavailable."""
        raise GradientUnavailable("the discrete gradient can be taken once, not twice", help='gradient="backprop"')


class Solved:
    """A trajectory with all that its derivative needs."""

    def __init__(self, solver: Any, rhs: TorchRhs, trajectory: Trajectory) -> None:
        self._solver, self._rhs, self.trajectory = solver, rhs, trajectory

    def pullback(self, gys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradients in y0 (rows, *state) and in all leaves, flat."""
        reached = np.isfinite(self.trajectory.ys)
        gy0, gp = pullback(self._solver, self._rhs, self.trajectory, np.where(reached, gys, 0.0))
        return gy0.reshape(gys.shape[0], *gys.shape[2:]), gp.sum(axis=0)
