"""Where several starts of a fit begin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..model import Model
from ..unknowns import Unknowns
from .defect import measured

REACH = np.log(10.0)  # of a logarithm without bounds: a factor of ten either way
INSIDE = 0.05  # share of its interval that a logit keeps from either bound
REDRAWS = 10  # of a point without a finite solution

Redraw = Callable[[np.random.Generator], np.ndarray]
"""x (unknown,) with weights drawn anew."""


def starting_points(
    model: Model, n: int, rng: np.random.Generator, redraw: Redraw, value: Callable[[np.ndarray], float]
) -> np.ndarray:
    """n points (start, unknown), the first of them the model's own start.

    The others are a Latin hypercube in the transformed scale (McKay, Beckman & Conover 1979, Technometrics 21,
    239–245) over the intervals of `intervals`; weights are drawn anew as the dynamics draw them, and initial values of
    states that are measured keep their start. A point whose `value` is not finite is drawn again, ten times at most.
    """
    unknowns = model.unknowns
    low, high = intervals(unknowns)
    kept = _measured_initials(model)
    weights = unknowns.mask("weights", "encoder")
    moved = ~kept & ~weights
    points = np.tile(unknowns.start, (n, 1))
    points[1:, moved] = (low + latin_hypercube(n - 1, len(low), rng) * (high - low))[:, moved]
    for k in range(1, n):
        for attempt in range(REDRAWS + 1):
            if attempt:
                points[k, moved] = (low + rng.random(len(low)) * (high - low))[moved]
            if weights.any():
                points[k, weights] = redraw(rng)[weights]
            if np.isfinite(value(points[k])):
                break
    return np.clip(points, unknowns.lower, unknowns.upper)


def latin_hypercube(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """n points (n, d) in the unit cube, one in each nth of every axis (McKay, Beckman & Conover 1979).

    >>> sorted((latin_hypercube(4, 1, np.random.default_rng(0))[:, 0] * 4).astype(int).tolist())
    [0, 1, 2, 3]
    """
    cells = np.column_stack([rng.permutation(n) for _ in range(d)]) if d else np.zeros((n, 0))
    return (cells + rng.random((n, d))) / max(n, 1)


def intervals(unknowns: Unknowns) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends (unknown,), in the transformed scale, of what starts are drawn from.

    Between the bounds where there are two; else a factor of ten either way of the start for logarithms, and from 0 to
    twice the start for others (−1 to 1 where it is 0), cut off at a bound.
    """
    x, kind = unknowns.start, unknowns.kind
    size = np.where(x != 0, np.abs(x), 1.0)
    reach = np.where(kind == "log", REACH, size)
    low, high = np.maximum(x - reach, unknowns.lower), np.minimum(x + reach, unknowns.upper)
    bounded = np.isfinite(unknowns.lower) & np.isfinite(unknowns.upper)
    low, high = np.where(bounded, unknowns.lower, low), np.where(bounded, unknowns.upper, high)
    odds = np.log((1 - INSIDE) / INSIDE)
    return np.where(kind == "logit", -odds, low), np.where(kind == "logit", odds, high)


def _measured_initials(model: Model) -> np.ndarray:
    """Entries of x that are initial values of measured states (unknown,)."""
    found = np.zeros(len(model.unknowns.start), dtype=bool)
    index = model.unknowns.index.get("initial")
    if index is None:
        return found
    states = model.columns.initial_states
    seen = measured(model)[states] >= 0
    inside = np.atleast_2d(index)[:, seen]
    found[inside[inside >= 0]] = True
    return found
