"""The steps of a known mesh side by side, as lines on torch tensors: all evaluated, and all differentiated, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..contracts import Mesh, Trajectory
from .explicit_steps import Nodes, Stages, Steps
from .solver import TableauSolver
from .unrolled import Unrolled

EVEN = 1e-2  # steps that differ by less, as times in single precision or of few digits do, are alike for a guess


class Grid:
    """The steps of a mesh as lines, for an explicit Runge–Kutta method and states (rows, entry) like `start`.

    A `pool` of states (rows + line, entry) holds the starts of all rows, then the ends of all steps.
    """

    def __init__(self, solver: TableauSolver, mesh: Mesh, ts: np.ndarray, start: torch.Tensor) -> None:
        self.rows, self.entries = start.shape
        states = np.zeros((*mesh.t.shape, self.entries), start.cpu().numpy().dtype)
        there = Trajectory(ts, None, (), (), {}, mesh, states)
        unrolled = Unrolled(solver, there)
        lines, used = unrolled.lines, unrolled.used
        self.lines, self.used, self.n_steps = len(lines), used, unrolled.n_steps
        data = solver.tableau.arrays

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(values).to(dtype=start.dtype, device=start.device)

        def index(values: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(values).to(start.device)

        self.h, h = lines.h, float(lines.h.mean())
        self.equal = bool(np.ptp(lines.h) <= 1e-11 * abs(h))  # but for the rounding of their ends
        self.even = bool(np.ptp(lines.h) <= EVEN * abs(h))

        def times_h(weight: float) -> torch.Tensor | float:
            return weight * h if self.equal else tensor(weight * lines.h)[:, None]

        nodes = [Nodes(tensor(lines.t[i]), lines.t[i], lines.row, lines.middle) for i in range(used)]
        ha = [[(j, times_h(float(data.a[i, j]))) for j in _there(data.a[i, :i])] for i in range(used)]
        self.steps = Steps(nodes, ha, [(i, times_h(float(unrolled.b[i]))) for i in _there(unrolled.b)])
        first = np.flatnonzero(lines.number == 0)
        before = self.rows + np.arange(self.lines) - 1
        before[first] = lines.row[first]
        self._before = index(before)  # where in the pool each step starts
        self._first, self._rows_first = index(first), index(lines.row[first])
        self._row, self._number = index(lines.row), index(lines.number)
        self._units: torch.Tensor | None = None
        self._observe(unrolled, tensor, index)

    def _observe(self, unrolled: Unrolled, tensor: Callable[..., Any], index: Callable[..., Any]) -> None:
        lines, at_start = unrolled.lines, unrolled.at_start
        end = (lines.weights[:, : len(unrolled.stages.b)] == unrolled.stages.b).all(axis=1)
        row, column = lines.row[lines.line], lines.column
        self.times = unrolled.flow.ts.shape[1]
        flat = np.concatenate([at_start[0] * self.times + at_start[1], (row * self.times + column)[end]])
        pool = np.concatenate([at_start[0], self.rows + lines.line[end]])
        order = np.argsort(flat)
        flat, pool = flat[order], pool[order]
        # one trajectory that is asked for at the ends of all its steps, and at nothing else
        size = self.rows + self.lines
        self.plain = self.rows == 1 and len(pool) == self.times == size and bool((pool == np.arange(size)).all())
        self._seen, self._places = index(pool), index(flat)
        self._inner_line, self._inner_places = index(lines.line[~end]), index((row * self.times + column)[~end])
        weights = (lines.h[lines.line][:, None] * lines.weights[:, : self.used])[~end]
        self._inner = [(i, tensor(weights[:, i])[:, None]) for i in _there(weights.any(axis=0))]

    def pool(self, states: torch.Tensor) -> torch.Tensor:
        """The pool of the states at all mesh points (rows, steps + 1, entry)."""
        return torch.cat([states[:, 0], states[self._row, self._number + 1]])

    def starts(self, pool: torch.Tensor) -> torch.Tensor:
        """The states at the steps' starts (line, entry)."""
        return pool[:-1] if self.rows == 1 else pool[self._before]

    def without_first(self, matrices: torch.Tensor) -> torch.Tensor:
        """Step matrices (line, entry, entry), in place 0 in the first step of each trajectory."""
        matrices[self._first] = 0.0
        return matrices

    def units(self, value: torch.Tensor) -> torch.Tensor:
        """Unit vectors for all lines at once (entry, line, entry): rows of matrices are products of them."""
        if self._units is None:
            lines = torch.eye(self.entries, dtype=value.dtype, device=value.device)
            self._units = lines[:, None].expand(-1, len(value), -1).contiguous()
        return self._units

    def sizes(self, values: torch.Tensor) -> torch.Tensor:
        """The largest |entry| of all lines (line, entry) of each row (rows,)."""
        largest = values.abs().amax(dim=1)
        if self.rows == 1:
            return largest.amax()[None]
        return largest.new_zeros(self.rows).scatter_reduce_(0, self._row, largest, "amax")

    def held(self, change: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
        """Changes (line, entry) made no longer than the limit (rows,) of their row; 0 where not finite."""
        change = torch.nan_to_num(change, nan=0.0, posinf=0.0, neginf=0.0)
        sizes = change.abs().amax(dim=1, keepdim=True)
        return change * torch.clamp(limit[self._row][:, None] / sizes.clamp_min(torch.finfo(sizes.dtype).tiny), max=1.0)

    def observed(self, pool: torch.Tensor, stages: Stages | None) -> torch.Tensor:
        """ys (rows, time, entry), NaN where padded; `stages` for what lies inside of steps."""
        if self.plain:
            return pool.clone()[None]
        ys = pool.new_full((self.rows * self.times, self.entries), float("nan"))
        ys[self._places] = pool[self._seen]
        if self._inner:
            assert stages is not None
            ys[self._inner_places] = self.inside(self.starts(pool), stages)
        return ys.reshape(self.rows, self.times, self.entries)

    def inside(self, starts: torch.Tensor, stages: Stages) -> torch.Tensor:
        """The observations inside of steps (observation, entry)."""
        inside = starts[self._inner_line]
        for i, weight in self._inner:
            inside = torch.addcmul(inside, weight, stages.slopes[i][self._inner_line])
        return inside

    @property
    def interpolates(self) -> bool:
        """Some observations lie inside of steps."""
        return bool(self._inner)

    def observed_backwards(self, gys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The gradient by the pool for gys (rows, time, entry), and that by the observations inside of steps."""
        g = torch.nan_to_num(gys.reshape(-1, self.entries))
        if self.plain:
            return g, None
        by_pool = g.new_zeros((self.rows + self.lines, self.entries)).index_add_(0, self._seen, g[self._places])
        return by_pool, g[self._inner_places] if self._inner else None

    def with_starts(self, by_pool: torch.Tensor, by_starts: torch.Tensor) -> torch.Tensor:
        """The gradient by the pool with one by the steps' starts (line, entry) added."""
        return by_pool.index_add(0, self._before, by_starts)

    def by_start(self, direct: torch.Tensor, by_starts: torch.Tensor) -> torch.Tensor:
        """The gradient by y0 (rows, entry) of its own, and of the steps' starts (line, entry)."""
        return direct.index_add(0, self._rows_first, by_starts[self._first])


def _there(values: np.ndarray) -> list[int]:
    """The places of what is not 0."""
    return [int(i) for i in np.flatnonzero(values)]
