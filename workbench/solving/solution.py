"""What `solve` returns: the states in the caller's own shape and kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts import Mesh, Status, Trajectory
from ..errors.numerics import GradientUnavailable

Array = Any
NONE_HERE = "this solution was not made by a handle on the compiled engine from a start in NumPy"
INSTEAD = (
    'wb.prepare(…, engine="compiled") gives one that has derivatives; torch tensors have `backward()` on any engine'
)


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

    def gradient(self, gys: Array) -> tuple[np.ndarray, np.ndarray]:
        """The gradient of a loss by y0 (…, state) and by the parameters (…, parameter), each in its own shape.

        `gys` (…, time, state) is the loss's gradient by ys. The result is that of the steps taken, without torch; only
        a handle of `prepare` on the compiled engine gives one, from a start in NumPy. Parameters of a module are one
        vector, in the order of `parameters()`. What stands at times that were not reached is left out. Raises
        GradientUnavailable elsewhere, and ShapeOfRhs for another shape.
        """
        raise GradientUnavailable(NONE_HERE, help=INSTEAD)

    def sensitivities(self) -> tuple[np.ndarray, np.ndarray]:
        """∂ys/∂y0 (…, time, state, state) and ∂ys/∂p (…, time, state, parameter), NaN where not reached.

        Of the steps taken, from where `gradient` comes from too; raises GradientUnavailable elsewhere.
        """
        raise GradientUnavailable(NONE_HERE, help=INSTEAD)
