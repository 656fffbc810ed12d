"""A bare callable as a right-hand side of the engine: on its own kind of arrays, or torch seen from NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .reading import Call

if TYPE_CHECKING:
    import torch

Array = Any
Inputs = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # t (line,), row, middle -> (line, input)


class PlainRhs:
    """f on arrays of the same kind as its states; torch's graph passes through."""

    def __init__(self, call: Call, inputs: Inputs | None) -> None:
        self._call, self._inputs = call, inputs

    def __call__(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray) -> Array:
        """f (line, *state)."""
        more = [_like(y, self._inputs(t, row, middle))] if self._inputs else []
        return self._call(_like(y, t), y, more)


def _like(y: Array, values: np.ndarray) -> Array:
    """Real values in the precision and on the device of y."""
    if isinstance(y, np.ndarray):
        return values.astype(y.real.dtype, copy=False)
    import torch

    return torch.as_tensor(values, dtype=y.real.dtype if y.is_complex() else y.dtype, device=y.device)


class TorchRhs:
    """f on torch tensors seen from NumPy (contracts.LinearRhs, with pooled parameters `leaves`)."""

    pooled = True

    def __init__(self, rhs: PlainRhs, like: torch.Tensor, leaves: Sequence[torch.Tensor]) -> None:
        self._rhs, self._like, self.leaves = rhs, like, list(leaves)
        self.n_parameters = sum(leaf.numel() for leaf in leaves)

    def _tensor(self, y: np.ndarray) -> torch.Tensor:
        """Lines in the shape of f's states, whether y is flat or not."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(y)).to(self._like.device).reshape(len(y), *self._like.shape[1:])

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """f (line, *state)."""
        import torch

        with torch.no_grad():
            value = self._rhs(t, self._tensor(y), row, middle).cpu().numpy()
        return value.reshape(y.shape) if value.size == y.size else value  # of another size: the engine says so

    def _graph(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        state = self._tensor(y).requires_grad_()
        with torch.enable_grad():
            return state, self._rhs(t, state, row, middle)

    def state_jacobian(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """f_y (line, entry, entry) over flat states: one product for each entry, over all lines at once."""
        import torch

        state, value = self._graph(t, y, row, middle)
        entries = y.shape[1]
        rows = np.zeros((len(y), entries, entries), y.dtype)
        for i in range(entries if value.requires_grad else 0):
            unit = torch.zeros(len(y), entries, dtype=value.dtype, device=value.device)
            unit[:, i] = 1.0
            (g,) = torch.autograd.grad(value, state, unit.reshape(value.shape), retain_graph=True, allow_unused=True)
            if g is not None:
                rows[:, i] = g.reshape(len(y), -1).cpu().numpy()
        return rows

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, entry), and gᵀf_p summed over all lines (1, parameter)."""
        import torch

        state, value = self._graph(t, y, row, middle)
        wanted = [state, *self.leaves]
        grads: Sequence[torch.Tensor | None] = [None] * len(wanted)
        if value.requires_grad:
            # what f holds may hang on a graph of its own, which later stages need again
            grads = torch.autograd.grad(value, wanted, self._tensor(g), retain_graph=True, allow_unused=True)
        full = [torch.zeros_like(x) if d is None else d for x, d in zip(wanted, grads, strict=True)]
        parameters = [d.reshape(-1).to(full[0].dtype) for d in full[1:]]
        found = torch.cat(parameters) if parameters else full[0].new_zeros(0)
        return full[0].reshape(len(y), -1).cpu().numpy(), found.cpu().numpy()[None]


def leaves_of(f: Any, value: torch.Tensor) -> list[torch.Tensor]:
    """The tensors that take gradients and that f depends on: a module's parameters and what f closes over."""
    found: dict[int, torch.Tensor] = {}
    parameters = getattr(f, "parameters", None)
    if callable(parameters):
        found |= {id(p): p for p in parameters() if p.requires_grad}
    waiting, seen = [value.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            found[id(variable)] = variable
        waiting.extend(parent for parent, _ in node.next_functions)
    return list(found.values())
