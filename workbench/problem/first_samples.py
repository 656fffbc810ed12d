"""The first observations of each trajectory, side by side: what an encoder makes an initial state of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors.usage import UsageError

if TYPE_CHECKING:
    from workbench.dataset import Dataset

    from .seen import Seen

ALIKE = 1e-6  # of the time between two samples: what counts as the same


@dataclass(frozen=True)
class FirstSamples:
    """Channels (trajectory, sample, channel), inputs (trajectory, sample, input), and when (trajectory, sample).

    Times count from each trajectory's first. A value that is missing lies on the line between its neighbours.
    """

    y: np.ndarray
    u: np.ndarray
    t: np.ndarray

    @classmethod
    def of(cls, seen: Seen, samples: int) -> FirstSamples:
        """Of what may be seen, and of trajectories that only test.

        Raises UsageError where a trajectory has fewer observations, or a channel without a value among them.
        """
        data = seen.data
        if samples < 1:
            raise UsageError(f"an encoder looks at one sample or more, not at {samples}", help="-S dynamics.encoder=8")
        short = np.flatnonzero(data.row_size < samples)
        if len(short):
            raise UsageError(
                f"the encoder looks at {samples} samples, and trajectory {data.trajectories[short[0]]} has "
                f"{data.row_size[short[0]]}",
                help=f"-S dynamics.encoder={int(data.row_size.min())}",
            )
        at = data.starts[:, None] + np.arange(samples)
        t = data.t[at] - data.t[data.starts][:, None]
        return cls(_joined(t, seen.with_starts[at], data), _held(data, data.t[at]), t)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The times of the samples (sample,) where those of all trajectories are alike; else ()."""
        first = self.t[0]
        step = np.diff(first).max(initial=0.0)
        return tuple(first.tolist()) if (np.abs(self.t - first) <= ALIKE * step).all() else ()

    @property
    def given(self) -> np.ndarray:
        """All side by side (trajectory, feature), with times where trajectories are not sampled alike."""
        return self.columns(times=not self.spacing)

    def columns(self, *, times: bool) -> np.ndarray:
        """Sample by sample the channels, then the inputs, then, if asked for, the `times` after the first."""
        n = len(self.t)
        parts = [self.y.reshape(n, -1), self.u.reshape(n, -1), *([self.t[:, 1:]] if times else [])]
        return np.concatenate(parts, axis=1)

    def scale(
        self, y: tuple[np.ndarray, np.ndarray], u: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means and spreads of `given` (feature,), from those of the channels and of the inputs."""
        samples, times = self.t.shape[1], self.given.shape[1] - self.y[0].size - self.u[0].size
        last = np.tile([self.t.mean(), self.t.std() or 1.0], (times, 1)).T
        middle, width = (np.concatenate([np.tile(y[k], samples), np.tile(u[k], samples), last[k]]) for k in (0, 1))
        return middle, width


def _joined(t: np.ndarray, y: np.ndarray, data: Dataset) -> np.ndarray:
    """y with what is missing on the line between its neighbours, level before the first and after the last."""
    y = y.copy()
    for i, k in np.argwhere(~np.isfinite(y).all(axis=1)):
        seen = np.isfinite(y[i, :, k])
        if not seen.any():
            raise UsageError(
                f"{data.channels[k]} has no value among the first {len(seen)} samples of trajectory "
                f"{data.trajectories[i]}, from which its initial state is made",
                help="-S dynamics.encoder=N with more samples, or leave the trajectory out",
            )
        y[i, :, k] = np.interp(t[i], t[i, seen], y[i, seen, k])
    return y


def _held(data: Dataset, t: np.ndarray) -> np.ndarray:
    """The inputs at t (trajectory, sample), each held until the next (trajectory, sample, input)."""
    if data.inputs is None:
        return np.zeros((*t.shape, 0))
    found = []
    for i, times in enumerate(t):
        own = data.inputs.rows(i)
        at = np.searchsorted(data.inputs.t[own], times * (1 + 1e-12), side="right") - 1  # may be rounded down
        found.append(data.inputs.values[own][np.clip(at, 0, None)])
    return np.array(found)
