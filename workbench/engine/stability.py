"""The stability function of a method, as its own code has it: what one step makes of y' = z y."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..contracts import SolveOptions, Solver
from .solver import LoopSolver


@dataclass(frozen=True)
class Linear:
    """y' = z y, one z (row,) a trajectory, with the derivatives that implicit methods look for."""

    z: np.ndarray

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """z y (line, 1)."""
        return self.z[row, None] * y

    def state_jacobian(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """z (line, 1, 1)."""
        return self.z[row, None, None] + 0 * y[:, :, None]

    def slope_in_time(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """Zero: the equation does not depend on time."""
        return 0 * y


def amplification(solver: Solver, z: np.ndarray) -> np.ndarray:
    """R(z) of the shape of z: y(1) by one step of length 1 from y = 1, all z as the rows of one complex solve.

    |R(z)| ≤ 1 is the region of stability (Hairer & Wanner, Solving ODEs II, IV.2). It is inf where the step fails. The
    solver is made to take equal steps of length 1; one outside the common loop has to do so already.

    >>> from workbench.engine import StepSolver
    >>> euler = StepSolver(lambda f, t, y, h, carry: (y + h * f(t, y), None, None, None, True), order=1, step=1.0)
    >>> amplification(euler, np.array([-2.0, 1j]))
    array([-1.+0.j,  1.+1.j])
    """
    rows = np.asarray(z, complex).ravel()
    one_step = replace(solver, step=1.0) if isinstance(solver, LoopSolver) else solver
    ones, zero = np.ones((len(rows), 1), complex), np.zeros(len(rows))
    found = one_step.solve(Linear(rows), ones, zero, np.tile([0.0, 1.0], (len(rows), 1)), SolveOptions())
    ys = np.asarray(found.ys)[:, -1, 0]
    return np.where(np.isfinite(ys), ys, np.inf).reshape(np.shape(z))
