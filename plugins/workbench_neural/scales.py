"""Typical sizes of states, slopes and inputs over the observations that a fit may see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench import Dataset, Problem


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
        data, seen = problem.data, problem.seen
        assert data is not None, "a network is built for data"
        y_mean, y_spread = seen.sizes(seen.values)
        covariates = [column[np.isfinite(seen.ends)] for column in data.covariates.values()]
        c = np.column_stack(covariates) if covariates else np.zeros((0, 0))
        t_mean, t_spread = seen.sizes(data.t[seen.observations][:, None])
        slope = _slopes(data, seen.observations, y_spread)
        sizes = (*seen.sizes(seen.inputs), *seen.sizes(c))
        return cls(y_mean, y_spread, slope, *sizes, float(t_mean[0]), float(t_spread[0]))

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


def _slopes(data: Dataset, seen: np.ndarray, y_spread: np.ndarray) -> np.ndarray:
    """Root mean square of the difference quotients within trajectories (state,)."""
    inside = (np.diff(data.trajectory_of) == 0) & (np.diff(data.t) > 0) & seen[1:] & seen[:-1]
    rates = np.diff(data.values, axis=0)[inside] / np.diff(data.t)[inside, None]
    finite = [column[np.isfinite(column)] for column in rates.T]
    squares = np.array([np.mean(column**2) if len(column) else 0.0 for column in finite])
    known = np.isfinite(squares) & (squares > 0)
    span = max(float(np.ptp(data.t[seen])), 1e-300)
    return np.where(known, np.sqrt(np.where(known, squares, 1.0)), y_spread / span)
