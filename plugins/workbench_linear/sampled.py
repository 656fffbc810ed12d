"""A dataset on equal steps, centred and of unit size, for methods that want it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench import Dataset


@dataclass(frozen=True)
class Sampled:
    """For each trajectory u (time, input) and y (time, channel) every dt from its first time, as far as it was seen."""

    series: list[tuple[np.ndarray, np.ndarray]]
    dt: float
    y_mean: np.ndarray  # (channel,)
    y_spread: np.ndarray  # (channel,)
    u_mean: np.ndarray  # (input,)
    u_spread: np.ndarray  # (input,)

    @classmethod
    def of(cls, data: Dataset, values: np.ndarray) -> Sampled:
        """Channels between their values by straight lines, inputs held; `values` (observation, channel) may be seen."""
        seen = np.isfinite(values).any(axis=1)
        steps = np.diff(data.t)[(np.diff(data.trajectory_of) == 0) & seen[1:] & (np.diff(data.t) > 0)]
        dt = float(np.median(steps))
        y_mean, y_spread = _sizes(values)
        u_mean, u_spread = _sizes(_driven(data, seen))
        series = []
        for i in range(data.n_trajectories):
            rows = data.rows(i)
            t, inside = data.t[rows], values[rows]
            last = t[seen[rows]].max(initial=t[0])
            grid = t[0] + dt * np.arange(round((last - t[0]) / dt) + 1)
            y = np.column_stack([_joined(grid, t, column, mean) for column, mean in zip(inside.T, y_mean, strict=True)])
            u = np.zeros((len(grid), len(u_mean)))
            if data.inputs is not None:
                own = data.inputs.rows(i)
                at = np.searchsorted(data.inputs.t[own], grid * (1 + 1e-12), side="right") - 1
                u = (data.inputs.values[own][np.clip(at, 0, None)] - u_mean) / u_spread
            series.append((u, (y - y_mean) / y_spread))
        return cls(series, dt, y_mean, y_spread, u_mean, u_spread)


def _joined(grid: np.ndarray, t: np.ndarray, column: np.ndarray, mean: float) -> np.ndarray:
    finite = np.isfinite(column)
    return np.interp(grid, t[finite], column[finite]) if finite.any() else np.full(len(grid), mean)


def _sizes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, 0 and 1 where there are no values, 1 where it is constant."""
    finite = [column[np.isfinite(column)] for column in values.T]
    mean = np.array([column.mean() if len(column) else 0.0 for column in finite])
    spread = np.array([column.std() if len(column) else 0.0 for column in finite])
    return mean, np.where(spread > 0, spread, 1.0)


def _driven(data: Dataset, seen: np.ndarray) -> np.ndarray:
    """The inputs up to the last time that is seen of each trajectory (sample, input)."""
    if data.inputs is None:
        return np.zeros((1, 0))
    end = np.full(data.n_trajectories, -np.inf)
    np.maximum.at(end, data.trajectory_of[seen], data.t[seen])
    owner = np.repeat(np.arange(data.n_trajectories), data.inputs.row_size)
    return data.inputs.values[data.inputs.t <= end[owner]]
