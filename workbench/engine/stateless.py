"""The solve of what does not move: a curve in t has no states, and needs no solver."""

from __future__ import annotations

import numpy as np

from ..contracts import Array, Rhs, SolveOptions, Status, Trajectory


class Stateless:
    """A solver for zero states: ys is (rows, time, 0) and always there, no step is taken and f is never called."""

    order = None
    adaptive = False
    differentiable = False  # no steps to differentiate; its sensitivities are arrays without entries

    def solve(self, f: Rhs, y0: Array, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        """The empty trajectory of y0 (rows, 0) from t0 (rows,) at ts (rows, time)."""
        n = len(y0)
        stats = dict.fromkeys(("accepted", "rejected", "rhs", "jacobians"), np.zeros(n, dtype=np.int64))
        stats["rhs_calls"] = np.zeros((), dtype=np.int64)
        status: list[Status] = ["ok"] * n
        return Trajectory(ts, np.zeros((*ts.shape, 0)), tuple(status), ("",) * n, stats)
