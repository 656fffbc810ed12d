"""A trajectory sought beside another one, with a clock of its own: Newton's method across the flow, and time along it.

Where f has changed, a trajectory comes early or late, and soon lies far from the old one at the same time, but not far
from where the old one has been. So each step starts from a point p_{l-1} of the old one, and by how much it misses the
next point is split in two. Along the flow it is time that is gained or lost, which may add up to any amount. Across it

    d_l = P_l (A_{l-1} d_{l-1} + Φ(p_{l-1}) - p_l),   P = 1 - f fᵀ / fᵀf,

is a linear recursion that stays small (moving coordinates orthogonal to the flow: Hale 1969, Ordinary Differential
Equations, VI.1). The points p + d at their new times are interpolated to the times of the steps, and the next pass
starts from those. As far as d is not large it is believed; what lies beyond follows a past trajectory from where that
came nearest. The result is a start for Newton's method on all steps, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from .explicit_steps import Field, Nodes, Weighted
from .front import AHEAD, leading
from .grid import Grid
from .lines_last import applied, product, step_matrices, turned
from .recursion import substituted

REACH = 0.1  # of the largest state: what crosses the flow by more is not believed
NEAR = 0.03  # where all of it is less, and the end is reached, Newton's method goes on
PASSES = 8
TAIL = 12  # one step in so many may be missing at the end: what follows a past trajectory is near enough there
LONGEST = 3.0  # a step takes at most so many times as long as it did, and at least the inverse
AT_REST = 1e-2  # of the largest speed: slower than this, all that is missed counts as across


@dataclass(frozen=True)
class Beside:
    """A pool of states near the solution, and what was spent: passes over all steps, and lines of f."""

    pool: np.ndarray
    passes: int
    lines: int


class Slopes(Protocol):
    """f and f_y at all points of a trajectory, whose time makes no difference."""

    copies: int  # how often `slopes` evaluates f

    def value(self, y: np.ndarray) -> np.ndarray:
        """f (point, entry)."""

    def slopes(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f (point, entry) and f_y (entry, entry, point)."""


