"""What a solve leaves behind: states at the requested times, the mesh, and the states at its points where kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts import Mesh
from .arrays import NumpyArrays, TorchArrays
from .flow import Flow
from .interpolant import Interpolant
from .observations import Observations
from .stepper import Slopes, Stepper

Array = Any


class Record:
    """Takes accepted steps and evaluates their dense output in bulk, many steps and all their times at once."""

    LIMIT = 2**15  # entries of slopes kept before they are evaluated: 256 kB in float64; more is no faster

    def __init__(self, flow: Flow, arrays: NumpyArrays | TorchArrays, stepper: Stepper, keep: bool) -> None:
        self.flow, self.arrays, self.stepper, self.keep = flow, arrays, stepper, keep
        self.observed = Observations(flow.tau)
        self.more = np.zeros(flow.rows, dtype=int)  # evaluations of f for dense output, per row
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray, Array, Array, Slopes]] = []
        self._entries = 0
        self._mesh: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._states: list[Array] = []
        self._found: list[tuple[np.ndarray, np.ndarray, Array]] = []
        row = np.arange(flow.rows)
        self._at(row, np.full(flow.rows, -1.0), np.zeros(flow.rows), flow.y0)

    def _at(self, row: np.ndarray, tau: np.ndarray, tau1: np.ndarray, y1: Array) -> None:
        line, column = self.observed.between(row, tau, tau1)
        if len(line):
            self._found.append((row[line], column, y1[line]))

    def add(
        self, row: np.ndarray, tau: np.ndarray, tau1: np.ndarray, clipped: np.ndarray, y: Array, y1: Array, k: Slopes
    ) -> None:
        """One accepted step of some rows; k is copied, the rest must not change any more."""
        self.stepper.accept(row)
        self._mesh.append((row, tau1, clipped))
        if self.keep:
            self._states.append(y1)
        kept = self.arrays.copy(k)
        self._waiting.append((row, tau, tau1, y, y1, kept))
        self._entries += len(kept) * len(row) * self.flow.entries
        if self._entries > self.LIMIT:
            self.flush()

    def flush(self) -> None:
        """Evaluate the dense output of the steps that wait."""
        if not self._waiting:
            return
        row, tau, tau1 = (np.concatenate([step[i] for step in self._waiting]) for i in range(3))
        y, y1 = (self.arrays.concatenate([step[i] for step in self._waiting]) for i in (3, 4))
        line, column = self.observed.between(row, tau, tau1)
        if len(line):
            at_end = self.flow.tau[row[line], column] == tau1[line]
            ends = line[at_end]
            if len(ends):
                self._found.append((row[ends], column[at_end], y1[ends]))
            inner, column = line[~at_end], column[~at_end]
            if len(inner):
                k = self.arrays.concatenate([step[5] for step in self._waiting], axis=1)
                steps, index = np.unique(inner, return_inverse=True)
                self._interpolate(row[steps], tau[steps], tau1[steps], y[steps], k[:, steps], index, column)
        self._waiting, self._entries = [], 0

    def _interpolate(
        self,
        row: np.ndarray,
        tau: np.ndarray,
        tau1: np.ndarray,
        y: Array,
        k: Slopes,
        line: np.ndarray,
        column: np.ndarray,
    ) -> None:
        inside = Interpolant(self.flow, self.arrays, self.stepper, row, tau, tau1, y, k)
        np.add.at(self.more, row, self.stepper.more)
        theta = (self.flow.tau[row[line], column] - tau[line]) / (tau1 - tau)[line]
        self._found.append((row[line], column, inside.at(line, theta)))

    def solution(self) -> Array:
        """The states at the requested times (rows, time, entry), NaN where none was reached."""
        self.flush()
        shape = (self.flow.rows, self.flow.ts.shape[1], self.flow.entries)
        if not self._found:
            return self.arrays.scatter(shape, (np.zeros(0, int), np.zeros(0, int)), self.flow.y0[:0])
        index = tuple(np.concatenate([found[i] for found in self._found]) for i in (0, 1))
        return self.arrays.scatter(shape, index, self.arrays.concatenate([found[2] for found in self._found]))

    def mesh(self) -> tuple[Mesh, Array | None]:
        """The steps taken, and the states at their ends (rows, steps + 1, entry) where kept."""
        flow = self.flow
        every = np.arange(flow.rows)
        row = np.concatenate([every, *[step[0] for step in self._mesh]])
        tau = np.concatenate([np.zeros(flow.rows), *[step[1] for step in self._mesh]])
        clipped = np.concatenate([np.zeros(flow.rows, bool), *[step[2] for step in self._mesh]])
        order = np.argsort(row, kind="stable")
        counts = np.bincount(row, minlength=flow.rows)
        place = np.empty_like(order)
        place[order] = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        width = int(counts.max(initial=1))
        t = np.full((flow.rows, width), np.nan)
        t[row, place] = flow.physical(row, tau)
        ends = np.zeros((flow.rows, width), dtype=bool)
        ends[row, place] = clipped
        steps = None
        if self.keep:
            states = self.arrays.concatenate([flow.y0, *self._states])
            steps = self.arrays.scatter((flow.rows, width, flow.entries), (row, place), states)
        return Mesh(t, ends[:, 1:]), steps
