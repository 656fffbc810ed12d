"""A convex quadratic within bounds: the step of a least-squares method that must not leave its box."""

from __future__ import annotations

import numpy as np


def least_in_box(a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The s (n,) with least ½sᵀas + bᵀs and low ≤ s ≤ high, for a positive definite and low ≤ 0 ≤ high.

    Active sets (Nocedal & Wright 2006, algorithm 16.3): towards the least point of the entries that are free, stopping
    where a bound is met, and a held entry is freed where its multiplier says that this lowers the value. Every move
    lowers it, so that even a cut-off step is one of descent.

    >>> least_in_box(np.eye(2), np.array([-3.0, -1.0]), np.zeros(2), np.full(2, 2.0)).tolist()
    [2.0, 1.0]
    """
    s = np.zeros_like(b)
    held = ((low >= 0) & (b > 0)) | ((high <= 0) & (b < 0))
    for _ in range(3 * len(b) + 10):
        target = s.copy()
        free = ~held
        if free.all():
            target = solve_positive(a, -b)
        elif free.any():
            target[free] = solve_positive(a[np.ix_(free, free)], -(b[free] + a[np.ix_(free, held)] @ s[held]))
        share, met = _way(s, target, low, high)
        s = np.clip(s + share * (target - s), low, high)
        if met.any():
            s = np.where(met, np.where(target > s, high, low), s)
            held = held | met
            continue
        slope = np.where(held, b + a @ s, 0.0)
        wrong = np.where(s <= low, -slope, slope)  # how much the value would fall by leaving the bound
        worst = int(np.argmax(np.where(held & (low < high), wrong, -np.inf)))
        if not held[worst] or not wrong[worst] > 0:
            break
        held[worst] = False
    return s


def _way(s: np.ndarray, target: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of the way from s to target that stays inside, and which entries meet a bound there before its end."""
    move = target - s
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(move > 0, (high - s) / move, np.where(move < 0, (low - s) / move, np.inf))
    share = min(1.0, float(np.min(room, initial=np.inf)))
    return share, (room <= share) & (room < 1.0)


def solve_positive(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a⁻¹b for a symmetric positive matrix; by least squares where rounding made it singular."""
    from scipy.linalg import cho_factor, cho_solve

    try:
        return np.asarray(cho_solve(cho_factor(a, check_finite=False), b, check_finite=False))
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(a, b, rcond=None)[0]
