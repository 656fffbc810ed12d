"""The linear recursion x_l = A_l x_{l−1} + r_l over all steps, and its adjoint: one banded system, or halving.

Steps of several trajectories stand behind each other; A is 0 in the first step of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch


class Recursion(Protocol):
    """The recursion with its matrices held."""

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        """x (line, entry) of x_l = A_l x_{l−1} + r_l."""

    def backward(self, g: torch.Tensor) -> torch.Tensor:
        """λ (line, entry) of λ_l = A_{l+1}ᵀ λ_{l+1} + g_l."""


def recursion(matrices: torch.Tensor) -> Recursion:
    """The recursion of matrices (line, entry, entry), by what is fastest where they are."""
    return Banded(matrices) if matrices.device.type == "cpu" else Halving(matrices)


class Banded:
    """By substitution in one banded triangular system, compiled: two times `entry` diagonals (BLAS, ?tbsv)."""

    def __init__(self, matrices: torch.Tensor) -> None:
        self._band, self._solve = _band(matrices.numpy())

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        """See Recursion."""
        return self._solved(r, 0)

    def backward(self, g: torch.Tensor) -> torch.Tensor:
        """See Recursion."""
        return self._solved(g, 1)

    def _solved(self, right: torch.Tensor, transposed: int) -> torch.Tensor:
        flat = right.numpy().reshape(-1)
        found = self._solve(len(self._band) - 1, self._band, flat, lower=1, trans=transposed, diag=1)
        return torch.from_numpy(found.reshape(right.shape))


def substituted(matrices: np.ndarray, r: np.ndarray) -> np.ndarray:
    """x (line, entry) of x_l = A_l x_{l−1} + r_l, for matrices (line, entry, entry) that are needed only once."""
    band, solve = _band(matrices)
    found: np.ndarray = solve(len(band) - 1, band, r.reshape(-1), lower=1, diag=1).reshape(r.shape)
    return found


def _band(matrices: np.ndarray) -> tuple[np.ndarray, Callable[..., np.ndarray]]:
    """The recursion's matrix in banded form, and the BLAS routine that solves it."""
    from scipy.linalg import blas

    lines, d, _ = matrices.shape
    # column (l, c) of the band holds, d + s − c below the diagonal, −A_{l+1}[s, c]
    band = np.zeros((lines, d, 2 * d), matrices.dtype)
    size = band.itemsize
    strides = (2 * d * d * size, size, (2 * d - 1) * size)
    np.negative(matrices[1:], out=np.ndarray((lines - 1, d, d), band.dtype, band.data, d * size, strides))
    return band.reshape(lines * d, 2 * d).T, blas.dtbsv if size == 8 else blas.stbsv


class Halving:
    """By eliminating every other step, again and again: a number of batched products that grows as log(lines)."""

    def __init__(self, matrices: torch.Tensor) -> None:
        self._matrices = matrices

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        """See Recursion."""
        return _halved(self._matrices, r[..., None])[..., 0]

    def backward(self, g: torch.Tensor) -> torch.Tensor:
        """See Recursion."""
        shifted = torch.roll(self._matrices.flip(0), 1, 0).mT  # the first is multiplied by nothing
        return _halved(shifted, g.flip(0)[..., None])[..., 0].flip(0)


def _halved(a: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
    """x (line, entry, 1) of x_l = a_l x_{l−1} + r_l, x_{−1} = 0."""
    lines = len(a)
    if lines == 1:
        return r
    even, odd = slice(0, lines - lines % 2, 2), slice(1, None, 2)
    x = torch.empty_like(r)
    x[odd] = _halved(a[odd] @ a[even], torch.baddbmm(r[odd], a[odd], r[even]))
    x[0] = r[0]
    x[2::2] = torch.baddbmm(r[2::2], a[2::2], x[1 : lines - 1 : 2])
    return x
