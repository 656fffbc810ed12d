"""The mesh of a solve by equal steps, laid out before it begins."""

from __future__ import annotations

import numpy as np

from ..contracts import Mesh
from .flow import Flow


def equal_steps(flow: Flow, step: float, breaks: tuple[float, ...]) -> Mesh:
    """Equal steps of at most `step` between start, observations and breaks; one step between each where `step` is 0.

    So no observation is interpolated, and a method shows its own order at every one of them.
    """
    kinds: dict[bytes, int] = {}  # rows with the same times have the same steps, and there may be very many of them
    which = [kinds.setdefault(times.tobytes(), i) for i, times in enumerate(np.column_stack([flow.t0, flow.ts]))]
    steps = {i: _row_of_steps(flow, i, step, breaks) for i in kinds.values()}
    width = max((len(tau) for tau, _ in steps.values()), default=1)
    t, clipped = np.full((flow.rows, width), np.nan), np.zeros((flow.rows, width - 1), dtype=bool)
    for i, (tau, ends) in steps.items():
        t[i, : len(tau)] = tau
        clipped[i, : len(tau) - 1] = ends
    every = np.arange(flow.rows)
    return Mesh(flow.physical(every[:, None], t[which]), clipped[which])


def _row_of_steps(flow: Flow, i: int, step: float, breaks: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    observed = flow.tau[i][np.isfinite(flow.tau[i])]
    jumps = flow.sign[i] * (np.asarray(breaks, dtype=float) - flow.t0[i])
    jumps = jumps[(jumps > 0) & (jumps < flow.end[i])]
    corners = np.unique(np.concatenate([[0.0], observed, jumps]))
    forced = np.isin(corners[1:], [*jumps, flow.end[i]])
    if step <= 0 or len(corners) < 2:
        return corners, forced
    gaps = np.diff(corners)
    counts = np.maximum(1, np.ceil(gaps / step * (1 - 1e-12))).astype(int)
    start = np.repeat(corners[:-1], counts)
    number = np.arange(1, len(start) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
    tau = flow.clock(np.array([i])).representable(start + number * np.repeat(gaps / counts, counts))
    last = np.cumsum(counts) - 1
    tau[last] = corners[1:]  # exactly, whatever the sum rounds to
    ends = np.zeros(len(tau), dtype=bool)
    ends[last] = forced
    return np.concatenate([[0.0], tau]), ends
