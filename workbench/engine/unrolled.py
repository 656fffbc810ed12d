"""Every step of every trajectory as one line: a derivative takes one batched call a stage instead of one a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..contracts import Rhs, Trajectory
from ..errors.numerics import GradientUnavailable
from .arrays import NumpyArrays
from .flow import Flow
from .observations import Observations
from .solver import TableauSolver
from .stepper import TableauStepper


@dataclass(frozen=True)
class Lines:
    """Steps as lines: of trajectory `row`, its step `number`, from y over the signed h, node times t (stage, line).

    Observation `column` of row[line] is Σ weights · slopes after y[line]; `weights` (observation, stage) holds b at a
    step's end and the dense output inside.
    """

    row: np.ndarray
    number: np.ndarray
    y: np.ndarray  # (line, state)
    h: np.ndarray
    t: np.ndarray
    middle: np.ndarray
    line: np.ndarray  # (observation,)
    column: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def part(self, chosen: np.ndarray) -> tuple[Lines, np.ndarray]:
        """Some lines (increasing) with their observations, and the numbers of those observations."""
        place = np.full(len(self), -1)
        place[chosen] = np.arange(len(chosen))
        seen = np.flatnonzero(place[self.line] >= 0)
        lines = Lines(
            self.row[chosen],
            self.number[chosen],
            self.y[chosen],
            self.h[chosen],
            self.t[:, chosen],
            self.middle[chosen],
            place[self.line[seen]],
            self.column[seen],
            self.weights[seen],
        )
        return lines, seen

    def chunks(self, size: int) -> Iterator[tuple[np.ndarray, Lines, np.ndarray]]:
        """The lines in pieces of at most `size`: their numbers, the piece, the numbers of its observations."""
        for first in range(0, len(self), size):
            chosen = np.arange(first, min(first + size, len(self)))
            yield chosen, *self.part(chosen)


class Unrolled:
    """A trajectory that an explicit tableau made, with its mesh states kept, ready to be differentiated."""

    def __init__(self, solver: object, trajectory: Trajectory) -> None:
        if not isinstance(solver, TableauSolver):
            raise GradientUnavailable(
                f"{type(solver).__name__} has no discrete gradient",
                help="take an explicit Runge–Kutta solver, such as tsit5",
            )
        if trajectory.mesh is None or trajectory.steps is None:
            raise ValueError("solve with SolveOptions(keep=True) to differentiate")
        self.trajectory = trajectory
        steps = np.asarray(trajectory.steps)
        self.rows, self.width, self.entries = steps.shape[0], steps.shape[1], int(np.prod(steps.shape[2:]))
        self.states = steps.reshape(self.rows, self.width, self.entries)
        self.arrays = NumpyArrays(self.states, self.rows)
        stepper = TableauStepper(solver.tableau, self.arrays)
        data = solver.tableau.arrays
        t = trajectory.mesh.t
        self.flow = Flow(_no_rhs, self.states[:, 0], t[:, 0], trajectory.ts)
        self.n_steps = trajectory.mesh.n_steps
        self.flow.reach(t[np.arange(self.rows), self.n_steps])
        self.lines = self._lines(stepper, data.b, data.all)
        # stages that no line needs: those of the dense output, where every observation ends a step
        used = np.flatnonzero(self.lines.weights.any(axis=0)).max(initial=data.own - 1) + 1
        self.a = [self.arrays.weights(data.a[i, :i]) for i in range(used)]
        self.b = np.zeros(used)
        self.b[: data.own] = data.b
        self.used = int(used)

    def _lines(self, stepper: TableauStepper, b: np.ndarray, stages: int) -> Lines:
        flow = self.flow
        tau = flow.since(np.arange(self.rows), self.trajectory.mesh.t)  # type: ignore[union-attr]
        row = np.repeat(np.arange(self.rows), self.n_steps)
        number = np.arange(len(row)) - np.repeat(np.cumsum(self.n_steps) - self.n_steps, self.n_steps)
        start, end = tau[row, number], tau[row, number + 1]
        t, middle, h = flow.clock(row).times(start, end - start, stepper.c_all)
        observed = Observations(flow.tau)
        line, column = observed.between(row, start, end)
        theta = (flow.tau[row[line], column] - start[line]) / (end - start)[line]
        weights = stepper.dense_weights(theta)
        at_end = flow.tau[row[line], column] == end[line]
        weights[at_end] = np.concatenate([b, np.zeros(stages - len(b))])
        return Lines(row, number, self.states[row, number], h, t, middle, line, column, weights)

    @property
    def at_start(self) -> tuple[np.ndarray, np.ndarray]:
        """(row, column) of the observations at t0 itself."""
        row, column = np.nonzero(self.flow.tau == 0)
        finite = np.isfinite(self.states[row, 0]).all(axis=1)
        return row[finite], column[finite]

    def stages(self, f: Rhs, lines: Lines) -> list[np.ndarray]:
        """The states at which each stage evaluates f: (line, state) for every stage in use."""
        h, states = self.arrays.column(lines.h), [lines.y]
        k = np.zeros((self.used, len(lines), self.entries), self.states.dtype)
        for i in range(self.used):
            if i:
                states.append(lines.y + h * self.arrays.weighted_sum(self.a[i], k[:i]))
            if i + 1 < self.used:
                k[i] = f(lines.t[i], states[i], lines.row, lines.middle)
        return states


def _no_rhs(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
    raise AssertionError("the flow of an unrolled trajectory is for its times only")
