"""Dense networks with tanh, their parameters one flat vector: a layer's weights (out, in) by rows, then its biases.

That is the order of `torch.nn.Sequential.parameters()`. torch and JAX are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from .contender import Ready


def layers(p: np.ndarray, sizes: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of every layer, views of p where it is an array."""
    found, at = [], 0
    for n_in, n_out in pairwise(sizes):
        found.append((p[at : at + n_in * n_out].reshape(n_out, n_in), p[at + n_in * n_out : at + (n_in + 1) * n_out]))
        at += (n_in + 1) * n_out
    return found


def evaluate(p: np.ndarray, sizes: tuple[int, ...], y: np.ndarray) -> np.ndarray:
    """The network at y (rows, in)."""
    *hidden, (weight, bias) = layers(p, sizes)
    for w, b in hidden:
        y = np.tanh(y @ w.T + b)
    return y @ weight.T + bias


def taught(sizes: tuple[int, ...], y: np.ndarray, slopes: np.ndarray, seed: int) -> np.ndarray:
    """A network half trained at no cost: random hidden layers, the last one by ridge regression on slopes at y."""
    rng = np.random.default_rng(seed)
    parts, z = [], y
    for n_in, n_out in pairwise(sizes[:-1]):
        w, b = rng.standard_normal((n_out, n_in)) / np.sqrt(n_in), rng.standard_normal(n_out)
        parts += [w.ravel(), b]
        z = np.tanh(z @ w.T + b)
    z = np.column_stack([z, np.ones(len(z))])
    last = np.linalg.solve(z.T @ z + 1e-3 * len(z) * np.eye(z.shape[1]) / z.shape[1], z.T @ slopes)
    return np.concatenate([*parts, last[:-1].T.ravel(), last[-1]])


def torch_module(sizes: tuple[int, ...], precision: str) -> Any:
    """forward(t, y) of the network on y."""
    import torch

    class Dense(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            stack: list[torch.nn.Module] = []
            for n_in, n_out in pairwise(sizes):
                stack += [torch.nn.Linear(n_in, n_out), torch.nn.Tanh()]
            self.net = torch.nn.Sequential(*stack[:-1]).to(getattr(torch, precision))

        def forward(self, t: Any, y: Any) -> Any:
            return self.net(y)

    return Dense()


def load_torch(module: Any, p: np.ndarray) -> None:
    """Set a module's parameters, and forget its gradients."""
    import torch

    with torch.no_grad():
        like = next(module.parameters())
        torch.nn.utils.vector_to_parameters(torch.as_tensor(p, dtype=like.dtype), module.parameters())
    module.zero_grad()


def torch_gradient(module: Any) -> np.ndarray:
    """The gradients of a module's parameters, flat."""
    return np.concatenate([parameter.grad.ravel().numpy() for parameter in module.parameters()]).astype(float)


def in_torch(
    sizes: tuple[int, ...],
    precision: str,
    problem: tuple[np.ndarray, np.ndarray, np.ndarray],
    solve: Callable[[Any, Any, Any], Any],
) -> Ready:
    """The mean squared error of `solve(module, y0, ts)` against ys, for problem = (y0, ts, ys), and its gradient."""
    import torch

    dtype = getattr(torch, precision)
    module = torch_module(sizes, precision)
    y0, ts, ys = (torch.as_tensor(each, dtype=dtype) for each in problem)

    def run(module: Any) -> Any:
        loss = torch.mean((solve(module, y0, ts) - ys) ** 2)
        loss.backward()
        return loss

    def load(p: np.ndarray) -> Any:
        load_torch(module, p)
        return module

    return Ready(load, run, lambda loss: (float(loss), torch_gradient(module)))


def jax_network(layers: Any, y: Any) -> Any:
    """The network at y (in,) or (rows, in), for JAX."""
    import jax.numpy as jnp

    *hidden, (weight, bias) = layers
    for w, b in hidden:
        y = jnp.tanh(y @ w.T + b)
    return y @ weight.T + bias
