"""The discrete gradient as one node of torch's graph: forward on NumPy without a graph, backward through the steps taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..contracts import Trajectory
from ..engine import pullback
from .callables import TorchRhs


class Discrete(torch.autograd.Function):
    """ys of a solve, differentiable in y0 and in the leaves of f; twice is refused by torch."""

    @staticmethod
    def forward(  # type: ignore[override]  # torch's own signature takes anything
        ctx: Any, solved: Solved, y0: torch.Tensor, *leaves: torch.Tensor
    ) -> torch.Tensor:
        """The solution, as a tensor like y0."""
        ctx.solved, ctx.shapes = solved, [(leaf.shape, leaf.dtype) for leaf in leaves]
        return torch.from_numpy(np.ascontiguousarray(solved.trajectory.ys)).to(y0.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gys: torch.Tensor) -> tuple[Any, ...]:
        """Gradients in y0 and the leaves."""
        gy0, gp = ctx.solved.pullback(gys.cpu().numpy())
        device = gys.device
        pieces, at = [], 0
        for shape, dtype in ctx.shapes:
            size = shape.numel()
            pieces.append(torch.from_numpy(gp[at : at + size].copy()).to(device, dtype).reshape(shape))
            at += size
        return None, torch.from_numpy(gy0).to(device), *pieces


class Solved:
    """A trajectory with all that its derivative needs."""

    def __init__(self, solver: Any, rhs: TorchRhs, trajectory: Trajectory) -> None:
        self._solver, self._rhs, self.trajectory = solver, rhs, trajectory

    def pullback(self, gys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradients in y0 (rows, *state) and in all leaves, flat."""
        reached = np.isfinite(self.trajectory.ys)
        gy0, gp = pullback(self._solver, self._rhs, self.trajectory, np.where(reached, gys, 0.0))
        return gy0.reshape(gys.shape[0], *gys.shape[2:]), gp.sum(axis=0)
