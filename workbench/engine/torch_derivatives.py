"""Derivatives of a torch function over lines that reverse mode gives: products along directions, first and second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

Function = Callable[[], torch.Tensor]


def state_jacobian(function: Callable[[torch.Tensor], torch.Tensor], y: torch.Tensor) -> torch.Tensor:
    """∂function/∂y (line, entry, entry) of a function that acts on lines: one product an entry of the flat state.

    torch's products hold the conjugate of the derivative of a complex function.
    """
    with torch.enable_grad():
        state = y.detach().requires_grad_()
        value = function(state)
    rows = []
    for i in range(y[0].numel()):
        found = None
        if value.requires_grad:
            unit = torch.zeros(len(value), y[0].numel(), dtype=value.dtype, device=value.device)
            unit[:, i] = 1.0
            unit = unit.reshape(value.shape)
            (found,) = torch.autograd.grad(value, state, unit, retain_graph=True, allow_unused=True)
        rows.append((torch.zeros_like(state) if found is None else found.conj()).reshape(len(y), -1))
    return torch.stack(rows, dim=1).detach()


def along(function: Function, moving: Sequence[torch.Tensor], directions: Sequence[torch.Tensor]) -> torch.Tensor:
    """Σ (∂function/∂moving) direction, like the function's value, by reverse mode twice.

    It stays in torch's graph where one is recorded, for it may depend on more than what moves.
    """
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        value = function()
        if value.is_complex():
            found = along(lambda: torch.view_as_real(function()), moving, directions)
            return torch.view_as_complex(found if keep else found.detach())
        weights = later(torch.zeros_like(value).requires_grad_(), value)
        total = _product(value, moving, directions, weights)
        if total is None:
            return torch.zeros_like(value)
        (found,) = torch.autograd.grad(total, weights, allow_unused=True, retain_graph=True, create_graph=keep)
    found = torch.zeros_like(value) if found is None else found
    return found if keep else found.detach()


def second_products(
    function: Function,
    moving: Sequence[torch.Tensor],
    directions: Sequence[torch.Tensor],
    g: torch.Tensor,
    wanted: Sequence[torch.Tensor],
) -> list[torch.Tensor]:
    """The gradients by `wanted` of gᵀ Σ (∂function/∂moving) direction; what f holds may hang on a graph of its own."""
    with torch.enable_grad():
        total = _product(function(), moving, directions, g)
        found: Sequence[torch.Tensor | None] = [None] * len(wanted)
        if total is not None and total.requires_grad:
            found = torch.autograd.grad(total, wanted, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(x) if d is None else d.detach() for x, d in zip(wanted, found, strict=True)]


class _Later(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, than: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> tuple[torch.Tensor, None]:
        return g, None


def later(x: torch.Tensor, than: torch.Tensor) -> torch.Tensor:
    """x, made after `than` as torch's graph sees it.

    Asked for a derivative by x, torch walks through all that was recorded before the oldest tensor it needs: through
    every step of a solve, for an x without a past. With this it looks no further back than `than`.
    """
    with torch.enable_grad():
        return _Later.apply(x, than)


def _product(
    value: torch.Tensor, moving: Sequence[torch.Tensor], directions: Sequence[torch.Tensor], g: torch.Tensor
) -> torch.Tensor | None:
    """gᵀ Σ (∂value/∂moving) direction in the graph; None where nothing moves."""
    if not value.requires_grad:
        return None
    first = torch.autograd.grad(value, moving, g, create_graph=True, allow_unused=True)
    parts = [(slope * direction).sum() for slope, direction in zip(first, directions, strict=True) if slope is not None]
    return sum(parts[1:], parts[0]) if parts else None
