"""The augmented system of the continuous adjoint: the state, its adjoint and the gradient of the parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

FEW = 64  # up to this many parameters f_p is formed, so that trajectories with shared parameters keep their own steps


class AdjointSystem(ABC):
    """d(y, a, q)/dt = (f, −aᵀf_y, −aᵀf_p), of which a line holds `members` trajectories (Chen et al. 2018, Alg. 1).

    Lines are flat, (y, a, q): the members' states, then their adjoints, then q. `members` (line, member) are
    their rows in f.
    """

    def __init__(self, f: Any, members: np.ndarray, entries: int) -> None:
        self.f, self.members, self.d = f, members, entries
        self.n = members.shape[1] * entries  # of y, and of a
        self.n_parameters = 0

    @abstractmethod
    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """(line, 2 n + parameter)"""

    def state_jacobian(self, t: np.ndarray, z: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """∂/∂z (line, entry, entry): by central differences in y, exactly in a, in which the adjoints are linear."""
        lines, entries = z.shape
        n = self.n
        h = np.cbrt(np.finfo(z.dtype).eps) * np.maximum(np.abs(z[:, :n]), 1e-3)
        points = np.repeat(z[None], 3 * n, axis=0)  # y moved up, y moved down, and for a each of its unit vectors
        each = np.arange(n)
        points[each, :, each] += h.T
        points[n + each, :, each] -= h.T
        points[2 * n :, :, n:] = 0.0
        points[2 * n + each, :, n + each] = 1.0
        copies = [np.tile(x, 3 * n) for x in (t, row, middle)]
        found = self(copies[0], points.reshape(-1, entries), copies[1], copies[2]).reshape(3, n, lines, entries)
        full = np.zeros((lines, entries, entries), z.dtype)
        full[:, :, :n] = np.moveaxis((found[0] - found[1]) / (2.0 * h.T[:, :, None]), 0, 2)
        full[:, n:, n : 2 * n] = np.moveaxis(found[2], 0, 2)[:, n:]
        return full


class Apart(AdjointSystem):
    """One trajectory a line, each with its own gradient of the parameters."""

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """(line, 2 state + parameter)"""
        d, rows = self.d, self.members[row, 0]
        state, a = y[:, :d], y[:, d : 2 * d]
        by_y, by_p = self._products(t, state, rows, middle, a)
        return np.concatenate([self.f(t, state, rows, middle), -by_y, -by_p], axis=1)

    def _products(
        self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray, a: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """aᵀf_y (line, state) and aᵀf_p (line, parameter)."""
        f = self.f
        if _forms_jacobians(f):
            f_y, f_p = f.jacobians(t, y, row, middle)
            return np.einsum("ls,lsj->lj", a, f_y), np.einsum("ls,lsp->lp", a, f_p)
        by_y, by_p = np.empty_like(y), np.empty((len(y), f.n_parameters), y.dtype)
        for some in _with_distinct_rows(row):
            by_y[some], found = f.pullback(t[some], y[some], row[some], middle[some], a[some])
            by_p[some] = found[row[some]]
        return by_y, by_p


class Together(AdjointSystem):
    """Trajectories with shared parameters as one system with shared steps, and one gradient of the parameters."""

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """(line, 2 members state + parameter)"""
        out = np.empty_like(y)
        valued = getattr(self.f, "valued_pullback", self._one_by_one)
        for i, line in enumerate(y):
            members, n = self.members[row[i]], self.n
            states, a = line[:n].reshape(-1, self.d), line[n : 2 * n].reshape(-1, self.d)
            at = (np.full(len(members), t[i]), states, members, np.full(len(members), middle[i]))
            value, by_y, by_p = valued(*at, a)
            out[i, :n], out[i, n : 2 * n] = value.reshape(-1), -by_y.reshape(-1)
            out[i, 2 * n :] = -by_p[0]
        return out

    def _one_by_one(self, *at_and_a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What `valued_pullback` gives, by two evaluations."""
        return (self.f(*at_and_a[:-1]), *self.f.pullback(*at_and_a))


def apart(f: Any) -> bool:
    """Whether f gives every line its own gradient of the parameters."""
    return _forms_jacobians(f) or not getattr(f, "pooled", False)


def _forms_jacobians(f: Any) -> bool:
    return getattr(f, "jacobians", None) is not None and f.n_parameters <= FEW


def _with_distinct_rows(row: np.ndarray) -> list[np.ndarray]:
    """Numbers of lines in groups in which no row occurs twice: `pullback` sums the lines of a row."""
    order = np.argsort(row, kind="stable")
    sizes = np.unique(row, return_counts=True)[1]
    turn = np.empty(len(row), dtype=int)
    turn[order] = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return [np.flatnonzero(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]
