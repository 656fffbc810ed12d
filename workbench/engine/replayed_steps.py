"""All steps of one trajectory at once, as in `parallel`, on arrays of NumPy and with f replayed from a recording.

f is called with hundreds of small states some thirty times a solve. There a module and autograd's graph take three
times as long as the operations that they consist of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
import torch

from .explicit_steps import Weighted
from .grid import Grid
from .lines_last import product, step_matrices
from .parallel import EVALUATIONS, REACH, ROUNDING, STALLS
from .recursion import recursion, substituted
from .replay import Bound

NEAR = 1e-3  # share of the largest state: where a change was less, exact matrices are worth their price
SLOW = 0.02  # of the error is left at most: the same matrices will do once more,
LEFT = 1e-5  # where this share of the last change is still too much
CURVED = 10.0  # times the square of a change is left after it, at most

Terms = list[tuple[int, np.ndarray | float]]
"""Σ weight · values[i] as (i, weight), the weight (point, 1) or a number."""


@dataclass(frozen=True)
class Weights:
    """h a_ij and h b_i as in `explicit_steps.Steps`, and h (line,) or a number where all are equal."""

    ha: list[Terms]
    hb: Terms
    h: np.ndarray | float


@dataclass(frozen=True)
class Evaluated:
    """All steps from the states of a pool (point, entry): one more than there are, from the last point."""

    slopes: np.ndarray  # (point, entry) of the first stage
    ends: np.ndarray  # (point, entry)
    matrices: np.ndarray  # (line, entry, entry): 0 in the first
    stages: list[tuple[np.ndarray, list[Any]]]  # the states of each, and what their products go on from


class ReplayedSteps:
    """The steps of a grid of one row, by Newton's method."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._weights: dict[Any, Weights] = {}

    def approach(
        self, f: Bound, pool: np.ndarray, tolerance: float, patient: bool
    ) -> tuple[int, Evaluated | None] | None:
        """Bring a pool (point, entry) near the solution, by matrices of the Jacobians at the steps' starts.

        How many evaluations it took, and the last where its matrices will do once more. None where it does not
        converge. Unless `patient`, a large error is not worked on.
        """
        size = inf
        for number in range(1, EVALUATIONS + 1):
            found = self._roughly(f, pool)
            before, (change, size) = size, self._change(found, pool)
            if not size <= REACH and (not patient or not np.isfinite(size)):
                return None
            pool[1:] += change
            if size <= NEAR:
                return number, found if LEFT * size > tolerance and size <= SLOW * before < inf else None
        return None

    def join(
        self, f: Bound, pool: np.ndarray, tolerance: float, found: Evaluated | None
    ) -> tuple[Evaluated, int] | None:
        """The steps from a pool of states that is near, and evaluations; None where it does not converge.

        The pool becomes that of the solution. What was `found` before has matrices that will do for once.
        """
        size = inf
        for number in range(1, EVALUATIONS + 1):
            before, again = size, found is not None
            if found is None:
                found = self._exactly(f, pool)
            else:
                found = replace(found, ends=self._ends(f, pool, f.value(pool)))
            change, size = self._change(found, pool)
            if not size <= REACH:
                return None
            pool[1:] += change
            rounding = STALLS * before < size <= ROUNDING * tolerance and before <= ROUNDING * tolerance
            if not again and (size <= tolerance or rounding):
                return found, number
            left = CURVED * size * size
            if again or not left > tolerance >= CURVED * size * left:
                found = None
        return None

    def _change(self, found: Evaluated, pool: np.ndarray) -> tuple[np.ndarray, float]:
        """The change (line, entry) of all ends, cut short where it is large, and its size, a share of the largest."""
        change = substituted(found.matrices, found.ends[:-1] - pool[1:])
        scale = max(float(np.abs(pool).max()), float(np.finfo(pool.dtype).tiny) ** 0.5)
        size = float(np.abs(change).max()) / scale
        if not size <= REACH:
            limit = REACH * scale
            change *= np.minimum(1.0, limit / np.maximum(np.abs(change).max(axis=1, keepdims=True), 0.5 * limit))
        return change, size

    def _roughly(self, f: Bound, pool: np.ndarray) -> Evaluated:
        slopes, jacobian = f.slopes(pool)
        matrices = step_matrices(jacobian, self._weighted(pool).h)
        return Evaluated(slopes, self._ends(f, pool, slopes), _first_of_lines(matrices), [])

    def _ends(self, f: Bound, pool: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """The ends (point, entry), of the first slopes."""
        weights, k = self._weighted(pool), [slopes]
        for i, terms in enumerate(weights.ha[1:], 1):
            k.append(f.value(_sum(pool, terms, k), i))
        return _sum(pool, weights.hb, k)

    def _exactly(self, f: Bound, pool: np.ndarray) -> Evaluated:
        weights = self._weighted(pool)
        stages: list[tuple[np.ndarray, list[Any]]] = []
        k: list[np.ndarray] = []
        moves: list[np.ndarray] = []  # of each slope by the pool (entry, entry, point)
        for i, terms in enumerate(weights.ha):
            y = _sum(pool, terms, k)
            slope, jacobian, kept = f.kept(y, i)
            stages.append((y, kept))
            k.append(slope)
            moves.append(product(jacobian, _moved(terms, moves)) if i else jacobian)
        ends, matrices = _sum(pool, weights.hb, k), _moved(weights.hb, moves)[:, :, :-1]
        return Evaluated(k[0], ends, _first_of_lines(matrices), stages)

    def pullback(self, f: Bound, found: Evaluated, g: np.ndarray) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """The gradients by all steps' starts (line, entry) and by the leaves, for λ (line, entry) of their ends."""
        weights, by_leaves = self._weighted(g), list[np.ndarray | None]()
        by_ends = by_starts = np.concatenate([g, np.zeros_like(g[:1])])
        by_slope: list[np.ndarray | None] = [None] * len(weights.ha)
        for i, w in weights.hb:
            by_slope[i] = w * by_ends
        for i in reversed(range(len(weights.ha))):
            given = by_slope[i]
            if given is None:
                continue
            by_y, *more = f.products(*found.stages[i], given, i)
            by_leaves = [_added(one, other) for one, other in zip(by_leaves, more, strict=True)] if by_leaves else more
            if by_y is not None:
                by_starts = by_starts + by_y
                for j, w in weights.ha[i]:
                    by_slope[j] = _added(by_slope[j], w * by_y)
        return by_starts[:-1], by_leaves

    def _weighted(self, like: np.ndarray) -> Weights:
        """The weights in the precision of states."""
        if like.dtype not in self._weights:
            steps, grid = self.grid.steps, self.grid
            ha = [_in_numpy(terms, like.dtype) for terms in steps.ha]
            h = float(grid.h.mean()) if grid.equal else grid.h.astype(like.dtype)
            self._weights[like.dtype] = Weights(ha, _in_numpy(steps.hb, like.dtype), h)
        return self._weights[like.dtype]


class Replayed:
    """All steps from the states of a solution, with derivatives as they were recorded (parallel.Linear)."""

    def __init__(self, steps: ReplayedSteps, f: Bound, found: Evaluated, leaves: list[torch.Tensor]) -> None:
        self._steps, self._f, self._found, self._leaves = steps, f, found, leaves
        self.slopes = found.slopes[:-1]
        self.joined = recursion(torch.from_numpy(found.matrices))

    def observed(self, pool: torch.Tensor) -> torch.Tensor:
        """See Linear."""
        return self._steps.grid.observed(pool, None)

    def leaves(self, of: Callable[[torch.Tensor], list[torch.Tensor]]) -> list[torch.Tensor]:
        """See Linear."""
        return self._leaves

    def pullback(
        self, gys: torch.Tensor, leaves: Sequence[torch.Tensor], by_starts: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """See Linear."""
        if self._f.outdated:
            raise RuntimeError("what f holds was modified by an inplace operation before the gradient was taken")
        grid = self._steps.grid
        by_pool, _ = grid.observed_backwards(gys)
        ends = self.joined.backward(by_pool[1:]).numpy()
        with np.errstate(all="ignore"):
            starts, found = self._steps.pullback(self._f, self._found, ends)
        by_leaves = [
            torch.zeros_like(x) if d is None else torch.from_numpy(np.array(d, order="C"))
            for x, d in zip(leaves, found or [None] * len(leaves), strict=True)
        ]
        return (grid.by_start(by_pool[:1], torch.from_numpy(starts)) if by_starts else None), by_leaves


def _in_numpy(terms: Weighted, dtype: Any) -> Terms:
    """Weights for all points: the last one's do not count."""
    found: Terms = []
    for i, weight in terms:
        own = weight if isinstance(weight, float) else weight.numpy().astype(dtype)
        found.append((i, own if isinstance(own, float) else np.concatenate([own, own[-1:]])))
    return found


def _sum(start: np.ndarray, terms: Terms, values: list[np.ndarray]) -> np.ndarray:
    """start + Σ weight · values[i] over terms (i, weight), of (point, entry)."""
    total = start
    for i, weight in terms:
        total = total + weight * values[i]
    return total


def _moved(terms: Terms, values: list[np.ndarray]) -> np.ndarray:
    """1 + Σ weight · values[i] over terms (i, weight), of matrices (entry, entry, point)."""
    total: np.ndarray = np.eye(len(values[0]), dtype=values[0].dtype)[:, :, None]
    for i, weight in terms:
        total = total + (weight if isinstance(weight, float) else weight[:, 0]) * values[i]
    return total


def _added(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _first_of_lines(matrices: np.ndarray) -> np.ndarray:
    """Matrices (entry, entry, line) as (line, entry, entry), 0 in the first: its start does not change."""
    found = np.ascontiguousarray(matrices.transpose(2, 0, 1))
    found[0] = 0.0
    return found
