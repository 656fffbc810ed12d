"""What `solve` returns: the states in the caller's own shape and kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts import Mesh, Status, Trajectory


@dataclass(frozen=True)
class Solution:
    """ys (time, *state) of one trajectory, or (trajectory, time, *state); NaN from a failing time on.

    `status`, `message` and `stats` are single values for one trajectory, and one for each otherwise. `mesh` repeats the
    solve (`replay=`); `steps` are the states at the mesh points, where they were asked for.
    """

    ts: Any
    ys: Any
    trajectory: Trajectory  # as the solver gave it, with a first axis of trajectories
    single: bool
    events: Any = ()  # what happened (happenings.Happening), in order; for several trajectories one tuple of them each

    @property
    def status(self) -> Status | tuple[Status, ...]:
        """`ok`, or how it failed."""
        return self.trajectory.status[0] if self.single else self.trajectory.status

    @property
    def message(self) -> str | tuple[str, ...]:
        """ "", or when, where and why it failed."""
        return self.trajectory.message[0] if self.single else self.trajectory.message

    @property
    def ok(self) -> bool | np.ndarray:
        """Whether the last time was reached."""
        return bool(self.trajectory.ok[0]) if self.single else self.trajectory.ok

    @property
    def stats(self) -> Mapping[str, Any]:
        """accepted, rejected, rhs: counts per trajectory; rhs_calls: calls of f in all.

        From a handle of `prepare` also newton: evaluations of all steps at once, 0 where they were taken one by one.
        With gradient="adjoint" also reverse_error: how far the states came back from where they had been, NaN until a
        gradient has been taken.
        """
        stats = self.trajectory.stats
        return {key: n.ravel()[0].item() if self.single or n.ndim == 0 else n for key, n in stats.items()}

    @property
    def mesh(self) -> Mesh | None:
        """The steps that were taken."""
        return self.trajectory.mesh

    @property
    def steps(self) -> Any:
        """The states at the mesh points (step, *state) or (trajectory, step, *state), where kept."""
        steps = self.trajectory.steps
        return steps[0] if self.single and steps is not None else steps
