"""A trial's solve in torch's graph: the same steps again, differentiated by torch through every operation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..contracts import LinearRhs, SolveOptions, Trajectory
from ..engine import LoopSolver
from ..engine.torch_products import products
from .graph_rhs import GraphRhs
from .module_rhs import ModuleRhs

CHUNK = 2**22  # numbers in the gradients that are made at once


class TorchRhs:
    """f of a GraphRhs or ModuleRhs on tensors, with its parameters p (parameter,) or (trajectory, parameter) given."""

    def __init__(self, rhs: LinearRhs, p: torch.Tensor) -> None:
        assert isinstance(rhs, GraphRhs | ModuleRhs), "a model's right-hand side is one of the two"
        self._rhs, self._p = rhs, p
        self._value = rhs.graph.torch_function("rhs") if isinstance(rhs, GraphRhs) else None
        self._weights = _split(rhs, p) if isinstance(rhs, ModuleRhs) else {}

    def _tensor(self, x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(x)).to(self._p.device)

    def __call__(self, t: np.ndarray, y: torch.Tensor, row: np.ndarray, middle: np.ndarray) -> torch.Tensor:
        """f (line, state)."""
        rhs = self._rhs
        u = self._tensor(rhs.inputs(t, row, middle)) if rhs.inputs else None
        c = self._tensor(rhs.c[row]) if rhs.c is not None else None
        time = self._tensor(np.asarray(t, dtype=float))
        if self._value is not None:
            p = self._p[row] if self._p.ndim == 2 else self._p
            return self._value(time, y, u, c, p)
        return self._module(time, y, u, c)

    def slope_in_time(self, t: np.ndarray, y: torch.Tensor, row: np.ndarray, middle: np.ndarray) -> torch.Tensor | None:
        """f_t (line, state) in the graph; None where inputs move."""
        rhs = self._rhs
        if rhs.inputs is not None:
            return None
        c = self._tensor(rhs.c[row]) if rhs.c is not None else None
        time = self._tensor(np.asarray(t, dtype=float))
        if isinstance(rhs, GraphRhs):
            p = self._p[row] if self._p.ndim == 2 else self._p
            found: torch.Tensor = rhs.graph.torch_function("rhs", ("t",))(time, y, None, c, p)[1]
            return found
        with torch.enable_grad():
            time = time.requires_grad_()
            value = self._module(time, y, None, c)
            slopes = [
                torch.autograd.grad(column.sum(), time, create_graph=True, materialize_grads=True)[0]
                if column.requires_grad
                else torch.zeros_like(time)
                for column in value.unbind(1)
            ]
        return torch.stack(slopes, dim=1)

    def _module(
        self, time: torch.Tensor, y: torch.Tensor, u: torch.Tensor | None, c: torch.Tensor | None
    ) -> torch.Tensor:
        rhs = self._rhs
        assert isinstance(rhs, ModuleRhs)
        arguments = (time.reshape(-1, *[1] * (y.ndim - 1)), y, u, c)
        value: torch.Tensor = torch.func.functional_call(rhs.module, self._weights, arguments)
        return value


def parameters_of(rhs: LinearRhs) -> np.ndarray:
    """p of a right-hand side, (parameter,) or (trajectory, parameter)."""
    if isinstance(rhs, GraphRhs):
        return np.asarray(rhs.p, dtype=float)
    assert isinstance(rhs, ModuleRhs), "a model's right-hand side is one of the two"
    return torch.cat([weight.reshape(-1).double() for weight in rhs.weights.values()]).numpy(force=True)


def _split(rhs: ModuleRhs, p: torch.Tensor) -> dict[str, torch.Tensor]:
    pieces = p.split([weight.numel() for weight in rhs.weights.values()])
    return {
        name: piece.reshape(weight.shape) for (name, weight), piece in zip(rhs.weights.items(), pieces, strict=True)
    }


@dataclass(frozen=True)
class Unrolled:
    """ys (row, time, state) in torch's graph over y0 (row, state) and p."""

    ys: torch.Tensor
    y0: torch.Tensor
    p: torch.Tensor

    @classmethod
    def of(
        cls,
        solver: LoopSolver,
        rhs: LinearRhs,
        y0: np.ndarray,
        t0: np.ndarray,
        trajectory: Trajectory,
        options: SolveOptions,
    ) -> Unrolled:
        """The steps of `trajectory` again."""
        device = rhs.device if isinstance(rhs, ModuleRhs) else None
        start, p = (torch.tensor(x, requires_grad=True, device=device) for x in (y0, parameters_of(rhs)))
        limits = replace(options, replay=trajectory.mesh, keep=False)
        with torch.enable_grad():
            found = solver.backprop(TorchRhs(rhs, p), start, t0, trajectory.ts, limits)
        return cls(found.ys, start, p)

    def pullback(self, gys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ gysᵀ ∂ys/∂y0 (row, state) and Σ gysᵀ ∂ys/∂p (row or 1, parameter)."""
        reached = torch.isfinite(self.ys.detach())
        g = torch.where(reached, torch.from_numpy(np.ascontiguousarray(gys)).to(self.ys.device), 0.0)
        by_y0, by_p = torch.autograd.grad(self.ys, [self.y0, self.p], g, materialize_grads=True, retain_graph=True)
        return by_y0.numpy(force=True), np.atleast_2d(by_p.numpy(force=True))

    def sensitivities(self) -> tuple[np.ndarray, np.ndarray]:
        """∂ys/∂y0 (row, time, state, state) and ∂ys/∂p (row, time, state, parameter), NaN where ys was not reached."""
        rows, times, d = self.ys.shape
        by_y0, by_p = (np.full((rows, times, d, n), np.nan) for n in (d, self.p.shape[-1]))
        places = np.argwhere(np.isfinite(self.ys.numpy(force=True)))
        size = max(1, CHUNK // (self.y0.numel() + self.p.numel()))
        for first in range(0, len(places), size):
            at = tuple(places[first : first + size].T)
            unit = torch.zeros(len(at[0]), rows, times, d, dtype=self.ys.dtype, device=self.ys.device)
            unit[(np.arange(len(at[0])), *at)] = 1.0
            g_y0, g_p = (g.numpy(force=True) for g in products(self.ys, [self.y0, self.p], unit))
            every = np.arange(len(at[0]))
            by_y0[at] = g_y0[every, at[0]]
            by_p[at] = g_p[every, at[0]] if self.p.ndim == 2 else g_p
        return by_y0, by_p
