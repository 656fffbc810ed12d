"""The equations of an implicit stage, solved row by row to the last digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import NumpyArrays, TorchArrays
from .jacobian import Call, Jacobians

Array = Any
MOST = 16  # iterations
SLOW = 0.1  # a row whose increments shrink by less than this gets the Jacobian of where it stands
FINE = 10.0  # increments of this many roundings of the state end a row
NEAR = 1e-3  # increments that rounding keeps from shrinking are accepted below this share of the tolerance


@dataclass(frozen=True)
class Stage:
    """What an iteration ended with: the slopes, which rows they solve, and evaluations of f and J a row."""

    k: Array  # (rows, entry)
    solved: np.ndarray  # (rows,) bool
    lost: np.ndarray  # (rows,) bool: something was not finite
    evaluations: np.ndarray
    jacobians: np.ndarray


class Newton:
    """k = f(t, base + hγ k) by Newton's method, simplified: the Jacobian is renewed where it converges slowly.

    Rows are iterated until their increments are roundings, not until they are small against the tolerance (as in
    Hairer & Wanner, Solving ODEs II, IV.8): then the step is the step that its derivative is taken of, and a replay
    repeats it. A row that has ended is left alone, so that its bits do not depend on the others.
    """

    def __init__(self, arrays: NumpyArrays | TorchArrays, rtol: float, atol: float | tuple[float, ...]) -> None:
        self._arrays, self._rtol, self._atol = arrays, rtol, float(np.min(atol))

    def solve(
        self,
        f: Call,
        derivatives: Jacobians,
        row: np.ndarray,
        t: np.ndarray,
        middle: np.ndarray,
        scaled: Array,
        base: Array,
        guess: Array,
        inverse: Array,
    ) -> Stage:
        """`scaled` is hγ as a column, `guess` a first k, `inverse` that of I − hγJ with a Jacobian near the stage.

        An inverse will do where a solve is exact to rounding: what it misses the next increment makes up for.
        """
        arrays, n = self._arrays, len(row)
        k, done, lost = guess, np.zeros(n, bool), np.zeros(n, bool)
        evaluations, renewed = np.zeros(n, int), np.zeros(n, int)
        before = np.full(n, np.inf)
        for number in range(MOST):
            y = base + scaled * k
            slope = f(t, y, row, middle)
            change = arrays.product(inverse, slope - k)
            going = ~(done | lost)
            evaluations += going
            k = arrays.where(going, k + change, k)
            moved, tolerated = self._sizes(scaled * change, y)
            with np.errstate(invalid="ignore", divide="ignore"):
                rate = moved / before
                ended = moved <= FINE
                if number:  # two increments tell how fast they shrink, and so how far the last one is from the end
                    ended |= (rate < 1) & (moved * rate / (1 - rate) <= FINE)
                    ended |= (rate > 0.5) & (tolerated <= NEAR)
            done |= going & ended
            lost |= going & ~np.isfinite(moved)
            if (done | lost).all():
                break
            slow = ~(done | lost) & (rate > SLOW) & (number > 0)
            if slow.any():
                here = base + scaled * k
                inverse = self._renewed(f, derivatives, row, t, middle, scaled, here, inverse, slow)
                renewed += slow
            before = moved
        return Stage(k, done, lost, evaluations, renewed)

    def _renewed(
        self,
        f: Call,
        derivatives: Jacobians,
        row: np.ndarray,
        t: np.ndarray,
        middle: np.ndarray,
        scaled: Array,
        y: Array,
        inverse: Array,
        slow: np.ndarray,
    ) -> Array:
        """The inverses with those of the slow rows taken at y."""
        arrays, some = self._arrays, np.flatnonzero(slow)
        here = (t[some], y[some], row[some], middle[some])
        matrix = arrays.pencil(1.0, scaled[some], derivatives.by_state(*here, f(*here)))
        return arrays.put(inverse, some, arrays.inverse(matrix))

    def _sizes(self, change: Array, y: Array) -> tuple[np.ndarray, np.ndarray]:
        """The increment of each row in roundings of the state, and in tolerances (rows,)."""
        moved, state = self._arrays.numpy(change), self._arrays.numpy(y)
        size, far = np.abs(state), np.abs(moved)
        tiny, epsilon = np.finfo(size.dtype).tiny, self._arrays.epsilon
        floor = self._atol / self._rtol if self._rtol > 0 else 0.0
        # in units of the state and of what stands for it where it vanishes: one measure for rounding and tolerance
        shares = np.maximum.reduce(far / (size + floor + tiny), axis=1)
        roundings, tolerated = shares / epsilon, shares / max(self._rtol, epsilon)
        if moved.dtype.kind == "c":  # the imaginary part carries a derivative, however small, and must converge itself
            part = epsilon * np.abs(state.imag).max(axis=1) + tiny
            roundings = np.maximum(roundings, np.abs(moved.imag).max(axis=1) / part)
        return roundings, tolerated
