"""A network's layers on NumPy, all lines at once: forward, and back from cotangents of the outputs.

The reference that other printers are held to. A tangent network carries beside each value h its derivative ḣ along a
direction: h' = φ(a) and ḣ' = φ'(a) ȧ with a = W h + b and ȧ = W ḣ; going back needs φ'' there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .network import NONE, Layer, Network
from .numpy_functions import sigmoid, softplus, step

Function = Callable[[np.ndarray], Any]


def _silu_slope(a: np.ndarray) -> np.ndarray:
    return sigmoid(a) * (1 + a * sigmoid(-a))


def _silu_curvature(a: np.ndarray) -> np.ndarray:
    return sigmoid(a) * sigmoid(-a) * (2 + a * (sigmoid(-a) - sigmoid(a)))


FUNCTIONS: dict[str, tuple[Function, Function, Function]] = {
    "tanh": (np.tanh, lambda a: (1 - np.tanh(a)) * (1 + np.tanh(a)), lambda a: -2 * np.tanh(a) * (1 - np.tanh(a) ** 2)),
    "softplus": (softplus, sigmoid, lambda a: sigmoid(a) * sigmoid(-a)),
    "silu": (lambda a: a * sigmoid(a), _silu_slope, _silu_curvature),
    "relu": (lambda a: np.where(a.real > 0, a, 0.0), step, np.zeros_like),
    "sin": (np.sin, np.cos, lambda a: -np.sin(a)),
}
"""Activation → its value, slope and curvature; the slope of relu at 0 is 0."""


@dataclass(frozen=True)
class Pass:
    """What one way forward leaves behind, each (1 or 2, line, unit): the values, in a tangent network then their ḣ."""

    network: Network
    matrices: list[np.ndarray]  # (output, input), or (line, output, input) where each line has its own
    entering: list[np.ndarray]  # h before each layer
    sums: list[np.ndarray]  # a after each layer

    @property
    def outputs(self) -> np.ndarray:
        """(line, output)."""
        return _side_by_side(self.sums[-1])


def forward(network: Network, p: np.ndarray, x: np.ndarray) -> Pass:
    """The layers over x (line, input), with p (parameter,) or (line, parameter)."""
    value, slope, _ = FUNCTIONS[network.activation]
    found = Pass(network, [_matrix(layer, p) for layer in network.layers], [], [])
    h = _stacked(network, x)
    for layer, matrix in zip(network.layers, found.matrices, strict=True):
        if found.sums:
            a = found.sums[-1]
            h = np.stack([value(a[0]), *(slope(a[0]) * each for each in a[1:])])
        found.entering.append(h)
        a = _times(h, matrix.swapaxes(-1, -2))
        if layer.biases != NONE:
            a = np.stack([a[0] + p[..., layer.biases : layer.biases + layer.n_outputs], *a[1:]])
        found.sums.append(a)
    return found


def back(found: Pass, seeds: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """seedsᵀ, for seeds (line, seed, output), times the derivatives of the outputs.

    By the inputs (line, seed, input), and for each layer by a (1 or 2, line, seed, unit).
    """
    _, slope, curvature = FUNCTIONS[found.network.activation]
    bar = _stacked(found.network, seeds)
    by_sums: list[np.ndarray] = []
    for k in reversed(range(len(found.sums))):
        if by_sums:
            a = found.sums[k][:, :, None]
            bend = [curvature(a[0]) * moved * after for moved, after in zip(a[1:], bar[1:], strict=True)]
            bar = slope(a[0]) * bar
            bar[0] += sum(bend)
        by_sums.append(bar)
        bar = _times(bar, found.matrices[k])
    return _side_by_side(bar), by_sums[::-1]


def add_by_weights(found: Pass, by_sums: list[np.ndarray], total: np.ndarray) -> None:
    """Add the derivative by p, line by line, to `total` (line, seed, parameter)."""
    for layer, before, after in zip(found.network.layers, found.entering, by_sums, strict=True):
        end = layer.matrix + layer.n_outputs * layer.n_inputs
        total[..., layer.matrix : end] += np.einsum("klso,kli->lsoi", after, before).reshape(*total.shape[:2], -1)
        if layer.biases != NONE:
            total[..., layer.biases : layer.biases + layer.n_outputs] += after[0]


def add_sums_by_weights(found: Pass, by_sums: list[np.ndarray], row: np.ndarray, total: np.ndarray) -> None:
    """Add the derivative by p of one seed, summed over each trajectory's lines, to `total` (trajectory, parameter).

    No array has lines and weights as its axes.
    """
    members = [np.flatnonzero(row == i) for i in range(len(total))] if len(total) > 1 else [slice(None)]
    for layer, before, after in zip(found.network.layers, found.entering, by_sums, strict=True):
        end = layer.matrix + layer.n_outputs * layer.n_inputs
        for i, lines in enumerate(members):
            pairs = zip(after, before, strict=True)
            total[i, layer.matrix : end] += sum((a[lines, 0].T @ h[lines]).ravel() for a, h in pairs)
            if layer.biases != NONE:
                total[i, layer.biases : layer.biases + layer.n_outputs] += after[0][lines, 0].sum(axis=0)


def _matrix(layer: Layer, p: np.ndarray) -> np.ndarray:
    flat = p[..., layer.matrix : layer.matrix + layer.n_outputs * layer.n_inputs]
    return flat.reshape(*p.shape[:-1], layer.n_outputs, layer.n_inputs)


def _times(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """x (…, line, m) or (…, line, seed, m) times (m, n), or times each line's own (line, m, n)."""
    if matrix.ndim == 2:
        return (x.reshape(-1, x.shape[-1]) @ matrix).reshape(*x.shape[:-1], matrix.shape[1])
    return x @ matrix if x.ndim == 4 else (x[:, :, None] @ matrix)[:, :, 0]


def _stacked(network: Network, x: np.ndarray) -> np.ndarray:
    """(…, 2 n) → (2, …, n) in a tangent network, else (1, …, n)."""
    return np.stack(np.split(x, 1 + network.tangent, axis=-1))


def _side_by_side(x: np.ndarray) -> np.ndarray:
    return np.concatenate(list(x), axis=-1)
