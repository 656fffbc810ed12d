"""Typical sizes of states, slopes and inputs over the observations that a fit may see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench import Dataset, Problem

TEST = 2  # the part of a split that nothing may look at before the fit has ended


@dataclass(frozen=True)
class Scales:
    """Centres and spreads: a network sees (y − y_mean)/y_spread and its output is multiplied by `slope`."""

    y_mean: np.ndarray  # (state,)
    y_spread: np.ndarray  # (state,)
    slope: np.ndarray  # (state,) root mean square of Δy/Δt
    u_mean: np.ndarray  # (input,)
    u_spread: np.ndarray  # (input,)
    c_mean: np.ndarray  # (covariate,)
    c_spread: np.ndarray  # (covariate,)
    t_mean: float
    t_spread: float

    @classmethod
    def of(cls, problem: Problem) -> Scales:
        """Measured on everything but the test part."""
        data = problem.data
        assert data is not None, "a network is built for data"
        seen = np.asarray(problem.part) != TEST if problem.part is not None else np.ones(len(data.t), dtype=bool)
        y_mean, y_spread = _spread(data.values[seen])
        end = np.full(data.n_trajectories, -np.inf)  # of what is seen of each trajectory
        np.maximum.at(end, data.trajectory_of[seen], data.t[seen])
        u, c = np.zeros((1, 0)), np.zeros((1, 0))
        if data.inputs is not None:
            owner = np.repeat(np.arange(data.n_trajectories), data.inputs.row_size)
            u = data.inputs.values[data.inputs.t <= end[owner]]
        if data.covariates:
            c = np.column_stack(list(data.covariates.values()))[np.isfinite(end)]
        t_mean, t_spread = _spread(data.t[seen][:, None])
        slope = _slopes(data, seen, y_spread)
        return cls(y_mean, y_spread, slope, *_spread(u), *_spread(c), float(t_mean[0]), float(t_spread[0]))

    def widened(self, count: int) -> Scales:
        """With `count` more states, of size 1 and as slow as the observations are long."""
        if not count:
            return self
        zero, one = np.zeros(count), np.ones(count)
        return replace(
            self,
            y_mean=np.concatenate([self.y_mean, zero]),
            y_spread=np.concatenate([self.y_spread, one]),
            slope=np.concatenate([self.slope, one * np.median(self.slope / self.y_spread)]),
        )


def _spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; 0 and 1 where it has no values, 1 where it is constant."""
    finite = [column[np.isfinite(column)] for column in values.T]
    mean = np.array([np.mean(column) if len(column) else 0.0 for column in finite])
    spread = np.array([np.std(column) if len(column) else 0.0 for column in finite])
    return mean, np.where(spread > 0, spread, 1.0)


def _slopes(data: Dataset, seen: np.ndarray, y_spread: np.ndarray) -> np.ndarray:
    """Root mean square of the difference quotients within trajectories (state,)."""
    inside = (np.diff(data.trajectory_of) == 0) & (np.diff(data.t) > 0) & seen[1:] & seen[:-1]
    rates = np.diff(data.values, axis=0)[inside] / np.diff(data.t)[inside, None]
    finite = [column[np.isfinite(column)] for column in rates.T]
    squares = np.array([np.mean(column**2) if len(column) else 0.0 for column in finite])
    known = np.isfinite(squares) & (squares > 0)
    span = max(float(np.ptp(data.t[seen])), 1e-300)
    return np.where(known, np.sqrt(np.where(known, squares, 1.0)), y_spread / span)
