"""The equations of implicit stages, solved row by row to the last digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .arrays import NumpyArrays, TorchArrays

Array = Any
MOST = 16  # iterations
SLOW = 0.1  # a row whose increments shrink by less than this gets the Jacobian of where it stands
FINE = 10.0  # increments of this many roundings of the state end a row
NEAR = 1e-3  # increments that rounding keeps from shrinking are accepted below this share of the tolerance
PATIENCE = 6  # iterations with the first Jacobian that a step may take: SciPy's Radau has 6, the code RADAU5 7


@dataclass(frozen=True)
class Solved:
    """What an iteration ended with: the slopes, which rows they solve, and evaluations of f and J a row."""

    k: Array  # (rows, entry)
    solved: np.ndarray  # (rows,) bool
    lost: np.ndarray  # (rows,) bool: something was not finite
    evaluations: np.ndarray
    jacobians: np.ndarray
    iterations: np.ndarray  # (rows,) that a solve to the tolerance would have taken, where they are counted


class Equations(Protocol):
    """k = f(states of k) in some rows, for the slopes k (rows, entry) of one stage, or of several side by side.

    `evaluations` of f and `jacobians` are what one call of `slopes` or `inverse` costs a row.
    """

    evaluations: int
    jacobians: int

    def states(self, k: Array) -> Array:
        """Where f is evaluated (rows, entry)."""

    def moved(self, change: Array) -> Array:
        """How the states change with k (rows, entry)."""

    def slopes(self, y: Array) -> Array:
        """f at these states (rows, entry)."""

    def inverse(self, some: np.ndarray, y: Array) -> Array:
        """That of ∂(k − f)/∂k in `some` rows (index), at the states y of all."""


class Newton:
    """k = f(states of k) by Newton's method, simplified: the Jacobian is renewed where it converges slowly.

    Rows are iterated until their increments are roundings, not until they are small against the tolerance (as in
    Hairer & Wanner, Solving ODEs II, IV.8): then the step is the step that its derivative is taken of, and a replay
    repeats it. A row that has ended is left alone, so that its bits do not depend on the others.
    """

    def __init__(
        self, arrays: NumpyArrays | TorchArrays, rtol: float, atol: float | tuple[float, ...], counting: bool = False
    ) -> None:
        self._arrays, self._rtol, self._atol = arrays, rtol, float(np.min(atol))
        self._each, self._counting = np.atleast_1d(np.asarray(atol, dtype=float)), counting

    def solve(self, equations: Equations, guess: Array, inverse: Array) -> Solved:
        """From a first k and inverses of ∂(k − f)/∂k with a Jacobian near the solution.

        An inverse will do where a solve is exact to rounding: what it misses the next increment makes up for.
        """
        arrays, n = self._arrays, len(guess)
        k, done, lost = guess, np.zeros(n, bool), np.zeros(n, bool)
        evaluations, renewed = np.zeros(n, int), np.zeros(n, int)
        before, iterations = np.full(n, np.inf), np.full(n, 2.0)
        norms: list[np.ndarray] = []
        for number in range(MOST):
            y = equations.states(k)
            change = arrays.product(inverse, equations.slopes(y) - k)
            going = ~(done | lost)
            evaluations += equations.evaluations * going
            k = arrays.where(going, k + change, k)
            step = equations.moved(change)
            moved, tolerated = self._sizes(step, y)
            with np.errstate(invalid="ignore", divide="ignore"):
                rate = moved / before
                ended = moved <= FINE
                if number:  # two increments tell how fast they shrink, and so how far the last one is from the end
                    ended |= (rate < 1) & (moved * rate / (1 - rate) <= FINE)
                    ended |= (rate > 0.5) & (tolerated <= NEAR)
            if self._counting and number < 2:
                norms.append(self._norm(step, y))
                if number:
                    iterations = np.where(going, self._iterations(*norms), iterations)
            done |= going & ended
            lost |= going & ~np.isfinite(moved)
            if (done | lost).all():
                break
            slow = ~(done | lost) & (rate > SLOW) & (number > 0)
            if slow.any():
                some = np.flatnonzero(slow)
                inverse = arrays.put(inverse, some, equations.inverse(some, equations.states(k)))
                renewed += equations.jacobians * slow
            before = moved
        return Solved(k, done, lost, evaluations, renewed, iterations)

    def _norm(self, change: Array, y: Array) -> np.ndarray:
        """The increment of each row in tolerances (rows,), in the norm in which errors are measured."""
        atol = np.tile(self._each, y.shape[1] // len(self._each))  # one number, or one an entry, for every stage
        size = self._arrays.magnitude(y)
        return self._arrays.scaled_norms([change], size, size, self._rtol, atol)[0]

    def _iterations(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How many it takes until κ tolerances are left, if increments go on to shrink as they do from first to second.

        inf for more than PATIENCE. κ and what is foretold are those of RADAU5 (Solving ODEs II, 2nd ed., IV.8).
        """
        epsilon = self._arrays.epsilon
        kappa = max(10 * epsilon / max(self._rtol, epsilon), min(0.03, self._rtol**0.5))
        with np.errstate(all="ignore"):
            rate = second / first
            left = rate / (1 - rate) * second
            quick = (second <= kappa) | (rate < 1) & (left <= kappa)
            found = np.where(quick, 2.0, 2.0 + np.ceil(np.log(kappa / left) / np.log(rate)))
            return np.where(quick | (rate < 1) & (found <= PATIENCE), found, np.inf)

    def _sizes(self, step: Array, y: Array) -> tuple[np.ndarray, np.ndarray]:
        """The increment of each row in roundings of the state, and in tolerances (rows,)."""
        moved, state = self._arrays.numpy(step), self._arrays.numpy(y)
        size, far = np.abs(state), np.abs(moved)
        tiny, epsilon = np.finfo(size.dtype).tiny, self._arrays.epsilon
        floor = self._atol / self._rtol if self._rtol > 0 else 0.0
        # in units of the state and of what stands for it where it vanishes: one measure for rounding and tolerance
        shares = np.maximum.reduce(far / (size + floor + tiny), axis=1)
        roundings, tolerated = shares / epsilon, shares / max(self._rtol, epsilon)
        if moved.dtype.kind == "c":  # the imaginary part carries a derivative, however small, and must converge itself
            change = np.abs(moved.imag).max(axis=1)
            # where it starts from 0 the first increment is all of it: else the second would seem to have shrunk
            part = epsilon * np.maximum(np.abs(state.imag).max(axis=1), change) + tiny
            roundings = np.maximum(roundings, change / part)
        return roundings, tolerated
