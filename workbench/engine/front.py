"""A front that moves along the time axis: Newton's method for the next stretch of steps at a time.

Where a trajectory moves far, the linear recursion of all its steps says nothing of its later part. Here the steps ahead
of the last state that is known are solved for together. A sweep evaluates them with their matrices, by differences in
the same calls of f, and solves their linear recursion. Steps that changed little are known, and the front moves on
behind them; as far as the change is not large it is believed. What lies beyond follows the past trajectory that came
nearest, from its nearest point on. The result is a start for Newton's method on all steps, no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .explicit_steps import Field, Weighted
from .grid import Grid
from .recursion import Recursion, recursion, substituted

STRETCH = 160  # steps ahead at once, at most: more of them change too much to be believed, and cost as much
FINE = 0.03  # where the change was less than this share, the matrices will do
REACH = 0.2  # a change of more than this share of the largest state is not believed
KNOWN = {"float64": 3e-4, "float32": 3e-3}  # one of less is: what is left is of the order of its square
AHEAD = 8  # steps, at least, that a past trajectory must go on for to be followed
SWEEPS = (8, 12)  # so many, and one for so many steps: then one step after the other is as good


Weights = np.ndarray | float  # (line, 1), or one for all


@dataclass(frozen=True)
class Reached:
    """A pool of states near the solution, the recursion there, and what was spent: sweeps, and lines of f."""

    pool: np.ndarray
    joined: Recursion
    sweeps: int
    lines: int


class Front:
    """The steps of a grid of one row, whose states are small arrays of NumPy between the calls of f.

    A past trajectory is followed from another time than now where nothing but the state decides: f does not change with
    time (`timeless`) and the steps are equally long.
    """

    def __init__(self, grid: Grid, timeless: bool) -> None:
        self._lines, self._copies = grid.lines, grid.entries + 1
        self._free = timeless and grid.equal

        def weights(those: Weighted) -> list[tuple[int, Weights]]:
            return [(i, h if isinstance(h, float) else _numpy(h).repeat(self._copies, axis=0)) for i, h in those]

        self._nodes = [node.repeated(self._copies) for node in grid.steps.nodes]
        self._ha, self._hb = [weights(each) for each in grid.steps.ha], weights(grid.steps.hb)

    def advance(self, f: Field, start: np.ndarray, past: np.ndarray) -> Reached | None:
        """All states from `start` (1, entry) on, by those of past solves (solve, steps + 1, entry); None if lost."""
        sizes = np.abs(past).max(axis=(0, 1))
        largest = float(sizes.max())
        if not largest:  # nothing says what is near
            return None
        sizes = np.maximum(sizes, past.dtype.type(1e-3 * largest))
        moved = np.concatenate([0 * sizes[None], np.diag(np.finfo(past.dtype).eps ** 0.5 * sizes)]).astype(past.dtype)
        weights = (largest / sizes) ** 2
        pool, matrices = np.empty_like(past[0]), np.empty((self._lines, *[len(sizes)] * 2), past.dtype)
        pool[:1] = start
        first = fine = believed = lines = 0
        ahead = self._follow(pool, 0, past, weights)
        for sweep in range(1, SWEEPS[0] + self._lines // SWEEPS[1] + 1):
            last = min(first + STRETCH, ahead)
            middle = max(first, fine)
            change = self._swept(f, pool, matrices, (first, middle, last), moved)
            lines += last - first + (last - middle) * (self._copies - 1)
            moves = np.abs(change).max(axis=1) / largest
            if not np.isfinite(moves[0]):
                return None
            far = max(leading(moves <= REACH), 1)  # the first step starts from a state that is known
            pool[first + 1 : first + far + 1] += change[:far]
            if first + far >= believed or far < last - first:
                believed = first + far
                ahead = self._follow(pool, believed, past, weights)
            fine = min(max(fine, first + leading(moves <= FINE)), believed)
            first += leading(moves <= KNOWN[pool.dtype.name])
            if first == self._lines:  # all steps once more together, with matrices of where they are now
                pool[1:] += self._swept(f, pool, matrices, (0, 0, first), moved)
                joined = recursion(torch.from_numpy(matrices).to(self._nodes[0].time.device))
                return Reached(pool, joined, sweep + 1, (lines + first * self._copies) * len(self._ha))
        return None

    def _swept(
        self, f: Field, pool: np.ndarray, matrices: np.ndarray, lines: tuple[int, int, int], moved: np.ndarray
    ) -> np.ndarray:
        """What the linear recursion changes (line, entry) in the steps between the first and the last of `lines`.

        From the middle one on their matrices are found anew, by forward differences.
        """
        (first, middle, last), copies = lines, self._copies
        states = (pool[middle:last, None] + moved).reshape(-1, copies - 1)
        if first < middle:
            states = np.concatenate([pool[first:middle], states])
        ends = self._ends(f, states, lines)
        found = ends[middle - first :].reshape(-1, copies, copies - 1)
        matrices[middle:last] = ((found[:, 1:] - found[:, :1]) / moved[1:].diagonal()[:, None]).swapaxes(1, 2)
        ends = np.concatenate([ends[: middle - first], found[:, 0]]) - pool[first + 1 : last + 1]
        return substituted(matrices[first:last], ends)

    def _ends(self, f: Field, states: np.ndarray, lines: tuple[int, int, int]) -> np.ndarray:
        """The ends of steps from the states (line, entry): one state a step, from the middle of `lines` on copies."""
        (first, middle, last), copies = lines, self._copies
        some: slice | np.ndarray = slice(first * copies, last * copies)
        if self._free:  # where f is evaluated makes no difference
            some = slice(len(states))
        elif first < middle:
            some = np.r_[first * copies : middle * copies : copies, middle * copies : last * copies]
        slopes: list[np.ndarray] = []
        nodes = [self._nodes[0].part(some)] * len(self._ha) if self._free else [node.part(some) for node in self._nodes]
        for node, ha in zip(nodes, self._ha, strict=True):
            y = torch.from_numpy(_summed(states, ha, slopes, some)).to(node.time.device)
            slopes.append(_numpy(node.value(f, y)))
        return _summed(states, self._hb, slopes, some)

    def _follow(self, pool: np.ndarray, number: int, past: np.ndarray, weights: np.ndarray) -> int:
        """Write a guess into the pool behind `number`, beside the nearest past trajectory; how far it goes."""
        left = self._lines - number
        if not left:
            return number
        first, last = (0, self._lines + 1 - min(AHEAD, left)) if self._free else (number, number + 1)
        gaps = past[:, first:last] - pool[number]
        gaps *= gaps
        which, place = divmod(int((gaps.reshape(-1, len(weights)) @ weights).argmin()), last - first)
        place += first
        count = min(left, self._lines - place)
        shift = pool[number] - past[which, place]
        np.add(past[which, place + 1 : place + 1 + count], shift, out=pool[number + 1 : number + 1 + count])
        return number + count


def leading(those: np.ndarray) -> int:
    """How many are true before the first that is not."""
    place = int(those.argmin())
    return len(those) if those[place] else place


def _numpy(values: torch.Tensor) -> np.ndarray:
    found: np.ndarray = values.cpu().numpy()
    return found


def _summed(
    start: np.ndarray,
    terms: list[tuple[int, Weights]],
    values: list[np.ndarray],
    some: slice | np.ndarray,
) -> np.ndarray:
    """start + Σ weight · values[i] over terms (i, weight), for some lines."""
    total = start
    for i, weight in terms:
        total = total + (weight[some] if isinstance(weight, np.ndarray) else weight) * values[i]
    return total
