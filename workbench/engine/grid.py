"""The steps of a known mesh side by side, as lines on torch tensors: all evaluated, and all differentiated, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..contracts import Mesh, Trajectory
from .explicit_steps import Field, Nodes, Stages, Steps, weighted_sum
from .recursion import Recursion
from .solver import TableauSolver
from .unrolled import Unrolled


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

        def column(weight: float) -> torch.Tensor:
            return tensor(weight * lines.h)[:, None]

        nodes = [Nodes(tensor(lines.t[i]), lines.t[i], lines.row, lines.middle) for i in range(used)]
        t = lines.t[:used].reshape(-1)
        self.all_nodes = Nodes(tensor(t), t, np.tile(lines.row, used), np.tile(lines.middle, used))
        self._ha = [[(j, column(data.a[i, j])) for j in _there(data.a[i, :i])] for i in range(used)]
        self._hb = [(i, column(unrolled.b[i])) for i in _there(unrolled.b)]
        self.steps, self.h = Steps(nodes, self._ha, self._hb), lines.h
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

    def step(self, f: Field, pool: torch.Tensor) -> Stages:
        """All steps from the states of the pool."""
        return self.steps.from_states(f, self.starts(pool))

    def matrices(self, jacobians: torch.Tensor) -> torch.Tensor:
        """∂Φ/∂y (line, entry, entry) from f_y (stage, line, entry, entry); 0 in the first step of each row."""
        by_y: list[torch.Tensor] = []
        zero = jacobians.new_zeros(jacobians.shape[1:])
        for i in range(self.used):
            if self._ha[i]:
                inner = weighted_sum(zero, [(j, h[:, :, None]) for j, h in self._ha[i]], by_y)
                by_y.append(torch.baddbmm(jacobians[i], jacobians[i], inner))
            else:
                by_y.append(jacobians[i])
        change = weighted_sum(zero, [(i, h[:, :, None]) for i, h in self._hb], by_y)
        change.diagonal(dim1=1, dim2=2).add_(1.0)
        change[self._first] = 0.0
        return change

    def units(self, value: torch.Tensor) -> torch.Tensor:
        """Unit vectors for all lines at once (entry, stage · line, entry): rows of Jacobians are products of them."""
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
            inside = self.starts(pool)[self._inner_line]
            for i, weight in self._inner:
                inside = torch.addcmul(inside, weight, stages.slopes[i][self._inner_line])
            ys[self._inner_places] = inside
        return ys.reshape(self.rows, self.times, self.entries)

    @property
    def interpolates(self) -> bool:
        """Some observations lie inside of steps."""
        return bool(self._inner)

    def pullback(
        self, jacobians: torch.Tensor, joined: Recursion, gys: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradient by y0 (rows, entry), and by every slope (stage, line, entry), for gys (rows, time, entry)."""
        g = torch.nan_to_num(gys.reshape(-1, self.entries))
        slopes = g.new_zeros((self.used, self.lines, self.entries))
        if self.plain:
            by_pool = g
        else:
            by_pool = g.new_zeros((self.rows + self.lines, self.entries)).index_add_(0, self._seen, g[self._places])
        inner: torch.Tensor | None = None
        if self._inner:
            inside = g[self._inner_places]
            for i, weight in self._inner:
                slopes[i].index_add_(0, self._inner_line, weight * inside)
            inner = self._reversed(jacobians, slopes.clone())
            by_pool.index_add_(0, self._before, inner.index_add(0, self._inner_line, inside))
        ends = joined.backward(by_pool[self.rows :])
        for i, h in self._hb:
            torch.addcmul(slopes[i], h, ends, out=slopes[i])
        through = self._reversed(jacobians, slopes)
        if inner is not None:
            through = through - inner  # it is in by_pool already
        by_y0 = by_pool[: self.rows].index_add(0, self._rows_first, (ends + through)[self._first])
        return by_y0, slopes

    def _reversed(self, jacobians: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
        """The gradient by the steps' starts through the slopes (line, entry); completes that by each slope in place."""
        total = torch.zeros_like(slopes[0])
        for i in range(self.used - 1, -1, -1):
            back = (slopes[i][:, None, :] @ jacobians[i])[:, 0, :]
            total += back
            for j, h in self._ha[i]:
                torch.addcmul(slopes[j], h, back, out=slopes[j])
        return total


def _there(values: np.ndarray) -> list[int]:
    """The places of what is not 0."""
    return [int(i) for i in np.flatnonzero(values)]
