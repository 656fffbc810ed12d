"""A torch module at other parameters than its own: one vector of them, as the compiled engine takes it."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from ..errors.numerics import ShapeOfRhs


class ModuleAt:
    """f(t, y, [u]) of a module whose parameters are those of the vector p, in the order of `parameters()`.

    Raises ShapeOfRhs for another number of them.
    """

    def __init__(self, module: Any, p: Any) -> None:
        own = dict(module.named_parameters())
        sizes = [value.numel() for value in own.values()]
        like = next(iter(own.values()), torch.empty(0))
        vector = torch.as_tensor(p).to(like)
        if vector.shape != (sum(sizes),):
            raise ShapeOfRhs(
                f"params of shape {tuple(vector.shape)} are given for a module of {sum(sizes)} parameters",
                help="one vector, as torch.nn.utils.parameters_to_vector(module.parameters()) makes it",
            )
        self._module, self.rowwise = module, getattr(module, "rowwise", True)
        pieces = vector.split(sizes) if sizes else ()
        self._held = {name: piece.reshape(own[name].shape) for name, piece in zip(own, pieces, strict=True)}

    def __call__(self, t: torch.Tensor, y: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """The module's value."""
        found: torch.Tensor = torch.func.functional_call(self._module, self._held, (t, y, *inputs))
        return found


def takes_parameters(module: Any, arguments: int) -> bool:
    """Whether its forward has room for parameters behind so many arguments."""
    ways = inspect.signature(module.forward).parameters.values()
    several = any(way.kind is way.VAR_POSITIONAL for way in ways)
    return several or sum(way.kind in (way.POSITIONAL_ONLY, way.POSITIONAL_OR_KEYWORD) for way in ways) > arguments
