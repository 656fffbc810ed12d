"""The profile of an objective: one unknown is moved away from the estimate, all others follow to their own optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..contracts import Objective, Optimizer
from .objective import Subspace
from .refit import refit

RISE = 0.25  # wanted from one point of a path to the next, in the root of the height
ROUGH = 0.6  # a step that rose by more is taken again, shorter, lest the others lose their optimum
CLOSE = 1e-6  # distance of a crossing's root from 1
POINTS = 80  # of one side at most
STUCK = 1e-6  # steps that have shrunk to this share of the first lead nowhere
RETRIES = 6

End = Literal["crossed", "bound", "far", "no solution", "time", "points"]


@dataclass(frozen=True)
class Point:
    """One unknown held, the others at their optimum: x (unknown,) and the objective there."""

    x: np.ndarray
    value: float


@dataclass(frozen=True)
class Side:
    """A profile on one side of the estimate: points in the order of the way, the estimate first, and how it ended."""

    points: tuple[Point, ...]
    end: End
    crossing: float | None = None  # of the threshold, in the fitted scale


@dataclass(frozen=True)
class Limits:
    """How far a side may go: to the value `far` in the fitted scale, and until `expired` says so."""

    far: float
    expired: Callable[[], bool]


def side(
    objective: Objective,
    optimizer: Optimizer,
    start: Point,
    i: int,
    step: float,
    slope: np.ndarray,
    height: Callable[[float], float],
    limits: Limits,
) -> Side:
    """The profile of unknown i from the estimate `start` on, first by `step` (its sign says to which side).

    `height` maps the objective to a scale on which the estimate lies at 0 and the threshold at 1; its root is what
    steps are measured by (Bates & Watts 1988, §6.1: it is linear in the unknown where the model is). `slope` (unknown,)
    is how the others are expected to follow at first, later the last two points say so. Steps aim at a rise of `RISE`;
    they double at most, and shrink where the others lose their optimum.
    """
    walk = _Walk(objective, optimizer, i, height)
    points, h, tries = [start], abs(step), 0
    sign = float(np.sign(step))
    bound = float(objective.upper[i] if sign > 0 else objective.lower[i])
    limit = bound if sign * (bound - limits.far) <= 0 else limits.far
    if sign * (limit - start.x[i]) <= 0:
        return Side((start,), "bound")
    while len(points) < POINTS and h > STUCK * abs(step):
        if limits.expired():
            return Side(tuple(points), "time")
        at = float(points[-1].x[i])
        target = at + sign * h
        last = sign * (target - limit) >= 0
        target = limit if last else target
        new = walk.point(target, points, slope)
        rise = np.inf if new is None else walk.root(new) - walk.root(points[-1])
        if rise > ROUGH and tries < RETRIES:
            h, tries = abs(target - at) * (0.25 if new is None else max(RISE / rise, 0.1)), tries + 1
            continue
        if new is None:
            return Side(tuple(points), "no solution")
        if walk.root(new) >= 1:
            crossing, between = walk.crossing(points, new)
            return Side((*points, *between, new), "crossed", crossing)
        points.append(new)
        if last:
            return Side(tuple(points), "bound" if limit == bound else "far")
        moved = abs(target - at)
        h, tries = moved * float(np.clip(RISE / rise if rise > 0 else 2.0, 0.25, 2.0)), 0
    return Side(tuple(points), "points")


class _Walk:
    """Points of the profile of unknown i."""

    def __init__(self, objective: Objective, optimizer: Optimizer, i: int, height: Callable[[float], float]) -> None:
        self.objective, self.optimizer, self.i, self.height = objective, optimizer, i, height
        self.others = np.arange(len(objective.lower)) != i

    def root(self, point: Point) -> float:
        """√height."""
        return float(np.sqrt(max(self.height(point.value), 0.0)))

    def point(self, target: float, points: list[Point], slope: np.ndarray) -> Point | None:
        """Unknown i at `target`, the others from where the path points to, or from the last point."""
        last = points[-1].x
        if len(points) > 1:
            before = points[-2].x
            slope = (last - before) / (last[self.i] - before[self.i])
        ahead = np.clip(last + slope * (target - last[self.i]), self.objective.lower, self.objective.upper)
        return self._at(target, ahead) or self._at(target, last)

    def _at(self, target: float, x: np.ndarray) -> Point | None:
        held = x.copy()
        held[self.i] = target
        inside = Subspace(self.objective, self.others, held)
        found = refit(inside, self.optimizer, held[self.others])
        return None if found is None else Point(inside.full(found.x), found.value)

    def crossing(self, points: list[Point], beyond: Point) -> tuple[float, list[Point]]:
        """Where the root is 1 between the last point and `beyond`, and the points made on the way below 1.

        By the Illinois method (Dowell & Jarratt 1971, BIT 11, 168–174) on the root.
        """
        low, high, made = points[-1], beyond, list[Point]()
        f_low, f_high, kept = self.root(low) - 1, self.root(high) - 1, 0
        while f_high > CLOSE and f_low < -CLOSE and len(made) < 20:
            share = f_low / (f_low - f_high)
            x = low.x + share * (high.x - low.x)
            new = self._at(float(x[self.i]), x)
            if new is None:
                break
            made.append(new)
            f = self.root(new) - 1
            if abs(f) <= CLOSE:
                return float(new.x[self.i]), _below(made, self.root)
            if f < 0:
                low, f_low, f_high, kept = new, f, f_high / 2 if kept < 0 else f_high, -1
            else:
                high, f_high, f_low, kept = new, f, f_low / 2 if kept > 0 else f_low, 1
        x_low, x_high = low.x[self.i], high.x[self.i]
        f_low, f_high = self.root(low) - 1, self.root(high) - 1
        return float(x_low + f_low / (f_low - f_high) * (x_high - x_low)), _below(made, self.root)


def _below(points: list[Point], root: Callable[[Point], float]) -> list[Point]:
    """The points below the threshold, in the order of the way."""
    return sorted((point for point in points if root(point) < 1), key=root)