class Differences:
    """The slopes of an f on torch tensors at all points of a grid of one row, f_y by forward differences."""

    def __init__(self, grid: Grid, f: Field) -> None:
        self._f, self.copies = f, grid.entries + 1
        node = grid.steps.nodes[0]
        self._node = node.part(np.resize(np.arange(grid.lines), (grid.lines + 1) * self.copies))

    def value(self, y: np.ndarray) -> np.ndarray:
        """See Slopes."""
        node: Nodes = self._node.part(slice(len(y)))
        with torch.no_grad():
            found: np.ndarray = node.value(self._f, torch.from_numpy(y).to(node.time.device)).cpu().numpy()
        return found

    def slopes(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See Slopes."""
        points, entries = y.shape
        sizes = np.abs(y).max(axis=0)
        moved = np.finfo(y.dtype).eps ** 0.5 * np.maximum(sizes, 1e-3 * sizes.max()).astype(y.dtype)
        copies = np.repeat(y, entries + 1, axis=0).reshape(points, entries + 1, entries)
        for i in range(entries):
            copies[:, 1 + i, i] += moved[i]
        found = self.value(copies.reshape(-1, entries)).reshape(copies.shape)
        columns = np.ascontiguousarray((found[:, 1:] - found[:, :1]).transpose(1, 2, 0))
        for i in range(entries):
            columns[i] /= copies[:, 1 + i, i] - y[:, i]  # as it was rounded
        return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(columns.swapaxes(0, 1))


class Transverse:
    """The steps of a grid of one row, as if they were equal, for an f that does not change with time.

    States are small arrays of NumPy between the calls of f.
    """

    def __init__(self, grid: Grid) -> None:
        self._lines = grid.lines
        self._h = float(grid.h.mean())
        self._ha, self._hb = [_alike(terms) for terms in grid.steps.ha], _alike(grid.steps.hb)
        self._steps = np.arange(self._lines + 1)

    def advance(self, f: Slopes, start: np.ndarray, past: np.ndarray, before: np.ndarray) -> Beside | None:
        """All states from `start` (1, entry) on, by those of past solves (solve, steps + 1, entry); None if lost.

        `before` (step, entry) are the slopes at the steps' starts of the latest, as f was then.
        """
        largest = np.abs(past).max()
        if not largest:
            return None
        cloud = np.ascontiguousarray(past.transpose(2, 0, 1))
        states, reached, lines = past[0], self._lines, 0
        for number in range(1, PASSES + 1):
            at_points, jacobians = f.slopes(states)
            slopes = turned(at_points)
            if number == 1:  # the latest steps met their ends: by how much they miss them now, f tells at their ends
                missed = slopes[:, :-1] - before.T
                missed += np.concatenate([missed[:, 1:], missed[:, -1:]], axis=1)
                missed *= 0.5 * self._h
            else:
                missed = turned(self._missed(f, states, at_points))
                lines += (len(self._ha) - 1) * len(states)
            lines += len(states) * f.copies
            found = self._beside(turned(states), slopes, jacobians, missed, start[0], largest)
            if found is None:
                return None
            states, reached, across = found
            self._follow(states, reached, cloud)
            if across <= NEAR and reached + self._lines // TAIL >= self._lines:
                return Beside(states, number, lines)
        return None

    def _beside(
        self,
        p: np.ndarray,
        slopes: np.ndarray,
        jacobians: np.ndarray,
        missed: np.ndarray,
        start: np.ndarray,
        largest: float,
    ) -> tuple[np.ndarray, int, float] | None:
        """All states from `start` beside the points p, how many steps of them are known, and what crosses at most."""
        matrices = step_matrices(jacobians, self._h)
        speeds = (slopes * slopes).sum(axis=0)
        along = slopes[:, 1:] / (speeds[1:] + AT_REST**2 * speeds.max())
        taken = (along * (p[:, 1:] - p[:, :-1])).sum(axis=0) / self._h  # by f, from one point to the next
        along *= (taken > 1 / LONGEST) & (taken < LONGEST)  # elsewhere the points say nothing of time
        crosses = np.eye(len(p), dtype=p.dtype)[:, :, None] - slopes[:, None, 1:] * along
        crossing, across = product(crosses, matrices), applied(crosses, missed)
        d = np.empty_like(p)
        d[:, 0] = start - p[:, 0]
        across[:, 0] += crossing[:, :, 0] @ d[:, 0]
        d[:, 1:] = substituted(crossing.transpose(2, 0, 1), across.T).T
        sizes = np.abs(d).max(axis=0) / largest
        if not np.isfinite(sizes[1]):
            return None
        end = max(leading(sizes[1:] <= REACH), 1)
        gained = (along * (applied(matrices, d[:, :-1]) + missed)).sum(axis=0)
        clock = np.zeros(end + 1)  # in steps
        np.minimum(np.maximum(1.0 - gained[:end] / self._h, 1 / LONGEST), LONGEST).cumsum(out=clock[1:])
        slopes = self._h * (slopes + applied(jacobians, d))
        reached = min(int(clock[-1]), self._lines)
        states = np.empty(p.T.shape, p.dtype)
        states[: reached + 1] = _between(clock, p + d, slopes, self._steps[: reached + 1]).T
        states[0] = start
        return states, reached, float(sizes[: end + 1].max())

    def _missed(self, f: Slopes, points: np.ndarray, first: np.ndarray) -> np.ndarray:
        """By how much steps from all points but the last miss the next one (line, entry)."""
        slopes = [first]
        for terms in self._ha[1:]:
            slopes.append(f.value(_summed(points, terms, slopes)))
        return _summed(points, self._hb, slopes)[:-1] - points[1:]

    def _follow(self, states: np.ndarray, number: int, cloud: np.ndarray) -> None:
        """Go on behind `number` beside the nearest past trajectory of `cloud` (entry, solve, steps + 1)."""
        while number < self._lines:
            left = self._lines - number
            first = self._lines + 1 - min(AHEAD, left)
            gaps = sum((own[:, :first] - y) ** 2 for own, y in zip(cloud, states[number], strict=True))
            which, place = divmod(int(gaps.argmin()), first)
            count = min(left, self._lines - place)
            way = cloud[:, which, place : place + 1 + count].T
            np.add(way[1:], states[number] - way[0], out=states[number + 1 : number + 1 + count])
            number += count


def _between(t: np.ndarray, y: np.ndarray, slopes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Cubic Hermite interpolation of y (entry, point) at rising t to the times wanted, which lie within."""
    left = t[1:-1].searchsorted(wanted, side="right")
    right = left + 1
    before = t.take(left)
    h = t.take(right) - before
    x = (wanted - before) / h
    rest = 1.0 - x
    weights = [rest * rest * (1 + 2 * x), x * x * (3 - 2 * x), x * rest * rest * h, -x * x * rest * h]
    y0, y1, s0, s1 = (w.astype(y.dtype) for w in weights)
    found: np.ndarray = y0 * y.take(left, axis=1) + y1 * y.take(right, axis=1)
    return found + s0 * slopes.take(left, axis=1) + s1 * slopes.take(right, axis=1)


def _alike(terms: Weighted) -> list[tuple[int, float]]:
    """Terms with one weight for all lines."""
    return [(i, weight if isinstance(weight, float) else float(weight.mean())) for i, weight in terms]


def _summed(start: np.ndarray, terms: Sequence[tuple[int, float]], values: list[np.ndarray]) -> np.ndarray:
    """start + Σ weight · values[i] over terms (i, weight)."""
    total = start
    for i, weight in terms:
        total = total + weight * values[i]
    return total
