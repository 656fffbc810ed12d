"""A problem's data on equal steps, centred and of unit size, for methods that want them so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Dataset, Problem

from .subspace import Series


@dataclass(frozen=True)
class Sampled:
    """u (time, input) and y (time, channel) of a trajectory every dt from its first time, as far as it may be seen.

    `series` are those of the trajectories that may be seen; `starts` are all, of which initial states are found.
    """

    series: Series
    starts: Series
    dt: float
    y_mean: np.ndarray  # (channel,)
    y_spread: np.ndarray  # (channel,)
    u_mean: np.ndarray  # (input,)
    u_spread: np.ndarray  # (input,)

    @classmethod
    def of(cls, problem: Problem) -> Sampled:
        """Channels between their values by straight lines, inputs held."""
        data, seen = problem.data, problem.seen
        assert data is not None
        inside = seen.observations
        steps = np.diff(data.t)[(np.diff(data.trajectory_of) == 0) & inside[1:] & (np.diff(data.t) > 0)]
        dt = float(np.median(steps))
        y_mean, y_spread = seen.sizes(seen.values)
        u_mean, u_spread = seen.sizes(seen.inputs)
        starts = []
        for i in range(data.n_trajectories):
            t, values = data.t[data.rows(i)], seen.with_starts[data.rows(i)]
            last = t[np.isfinite(values).any(axis=1)].max(initial=t[0])
            grid = t[0] + dt * np.arange(round((last - t[0]) / dt) + 1)
            y = np.column_stack([_joined(grid, t, *each) for each in zip(values.T, y_mean, strict=True)])
            starts.append(((_held(data, i, grid) - u_mean) / u_spread, (y - y_mean) / y_spread))
        series = [each for each, end in zip(starts, seen.ends, strict=True) if np.isfinite(end)]
        return cls(series, starts, dt, y_mean, y_spread, u_mean, u_spread)


def _joined(grid: np.ndarray, t: np.ndarray, column: np.ndarray, mean: float) -> np.ndarray:
    finite = np.isfinite(column)
    return np.interp(grid, t[finite], column[finite]) if finite.any() else np.full(len(grid), mean)


def _held(data: Dataset, trajectory: int, grid: np.ndarray) -> np.ndarray:
    """The inputs on the grid (time, input), each held until the next."""
    if data.inputs is None:
        return np.zeros((len(grid), 0))
    own = data.inputs.rows(trajectory)
    at = np.searchsorted(data.inputs.t[own], grid * (1 + 1e-12), side="right") - 1  # a grid time may be rounded down
    return data.inputs.values[own][np.clip(at, 0, None)]
