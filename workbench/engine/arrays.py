"""What the loop does to states, once for NumPy arrays and once for torch tensors; times and counts are always NumPy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

Array = Any  # np.ndarray or torch.Tensor


def library(y: Array, rows: int = 1, graph: bool = False) -> NumpyArrays | TorchArrays:
    """The operations for states like y; `graph` keeps torch's graph, for backpropagation through the steps."""
    torch = sys.modules.get("torch")  # a tensor can only come from a torch that is already there
    if torch is not None and isinstance(y, torch.Tensor):
        return TorchArrays(y, graph)
    return NumpyArrays(y, rows)


class NumpyArrays:
    """States are np.ndarray (rows, entry).

    `combine` makes the weighted sums of a solve's stages. They have the same bits for a row whatever the other rows
    are: stages are added one by one; only a solve of one row uses BLAS, whose order of summation depends on the shape.
    """

    graph = False

    def __init__(self, y: np.ndarray, rows: int) -> None:
        self.dtype = y.dtype
        self.real = y.real.dtype
        self.epsilon = float(np.finfo(self.real).eps)
        self.combine = self._of_one_row if rows == 1 else self.weighted_sum

    def quietly(self) -> AbstractContextManager[None]:
        """A context in which no graph is recorded."""
        return nullcontext()

    def weights(self, w: np.ndarray) -> np.ndarray:
        """Coefficients in the states' precision."""
        return w.astype(self.real)

    def column(self, h: np.ndarray) -> np.ndarray:
        """h (rows,) as (rows, 1)."""
        return h.astype(self.real, copy=False)[:, None]

    def stack(self, stages: int, rows: int, entries: int) -> np.ndarray:
        """Room for the slopes of a step (stage, rows, entry)."""
        return np.zeros((stages, rows, entries), self.dtype)

    @staticmethod
    def _of_one_row(w: np.ndarray, k: np.ndarray) -> np.ndarray:
        return w.dot(k[:, 0])  # (entry,), which broadcasts like the one row it is

    @staticmethod
    def weighted_sum(w: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Σ w_i k_i over stages, added stage by stage (line, entry)."""
        product = w[:, None, None] * k
        if product[0].size == 1:  # NumPy would add a single column pairwise, unlike several
            return np.add.accumulate(product)[-1]
        return np.add.reduce(product)

    def where(self, mask: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Rows of a where mask (rows,), else rows of b."""
        return np.where(mask[:, None], a, b)

    def finite(self, y: np.ndarray) -> np.ndarray:
        """Which rows are finite in every entry (rows,)."""
        return np.logical_and.reduce(np.isfinite(y), axis=1)

    def magnitude(self, y: np.ndarray) -> np.ndarray:
        """|y|, real."""
        return np.abs(y)

    def scaled_norms(
        self, errors: Sequence[np.ndarray], size: np.ndarray, size1: np.ndarray, rtol: float, atol: np.ndarray
    ) -> list[np.ndarray]:
        """Root mean square over entries of error / (atol + rtol max(size, size1)), per row, for each error."""
        scale = np.maximum(size, size1)
        scale *= rtol
        scale += atol
        norms = []
        for error in errors:
            ratio = (error if error.dtype == self.real else np.abs(error)) / scale
            ratio *= ratio
            norms.append(np.sqrt(np.add.reduce(ratio, axis=1, dtype=float) / ratio.shape[1]))
        return norms

    def numpy(self, y: np.ndarray) -> np.ndarray:
        """y as a NumPy array."""
        return y

    def like(self, values: np.ndarray) -> np.ndarray:
        """Real values (rows, entry) as states."""
        return values.astype(self.dtype)

    def copy(self, y: np.ndarray) -> np.ndarray:
        """y, safe from later changes."""
        return y.copy()

    def put(self, y: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A copy of y with some of its rows replaced."""
        out = y.copy()
        out[rows] = values
        return out

    def concatenate(self, parts: Sequence[np.ndarray], axis: int = 0) -> np.ndarray:
        """Parts joined along an axis."""
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)

    def scatter(self, shape: tuple[int, ...], index: tuple[np.ndarray, ...], values: np.ndarray) -> np.ndarray:
        """NaN of this shape, with values at index."""
        out = np.full(shape, np.nan, self.dtype)
        out[index] = values
        return out

    def pencil(self, shift: float, h: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
        """shift·I − h J (rows, entry, entry), for h a column (rows, 1)."""
        matrix = -h[:, :, None] * jacobian
        diagonal = np.arange(matrix.shape[1])
        matrix[:, diagonal, diagonal] += shift
        return matrix

    def solve(self, matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
        """x (rows, entry) of matrix x = right, row by row; NaN where a matrix is singular."""
        try:
            return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            if len(matrix) == 1:
                return np.full_like(right, np.nan)
            each = [self.solve(matrix[i : i + 1], right[i : i + 1]) for i in range(len(matrix))]
            return np.concatenate(each)

    def inverse(self, matrix: np.ndarray) -> np.ndarray:
        """The inverse of each row's matrix; NaN where it is singular."""
        try:
            return np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            if len(matrix) == 1:
                return np.full_like(matrix, np.nan)
            return np.concatenate([self.inverse(matrix[i : i + 1]) for i in range(len(matrix))])

    @staticmethod
    def product(matrix: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Each row's matrix times its state (rows, entry)."""
        return np.matmul(matrix, y[:, :, None])[:, :, 0]

    @staticmethod
    def transposed(matrix: np.ndarray) -> np.ndarray:
        """Each row's matrix transposed (rows, entry, entry)."""
        return matrix.swapaxes(1, 2)


class TorchArrays:
    """States are torch.Tensor (rows, entry), on any device; with `graph` nothing is written in place."""

    def __init__(self, y: Any, graph: bool) -> None:
        import torch

        self.torch, self._like, self.graph = torch, y, graph
        self.real = y.real.dtype if y.is_complex() else y.dtype
        self.epsilon = float(torch.finfo(self.real).eps)

    def quietly(self) -> Any:
        """A context in which no graph is recorded."""
        return self.torch.no_grad()

    def weights(self, w: np.ndarray) -> Any:
        """Coefficients in the states' precision, on their device."""
        return self.torch.as_tensor(w, dtype=self.real, device=self._like.device)

    def column(self, h: np.ndarray) -> Any:
        """h (rows,) as (rows, 1)."""
        return self.torch.as_tensor(h, dtype=self.real, device=self._like.device)[:, None]

    def stack(self, stages: int, rows: int, entries: int) -> Any:
        """Room for the slopes of a step (stage, rows, entry); a list while a graph is kept."""
        return [None] * stages if self.graph else self._like.new_zeros((stages, rows, entries))

    def combine(self, w: Any, k: Any) -> Any:
        """Σ w_i k_i over stages (rows, entry)."""
        if self.graph:
            terms = [float(x) * slope for x, slope in zip(w, k, strict=True) if x != 0]
            return sum(terms[1:], terms[0])
        return (w[:, None, None] * k).sum(0)

    weighted_sum = combine

    def where(self, mask: np.ndarray, a: Any, b: Any) -> Any:
        """Rows of a where mask (rows,), else rows of b."""
        return self.torch.where(self.torch.as_tensor(mask, device=self._like.device)[:, None], a, b)

    def finite(self, y: Any) -> np.ndarray:
        """Which rows are finite in every entry (rows,)."""
        return self.numpy(self.torch.isfinite(y.detach()).all(dim=1))

    def magnitude(self, y: Any) -> Any:
        """|y|, real."""
        return y.detach().abs()

    def scaled_norms(
        self, errors: Sequence[Any], size: Any, size1: Any, rtol: float, atol: np.ndarray
    ) -> list[np.ndarray]:
        """Root mean square over entries of error / (atol + rtol max(size, size1)), per row, for each error."""
        scale = self.weights(atol) + rtol * self.torch.maximum(size, size1)
        return [self.numpy((error.abs() / scale).square().mean(dim=1).sqrt().double()) for error in errors]

    def numpy(self, y: Any) -> np.ndarray:
        """y as a NumPy array."""
        return y.detach().cpu().numpy()

    def like(self, values: np.ndarray) -> Any:
        """Real values (rows, entry) as states."""
        return self.torch.as_tensor(values, dtype=self._like.dtype, device=self._like.device)

    def copy(self, y: Any) -> Any:
        """y, safe from later changes."""
        if isinstance(y, list):
            return self.torch.stack(y)
        return y if self.graph else y.clone()

    def put(self, y: Any, rows: np.ndarray, values: Any) -> Any:
        """A copy of y with some of its rows replaced."""
        return y.index_put((self.torch.as_tensor(rows, device=self._like.device),), values)

    def concatenate(self, parts: Sequence[Any], axis: int = 0) -> Any:
        """Parts joined along an axis."""
        return parts[0] if len(parts) == 1 else self.torch.cat(list(parts), dim=axis)

    def scatter(self, shape: tuple[int, ...], index: tuple[np.ndarray, ...], values: Any) -> Any:
        """NaN of this shape, with values at index."""
        places = tuple(self.torch.as_tensor(i, device=self._like.device) for i in index)
        return self._like.new_full(shape, float("nan")).index_put(places, values)

    def pencil(self, shift: float, h: Any, jacobian: Any) -> Any:
        """shift·I − h J (rows, entry, entry), for h a column (rows, 1)."""
        identity = self.torch.eye(jacobian.shape[1], dtype=jacobian.dtype, device=jacobian.device)
        return shift * identity - h[:, :, None] * jacobian

    def solve(self, matrix: Any, right: Any) -> Any:
        """x (rows, entry) of matrix x = right, row by row; not finite where a matrix is singular."""
        return self.torch.linalg.solve_ex(matrix, right[:, :, None])[0][:, :, 0]

    def inverse(self, matrix: Any) -> Any:
        """The inverse of each row's matrix; not finite where it is singular."""
        return self.torch.linalg.inv_ex(matrix)[0]

    @staticmethod
    def product(matrix: Any, y: Any) -> Any:
        """Each row's matrix times its state (rows, entry)."""
        return (matrix @ y[:, :, None])[:, :, 0]

    def jacobian(self, function: Callable[[Any], Any], y: Any) -> Any:
        """∂function/∂y (rows, entry, entry) of a function that acts on rows (rows, entry): one product an entry.

        In torch's graph where one is kept. torch's products hold the conjugate of a complex derivative.
        """
        torch, keep = self.torch, self.graph and self.torch.is_grad_enabled()
        with torch.enable_grad():
            state = y if keep and y.requires_grad else y.detach().requires_grad_()
            value = function(state)
            rows = []
            for i in range(y.shape[1]):
                unit = torch.zeros_like(value)
                unit[:, i] = 1.0
                found = None
                if value.requires_grad:
                    (found,) = torch.autograd.grad(
                        value, state, unit, retain_graph=True, create_graph=keep, allow_unused=True
                    )
                rows.append(torch.zeros_like(y) if found is None else found.conj())
        matrix = torch.stack(rows, dim=1)
        return matrix if keep else matrix.detach()
