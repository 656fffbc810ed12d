"""Where a method is stable: how far along the real and the imaginary axis, and whether in the whole left half-plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..contracts import SolveOptions, Solver
from ..engine.stability import amplification
from .candidate import Candidate

FAR = 1e6
ROUNDING = 1e-14
"""|R| above 1 by less than this is rounding of one step."""


@dataclass(frozen=True)
class Stability:
    """The first unstable points on the axes (inf: none up to 1e6), and |R| where A-stability is decided."""

    real: float  # |R(−x)| ≤ 1 for 0 ≤ x ≤ real
    imaginary: float  # |R(iy)| ≤ 1 for 0 ≤ y ≤ imaginary
    largest_on_imaginary: float  # up to 1e6
    at_infinity: float  # |R(−1e6)|

    @property
    def a_stable(self) -> bool:
        """|R| ≤ 1 on the imaginary axis and far to the left; R has no pole there if the real axis is stable, too."""
        return self.largest_on_imaginary <= 1 + 1e-9 and self.at_infinity <= 1 and np.isinf(self.real)


def stability(candidate: Candidate) -> Stability | None:
    """Measured by single steps; None for a solver that takes no step of a given length, or refuses complex states."""
    solver = candidate.with_step(1.0)
    if solver is None:
        return None
    if candidate.separable:
        return _of_oscillators(solver)

    def size(z: np.ndarray) -> np.ndarray:
        return np.abs(amplification(solver, z))

    along = np.concatenate([np.linspace(0.0, 20.0, 2001), np.geomspace(20.1, FAR, 400)])
    with np.errstate(all="ignore"):
        try:
            real = _first_above(lambda x: size(-x), along)
        except (TypeError, ValueError):
            return None
        imaginary = _first_above(lambda y: size(1j * y), along)
        return Stability(real, imaginary, float(size(1j * along).max()), float(size(np.array([-FAR]))[0]))


def _first_above(size: Callable[[np.ndarray], np.ndarray], along: np.ndarray) -> float:
    """The end of the first stretch with |R| ≤ 1, by bisection; inf if it does not end."""
    unstable = np.flatnonzero(size(along) > 1 + ROUNDING)
    if not len(unstable):
        return float("inf")
    if unstable[0] <= 1:
        return 0.0  # at once: |R| grows like 1 + c yⁿ from 0 on, below rounding only at first
    low, high = along[unstable[0] - 1], along[unstable[0]]
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if size(np.array([middle]))[0] > 1 + ROUNDING else (middle, high)
    return float(low)


def _of_oscillators(solver: Solver) -> Stability:
    """q' = p, p' = −w² q has the eigenvalues ±iw: stable while those of the map of one step lie on the unit circle."""
    along = np.concatenate([np.linspace(0.0, 20.0, 2001), np.geomspace(20.1, FAR, 400)])

    def size(w: np.ndarray) -> np.ndarray:
        rate = np.repeat(w**2, 2)

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            return np.stack([y[:, 1], -rate[row] * y[:, 0]], axis=1)

        start = np.tile(np.eye(2), (len(w), 1))
        ts = np.tile([0.0, 1.0], (len(start), 1))
        end = np.asarray(solver.solve(f, start, ts[:, 0], ts, SolveOptions()).ys)[:, -1].reshape(len(w), 2, 2)
        largest = np.abs(np.linalg.eigvals(np.nan_to_num(end, nan=FAR))).max(axis=1)
        return np.asarray(np.where(np.isfinite(end).all(axis=(1, 2)), largest, np.inf))

    # a pair of eigenvalues that meet on the circle is known to the root of the rounding only
    imaginary = _first_above(lambda w: size(w) - 1e-7, along)
    return Stability(float("nan"), imaginary, float(size(along).max()), float("nan"))
