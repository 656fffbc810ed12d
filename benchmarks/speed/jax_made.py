"""JAX set up for one precision, and functions compiled ahead of their first call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .contender import Ready
from .network import layers


def jax_in(precision: str) -> Any:
    """The module jax, set to that precision for this process."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", precision == "float64")
    return jax


def differentiated(loss: Callable[[Any], Any], start: np.ndarray, sizes: tuple[int, ...], precision: str) -> Ready:
    """Loss and gradient of a network's parameters, compiled here."""
    jax = jax_in(precision)

    def load(p: np.ndarray) -> Any:
        return jax.block_until_ready([tuple(map(jax.numpy.asarray, pair)) for pair in layers(p, sizes)])

    compiled = jax.jit(jax.value_and_grad(loss)).lower(load(start)).compile()

    def read(result: Any) -> tuple[float, np.ndarray]:
        value, gradient = result
        return float(value), np.concatenate([np.asarray(part, float).ravel() for pair in gradient for part in pair])

    return Ready(load, lambda p: jax.block_until_ready(compiled(p)), read)


def rk4_38() -> Any:
    """Kutta's 3/8 rule for diffrax, which has no fixed-step method of order 4: what torchdiffeq calls rk4."""
    import diffrax

    class ThreeEighths(diffrax.AbstractERK):
        tableau = diffrax.ButcherTableau(
            c=np.array([1 / 3, 2 / 3, 1.0]),
            b_sol=np.array([1 / 8, 3 / 8, 3 / 8, 1 / 8]),
            b_error=np.zeros(4),
            a_lower=(np.array([1 / 3]), np.array([-1 / 3, 1.0]), np.array([1.0, -1.0, 1.0])),
        )
        interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms: Any) -> int:
            return 4

    return ThreeEighths()
