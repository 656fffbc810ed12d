"""A bare callable as a right-hand side of the engine: on its own kind of arrays, or torch seen from NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors.usage import UsageError
from .reading import Call

if TYPE_CHECKING:
    import torch

    from ..graph import Graph

Array = Any
Inputs = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # t (line,), row, middle -> (line, input)


class PlainRhs:
    """f on arrays of the same kind as its states; torch's graph passes through."""

    def __init__(self, call: Call, inputs: Inputs | None, shape: tuple[int, ...]) -> None:
        self._call, self._inputs, self._shape = call, inputs, shape

    def __call__(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray) -> Array:
        """f (line, *state)."""
        return self.at(_like(y, t), y, t, row, middle)

    def at(self, time: Array, y: Array, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> Array:
        """f with its own time (line,) as an array like y; inputs are looked up at t."""
        more = [_like(y, self._inputs(t, row, middle))] if self._inputs else []
        return self._call(time, y, more)

    def slope_in_time(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray) -> Array | None:
        """f_t (line, entry) over flat states, by torch; None for other arrays and where inputs move."""
        if self._inputs is not None or isinstance(y, np.ndarray):
            return None
        from ..engine.torch_derivatives import along, later

        state = y.reshape(len(y), *self._shape)
        time = later(self.moving_time(t, y), y)
        found = along(lambda: self.at(time, state, t, row, middle), [time], [time.detach() * 0 + 1])
        return found.reshape(len(y), -1)

    def moving_time(self, t: np.ndarray, y: torch.Tensor) -> torch.Tensor:
        """t (line,) as a tensor whose graph is recorded."""
        return _like(y, t).requires_grad_()


class GraphCall:
    """A graph's `rhs` as a callable on rows: f(t, y, [u,] [p]), differentiable in all of them."""

    def __init__(self, graph: Graph) -> None:
        if graph.covariates:
            raise UsageError(
                f"the graph has covariates ({', '.join(graph.covariates)}), for which a solve has no values",
                help="make them parameters",
            )
        self.graph = graph

    def __call__(self, t: Array, y: Array, *more: Array) -> Array:
        """dy/dt (row, state)."""
        u = more[0] if self.graph.inputs else None
        p = more[-1] if self.graph.parameters else None
        function = self.graph.function if isinstance(y, np.ndarray) else self.graph.torch_function
        return function("rhs")(t.reshape(-1), y, u, None, p)


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
        """Lines in the shape and precision of f's states, whether y is flat or not."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(y)).to(self._like).reshape(len(y), *self._like.shape[1:])

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
        """f_y (line, entry, entry) over flat states."""
        from ..engine.torch_derivatives import state_jacobian

        return state_jacobian(lambda state: self._rhs(t, state, row, middle), self._tensor(y)).cpu().numpy()

    def slope_in_time(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray | None:
        """f_t (line, entry) over flat states; None where inputs move in a way that is not known."""
        found = self._rhs.slope_in_time(t, self._tensor(y), row, middle)
        return None if found is None else found.detach().cpu().numpy()

    def second_products(
        self,
        t: np.ndarray,
        y: np.ndarray,
        row: np.ndarray,
        middle: np.ndarray,
        w: np.ndarray,
        tau: np.ndarray,
        g: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradients of gᵀ(f_y w + τ f_t) by y (line, entry), and by the leaves summed over all lines."""
        from ..engine.torch_derivatives import second_products

        state = self._tensor(y).requires_grad_()
        time = self._rhs.moving_time(t, state)
        by_y, *by_leaves = second_products(
            lambda: self._rhs.at(time, state, t, row, middle),
            [state, time],
            [self._tensor(w), _like(state, tau)],
            self._tensor(g),
            [state, *self.leaves],
        )
        return by_y.reshape(len(y), -1).cpu().numpy(), _flat(by_leaves, by_y).cpu().numpy()[None]

    def second_jacobians(
        self,
        t: np.ndarray,
        y: np.ndarray,
        row: np.ndarray,
        middle: np.ndarray,
        w: np.ndarray,
        tau: np.ndarray,
        parameters: bool = False,
    ) -> tuple[np.ndarray, None]:
        """The derivative of f_y w + τ f_t by y (line, entry, entry); not by the leaves, which lines share."""
        assert not parameters, "leaves are shared by all lines: take the adjoint"
        units = np.eye(y.shape[1], dtype=y.dtype)
        rows = [self.second_products(t, y, row, middle, w, tau, np.tile(unit, (len(y), 1)))[0] for unit in units]
        return np.stack(rows, axis=1), None

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, entry), and gᵀf_p summed over all lines (1, parameter)."""
        return self.valued_pullback(t, y, row, middle, g)[1:]

    def valued_pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """f (line, entry) with `pullback`, of one evaluation."""
        import torch

        state, value = self._graph(t, y, row, middle)
        wanted = [state, *self.leaves]
        grads: Sequence[torch.Tensor | None] = [None] * len(wanted)
        if value.requires_grad:
            # what f holds may hang on a graph of its own, which later stages need again
            grads = torch.autograd.grad(value, wanted, self._tensor(g), retain_graph=True, allow_unused=True)
        full = [torch.zeros_like(x) if d is None else d for x, d in zip(wanted, grads, strict=True)]
        by_y, f = (x.detach().reshape(len(y), -1).cpu().numpy() for x in (full[0], value))
        return f, by_y, _flat(full[1:], full[0]).cpu().numpy()[None]


def _flat(parts: Sequence[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    """Gradients of all leaves as one vector."""
    import torch

    return torch.cat([part.reshape(-1).to(like.dtype) for part in parts]) if parts else like.new_zeros(0)


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
