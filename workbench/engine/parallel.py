"""Parallel in time: Newton's method for all steps of a known mesh at once.

The states at the steps' ends are the unknowns of e_l = Φ_l(e_{l−1}), one Runge–Kutta step each. An iteration evaluates
all Φ_l side by side and solves the linear recursion Δ_l = A_l Δ_{l−1} + Φ_l − e_l with the step matrices A = ∂Φ/∂y
(Bellen & Zennaro 1989, J. Comput. Appl. Math. 25, 341–350; Lim, Zhu, Selfridge & Kasim 2024, Parallelizing non-linear
sequential models over the sequence length, ICLR). With matrices of an earlier iterate, or of a nearby solve, it is the
chord method: it converges linearly and costs no derivative. Δ is the error of the whole trajectory, not of a step;
where it is large it is cut short, and the part of the trajectory that has converged grows from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, log
from typing import Protocol

import numpy as np
import torch

from .explicit_steps import Field
from .grid import Grid
from .recursion import Recursion, recursion

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}  # of the trajectory, relative to its largest state
EVALUATIONS = 12  # of all steps: what does not converge in them is done step by step
REACH = 0.15  # a state is changed by at most this share of the largest: beyond, the linear recursion says nothing
CONTRACTS = 0.1  # an error is known by matrices of another solve where they have made it smaller by this much
STALLS = 0.5  # less than this much smaller: other matrices are needed
ROUNDING = 3.0  # times the tolerance: below it, what its own matrices make no smaller is rounding, and will stay
PATIENCE = 3  # more evaluations than this to come with the old matrices: new ones are cheaper


class Linear(Protocol):
    """All steps from the states of a pool, and their derivatives."""

    @property
    def slopes(self) -> np.ndarray:
        """f (line, entry) at the steps' starts."""

    @property
    def joined(self) -> Recursion:
        """The recursion of the step matrices."""

    def observed(self, pool: torch.Tensor) -> torch.Tensor:
        """ys (rows, time, entry) for the pool that the steps end at."""

    def leaves(self, of: Callable[[torch.Tensor], list[torch.Tensor]]) -> list[torch.Tensor]:
        """The tensors that take gradients and that the steps depend on; `of` finds those of a tensor."""

    def pullback(
        self, gys: torch.Tensor, leaves: Sequence[torch.Tensor], by_starts: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """The gradients by y0 (rows, entry), unless not wanted, and by the leaves, for gys (rows, time, entry)."""


class Linearized:
    """All steps from the states of a pool, in torch's graph (Linear)."""

    def __init__(self, grid: Grid, f: Field, pool: torch.Tensor) -> None:
        self._grid = grid
        with torch.enable_grad():
            self.starts = grid.starts(pool).detach().clone().requires_grad_()
            self.stages = grid.steps.from_states(f, self.starts)
        self._joined: Recursion | None = None

    @property
    def slopes(self) -> np.ndarray:
        """See Linear."""
        found: np.ndarray = self.stages.slopes[0].detach().cpu().numpy()
        return found

    def observed(self, pool: torch.Tensor) -> torch.Tensor:
        """See Linear."""
        with torch.no_grad():
            return self._grid.observed(pool, self.stages)

    def leaves(self, of: Callable[[torch.Tensor], list[torch.Tensor]]) -> list[torch.Tensor]:
        """See Linear."""
        return [leaf for leaf in of(self.stages.ends) if leaf is not self.starts]

    @property
    def joined(self) -> Recursion:
        """See Linear."""
        if self._joined is None:
            ends = self.stages.ends
            rows = [self._products([ends], [self.starts], [unit])[0] for unit in self._grid.units(ends)]
            self._joined = recursion(self._grid.without_first(torch.stack(rows, dim=1)))
        return self._joined

    def pullback(
        self, gys: torch.Tensor, leaves: Sequence[torch.Tensor], by_starts: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """See Linear."""
        grid, ends = self._grid, self.stages.ends
        by_pool, inner = grid.observed_backwards(gys)
        direct = by_pool[: grid.rows]
        values, weights = [ends], []
        if inner is not None:
            with torch.enable_grad():
                inside = grid.inside(self.starts, self.stages)
            (through,) = self._products([inside], [self.starts], [inner])
            by_pool = grid.with_starts(by_pool, through)
            values, weights = [ends, inside], [inner]
        weights.insert(0, self.joined.backward(by_pool[grid.rows :]))
        wanted = [self.starts, *leaves] if by_starts else list(leaves)
        found = self._products(values, wanted, weights)
        return (grid.by_start(direct, found.pop(0)) if by_starts else None), found

    @staticmethod
    def _products(
        values: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor], g: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        """Σ gᵀ ∂value/∂inputs, summed over lines where inputs are shared."""
        if not inputs:
            return []
        # what f holds may hang on a graph of its own, which later solves need again
        found = torch.autograd.grad(values, inputs, g, retain_graph=True, allow_unused=True)
        return [torch.zeros_like(x) if d is None else d for x, d in zip(inputs, found, strict=True)]


@dataclass(frozen=True)
class Joined:
    """Steps that follow each other: the pool of states, the steps they were found from, and what was spent.

    What made the start has evaluated steps in so many `sweeps`, f for so many `lines`.
    """

    pool: torch.Tensor
    linearized: Linear
    evaluations: int
    sweeps: int = 0
    lines: int = 0


def join(
    grid: Grid, f: Field, guess: torch.Tensor, joined: Recursion | None, own: bool = False, patient: bool = True
) -> Joined | None:
    """The steps of `grid` joined by Newton's method from a pool of states; None where it does not converge.

    `joined` is the recursion of a nearby solve, or this solve's `own` near its end. It is replaced where it converges
    slowly or can say nothing of the error. Unless `patient`, a large error is not worked on.
    """
    pool, before = guess.clone(), inf
    tolerance = TOLERANCE[pool.dtype]
    for number in range(1, EVALUATIONS + 1):
        linearized = Linearized(grid, f, pool)
        ends = pool[grid.rows :]
        residual = linearized.stages.ends.detach() - ends
        scale = grid.sizes(grid.starts(pool)).clamp_min_(torch.finfo(pool.dtype).tiny ** 0.5)
        if joined is not None:
            change = joined.forward(residual)
            size = _size(grid, change, scale)
            if size > REACH and not patient:
                return None
        if joined is None or _wants_another(number, size, before, tolerance, own):
            joined = linearized.joined
            change = joined.forward(residual)
            size = _size(grid, change, scale)
            own = size <= REACH
        rounding = own and STALLS * before < size <= ROUNDING * tolerance and before <= ROUNDING * tolerance
        if rounding or (size <= tolerance and (own or size <= CONTRACTS * before)):
            ends += change
            return Joined(pool, linearized, number)
        ends += change if size <= REACH else grid.held(change, REACH * scale)
        before = size
    return None


def _size(grid: Grid, change: torch.Tensor, scale: torch.Tensor) -> float:
    """The largest change of any row, as a share of its states; infinite where it is not finite."""
    size = float((grid.sizes(change) / scale).amax())
    return size if isfinite(size) else inf


def _wants_another(number: int, size: float, before: float, tolerance: float, own: bool) -> bool:
    """Whether the matrices should be taken anew: they converge too slowly, or are not this solve's and stand alone."""
    if size > REACH:
        return True
    if size <= tolerance:
        return not own and (number == 1 or size > CONTRACTS * before)
    if number == 1:
        return False
    # so small as this after one more evaluation, and so on
    return size > STALLS * before or log(size / tolerance) > PATIENCE * log(before / size)
