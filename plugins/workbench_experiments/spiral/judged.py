"""What a network has learned: its error, its linear part, and whether it is an ODE or tied to its solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import workbench as wb

from .system import Spiral

APART = 0.01
"""Largest difference between two solvers, in units of the spread, that still counts as the same solution."""


@dataclass(frozen=True)
class Judged:
    """One trained network."""

    mse: float  # of the whole trajectory, by the solver of the training
    fit_percent: float
    eigenvalue: complex  # of the linear map nearest to the field on the trajectory, the one with the positive part
    field_error: float  # of the field on the true trajectory, relative
    resolved: float  # mean squared error of the trajectory, solved by dop853 at 1e-9
    is_ode: bool  # the two solutions agree to APART
    seconds: float


def judge(spiral: Spiral, slopes: Callable[[np.ndarray], np.ndarray], path: np.ndarray, seconds: float) -> Judged:
    """`slopes` gives dy/dt (point, 2) at (point, 2); `path` (time, 2) is the training solver's trajectory."""
    mse = float(np.mean((path - spiral.ys) ** 2))
    true = spiral.ys @ spiral.matrix.T
    again = wb.solve(lambda t, y: slopes(y), spiral.ys[:1], spiral.ts, "dop853", rtol=1e-9, atol=1e-9).ys[0]
    apart = np.abs(path - again) / spiral.ys.std(axis=0)
    return Judged(
        mse,
        spiral.fit_percent(mse),
        linear(slopes, spiral.ys),
        float(np.linalg.norm(slopes(spiral.ys) - true) / np.linalg.norm(true)),
        float(np.mean((again - spiral.ys) ** 2)),
        bool(np.all(apart <= APART)),
        seconds,
    )


def linear(slopes: Callable[[np.ndarray], np.ndarray], ys: np.ndarray) -> complex:
    """The eigenvalue of M, with imaginary part ≥ 0, where slopes(y) ≈ M y + c in least squares over ys (point, 2)."""
    beside = np.column_stack([ys, np.ones(len(ys))])
    m = np.linalg.lstsq(beside, slopes(ys), rcond=None)[0][:2].T
    return complex(max(np.linalg.eigvals(m), key=lambda value: (value.imag, value.real)))
