"""Every step of every trajectory as one line: a derivative takes one batched call a stage instead of one a step."""

from __future__ import annotations

import numpy as np

from ..contracts import Trajectory
from ..errors.numerics import GradientUnavailable
from .arrays import NumpyArrays
from .flow import Flow
from .lines import Lines
from .observations import Observations
from .solver import LoopSolver
from .stepper import Stepper


class Unrolled:
    """A trajectory that a method of the loop made, with its mesh states kept, ready to be differentiated."""

    def __init__(self, solver: object, trajectory: Trajectory) -> None:
        if not isinstance(solver, LoopSolver) or not solver.differentiable:
            raise GradientUnavailable(
                f"{type(solver).__name__} has no discrete gradient",
                help="take a solver made of a tableau, such as tsit5, or the gradient adjoint or forward",
            )
        if trajectory.mesh is None or trajectory.steps is None:
            raise ValueError("solve with SolveOptions(keep=True) to differentiate")
        self.trajectory = trajectory
        steps = np.asarray(trajectory.steps)
        self.rows, self.width, self.entries = steps.shape[0], steps.shape[1], int(np.prod(steps.shape[2:]))
        self.states = steps.reshape(self.rows, self.width, self.entries)
        arrays = NumpyArrays(self.states, rows=0)  # sums over many lines, never those of a single row
        stepper = solver.stepper(arrays)
        self.stages = solver.stages(stepper, arrays)
        t = trajectory.mesh.t
        self.flow = Flow(_no_rhs, self.states[:, 0], t[:, 0], trajectory.ts)
        self.n_steps = trajectory.mesh.n_steps
        self.flow.reach(t[np.arange(self.rows), self.n_steps])
        self.lines = self._lines(stepper, self.stages.b)
        # slopes that no line needs: those of the dense output, where every observation ends a step
        needed = self.lines.weights.any(axis=0) | (self.stages.b != 0)
        self.used = int(np.flatnonzero(needed).max(initial=0)) + 1
        self.b = self.stages.b[: self.used]

    def _lines(self, stepper: Stepper, b: np.ndarray) -> Lines:
        flow = self.flow
        tau = flow.since(np.arange(self.rows), self.trajectory.mesh.t)  # type: ignore[union-attr]  # the loop gives a mesh
        row = np.repeat(np.arange(self.rows), self.n_steps)
        number = np.arange(len(row)) - np.repeat(np.cumsum(self.n_steps) - self.n_steps, self.n_steps)
        start, end = tau[row, number], tau[row, number + 1]
        t, middle, h = flow.clock(row).times(start, end - start, stepper.c_all)
        observed = Observations(flow.tau)
        line, column = observed.between(row, start, end)
        theta = (flow.tau[row[line], column] - start[line]) / (end - start)[line]
        weights = stepper.dense_weights(theta)
        at_end = flow.tau[row[line], column] == end[line]
        weights[at_end] = b
        return Lines(row, number, self.states[row, number], h, t, middle, line, column, weights)

    @property
    def at_start(self) -> tuple[np.ndarray, np.ndarray]:
        """(row, column) of the observations at t0 itself."""
        row, column = np.nonzero(self.flow.tau == 0)
        finite = np.isfinite(self.states[row, 0]).all(axis=1)
        return row[finite], column[finite]


def _no_rhs(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
    raise AssertionError("the flow of an unrolled trajectory is for its times only")
