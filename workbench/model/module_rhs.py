"""A torch module as a right-hand side of the engine: NumPy in and NumPy out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .inputs import Lookup

if TYPE_CHECKING:
    import torch


class ModuleRhs:
    """A torch module forward(t, y, u, c) with its weights set to p (parameter,), NumPy in and NumPy out.

    The module is called on the device that it lies on. Several of these may share one module: each writes its weights
    into it when it is called and another was before.
    """

    pooled = True  # weights are shared: their gradient is summed over all lines

    CHUNK = 2**22  # entries of f_p made at once, so that memory stays near 32 MB

    def __init__(
        self,
        module: torch.nn.Module,
        p: np.ndarray,
        c: np.ndarray | None = None,
        inputs: Lookup | None = None,
        inputs_slope: Lookup | None = None,
    ) -> None:
        import torch

        self._torch = torch
        self.module, self.c, self.inputs = module.requires_grad_(False), c, inputs
        self.inputs_slope = inputs_slope
        self.n_parameters = len(p)
        self.weights: dict[str, torch.Tensor] = {}
        self.device = torch.device("cpu")
        at = 0
        for name, weight in module.named_parameters():
            self.device = weight.device
            piece = torch.tensor(p[at : at + weight.numel()], dtype=weight.dtype, device=self.device)
            piece = piece.reshape(weight.shape)
            self.weights[name] = piece
            at += weight.numel()

    def tensor(self, x: np.ndarray) -> torch.Tensor:
        """x on the module's device."""
        return self._torch.from_numpy(np.ascontiguousarray(x)).to(self.device)

    def _tensors(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        u = self.tensor(self.inputs(t, row, middle)) if self.inputs else None
        c = self.tensor(self.c[row]) if self.c is not None else None
        t = np.asarray(t, dtype=y.dtype).reshape((-1,) + (1,) * (y.ndim - 1))
        return self.tensor(t), self.tensor(y), u, c

    def _call(self, weights: dict[str, torch.Tensor], *arguments: Any) -> torch.Tensor:
        return self._torch.func.functional_call(self.module, weights, arguments)

    def _load(self) -> None:
        """Write the weights into the module, unless they are there: a call takes 24 µs, by functional_call 72."""
        if self.module.__dict__.get("_weights_of") is not self:
            with self._torch.no_grad():
                for name, weight in self.module.named_parameters():
                    weight.copy_(self.weights[name])
            self.module.__dict__["_weights_of"] = self

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """f (line, *state)."""
        self._load()
        with self._torch.no_grad():
            return self.module(*self._tensors(t, y, row, middle)).numpy(force=True)

    def jacobians(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """f_y (line, state, state) and f_p (line, state, parameter), by reverse mode over chunks of lines."""
        lines = max(1, self.CHUNK // max(1, y.shape[1] * self.n_parameters))
        parts = [slice(i, i + lines) for i in range(0, len(y), lines)]
        f_y, f_p = np.empty((len(y), y.shape[1], y.shape[1])), np.empty((len(y), y.shape[1], self.n_parameters))
        for part in parts:
            f_y[part], f_p[part] = self._chunk(t[part], y[part], row[part], middle[part])
        return f_y, f_p

    def _chunk(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        func = self._torch.func
        arguments = self._tensors(t, y, row, middle)
        given = [i for i, argument in enumerate(arguments) if argument is not None]

        def one(weights: dict[str, torch.Tensor], *line: torch.Tensor) -> torch.Tensor:
            full: list[Any] = [None] * 4
            for i, value in zip(given, line, strict=True):
                full[i] = value[None]
            return self._call(weights, *full)[0]

        derivative: Callable[..., Any] = func.vmap(
            func.jacrev(one, argnums=(0, 2)), in_dims=(None,) + (0,) * len(given)
        )
        by_weights, by_y = derivative(self.weights, *[arguments[i] for i in given])
        n, d = y.shape
        flat = [by_weights[name].reshape(n, d, -1) for name in self.weights]
        return by_y.numpy(force=True), self._torch.cat(flat, dim=2).numpy(force=True)

    def pullback(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """gᵀf_y (line, state), and gᵀf_p summed over all lines (1, parameter): weights are shared."""
        torch = self._torch
        t_, y_, u, c = self._tensors(t, y, row, middle)
        y_ = y_.detach().requires_grad_()
        weights = {name: weight.detach().requires_grad_() for name, weight in self.weights.items()}
        with torch.enable_grad():
            f = self._call(weights, t_, y_, u, c)
            grads = torch.autograd.grad(f, [y_, *weights.values()], self.tensor(g))
        by_p = torch.cat([grad.reshape(-1) for grad in grads[1:]])
        return grads[0].numpy(force=True), by_p.numpy(force=True)[None]

    def state_jacobian(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """f_y (line, entry, entry)."""
        from ..engine.torch_derivatives import state_jacobian

        self._load()
        t_, y_, u, c = self._tensors(t, y, row, middle)
        return state_jacobian(lambda state: self.module(t_, state, u, c), y_).numpy(force=True)

    def slope_in_time(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray | None:
        """f_t with inputs moving (line, state); None where their slope is not known."""
        if self.inputs is not None and self.inputs_slope is None:
            return None
        from ..engine.torch_derivatives import along

        self._load()
        t_, y_, u, c = self._tensors(t, y, row, middle)
        moving, directions = self._in_time(t_, u, np.ones(len(t)), t, row, middle)
        return along(lambda: self.module(t_, y_, u, c), moving, directions).numpy(force=True)

    def _in_time(
        self,
        t_: torch.Tensor,
        u: torch.Tensor | None,
        tau: np.ndarray,
        t: np.ndarray,
        row: np.ndarray,
        middle: np.ndarray,
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """What moves with time, told to record its graph, and how far it moves in times tau (line,)."""
        far = self.tensor(np.asarray(tau, dtype=float))
        moving, directions = [t_.requires_grad_()], [far.reshape(t_.shape).to(t_.dtype)]
        if u is not None and self.inputs_slope is not None:
            moving.append(u.requires_grad_())
            directions.append(far[:, None] * self.tensor(self.inputs_slope(t, row, middle)))
        return moving, directions

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
        """The gradients of gᵀ(f_y w + τ f_t) by y (line, state), and by p summed over all lines (1, parameter)."""
        from ..engine.torch_derivatives import second_products

        t_, y_, u, c = self._tensors(t, y, row, middle)
        y_ = y_.detach().requires_grad_()
        weights = {name: weight.detach().requires_grad_() for name, weight in self.weights.items()}
        moving, directions = self._in_time(t_, u, tau, t, row, middle)
        by_y, *by_weights = second_products(
            lambda: self._call(weights, t_, y_, u, c),
            [y_, *moving],
            [self.tensor(w).reshape(y_.shape), *directions],
            self.tensor(g).reshape(y_.shape),
            [y_, *weights.values()],
        )
        by_p = self._torch.cat([grad.reshape(-1) for grad in by_weights])
        return by_y.reshape(len(y), -1).numpy(force=True), by_p.numpy(force=True)[None]

    def second_jacobians(
        self,
        t: np.ndarray,
        y: np.ndarray,
        row: np.ndarray,
        middle: np.ndarray,
        w: np.ndarray,
        tau: np.ndarray,
        parameters: bool = True,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The derivatives of f_y w + τ f_t by y (line, state, state) and, if wanted, by p (line, state, parameter)."""
        if not parameters:
            units = [np.tile(unit, (len(y), 1)) for unit in np.eye(y.shape[1])]
            return np.stack([self.second_products(t, y, row, middle, w, tau, unit)[0] for unit in units], axis=1), None
        lines = max(1, self.CHUNK // max(1, y.shape[1] * self.n_parameters))
        parts = [slice(i, i + lines) for i in range(0, len(y), lines)]
        found = [self._second_chunk(t[part], y[part], row[part], middle[part], w[part], tau[part]) for part in parts]
        return np.concatenate([by_y for by_y, _ in found]), np.concatenate([by_p for _, by_p in found])

    def _second_chunk(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, w: np.ndarray, tau: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """`second_jacobians` of some lines: reverse mode over directional products, which are reverse mode twice."""
        func = self._torch.func
        t_, y_, u, c = self._tensors(t, y, row, middle)
        far = self.tensor(tau)
        steps = [self.tensor(w), far[:, None]]
        if u is not None and self.inputs_slope is not None:
            steps.append(far[:, None] * self.tensor(self.inputs_slope(t, row, middle)))

        def product(
            weights: dict[str, torch.Tensor],
            state: torch.Tensor,
            time: torch.Tensor,
            inputs: torch.Tensor | None,
            constants: torch.Tensor | None,
            directions: list[torch.Tensor],
        ) -> torch.Tensor:
            def value(state: torch.Tensor, time: torch.Tensor, inputs: torch.Tensor | None = inputs) -> torch.Tensor:
                held = [None if x is None else x[None] for x in (inputs, constants)]
                return self._call(weights, time[None], state[None], *held)[0]

            moving = [state, time] if len(directions) == 2 else [state, time, inputs]
            found, pull = func.vjp(value, *moving)
            zero = self._torch.zeros_like(found)
            return func.grad(lambda g: sum((p * d).sum() for p, d in zip(pull(g), directions, strict=True)))(zero)

        dims = (None, 0, 0, None if u is None else 0, None if c is None else 0, 0)
        derivative: Callable[..., Any] = func.vmap(func.jacrev(product, argnums=(0, 1)), in_dims=dims)
        by_weights, by_y = derivative(self.weights, y_, t_, u, c, steps)
        flat = [by_weights[name].reshape(*y.shape, -1) for name in self.weights]
        return by_y.numpy(force=True), self._torch.cat(flat, dim=2).numpy(force=True)
