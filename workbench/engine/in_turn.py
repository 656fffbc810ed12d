"""The steps of a known mesh one after the other, and nothing beside them: no record, no statuses, no dense output."""

from __future__ import annotations

import numpy as np
import torch

from .arrays import NumpyArrays
from .explicit_steps import Field
from .grid import Grid
from .tableau import Tableau


def in_turn(tableau: Tableau, grid: Grid, f: Field, start: np.ndarray) -> torch.Tensor | None:
    """The pool of states from `start` (rows, entry); None where a state is not finite or rows differ in their steps.

    The arithmetic is that of `TableauStepper`, to the bit.
    """
    rows, n = len(start), int(grid.n_steps[0])
    if (grid.n_steps != n).any():
        return None
    arrays, data = NumpyArrays(start, rows), tableau.arrays
    closed = tableau.fsal  # the last stage is at the step's end, and its slope the next step's first
    own = data.own - 1 if closed else data.own
    a = [arrays.weights(data.a[i, :i]) for i in range(own)]
    b = arrays.weights(data.a[own, :own] if closed else data.b)
    h = arrays.column(grid.h).reshape(rows, n, 1)
    times = [node.time.reshape(rows, n).T.contiguous().unbind() for node in grid.steps.nodes[:own]]
    nodes = [[x.reshape(rows, n).T for x in (node.t, node.row, node.middle)] for node in grid.steps.nodes[:own]]
    pool = np.empty((rows + rows * n, start.shape[1]), start.dtype)
    pool[:rows], ends, k, y = start, pool[rows:].reshape(rows, n, -1), arrays.stack(own, *start.shape), start
    with torch.no_grad(), np.errstate(all="ignore"):
        for number in range(n):
            step = h[:, number]
            for i in range(own):
                state = y + step * arrays.combine(a[i], k[:i]) if i else y
                t, row, middle = (x[number] for x in nodes[i])
                k[i] = f(times[i][number], torch.from_numpy(state), t, row, middle).numpy()
            y = y + step * arrays.combine(b, k)
            ends[:, number] = y
    return torch.from_numpy(pool) if np.isfinite(y).all() else None
