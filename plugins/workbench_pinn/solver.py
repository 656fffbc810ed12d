"""A solver whose trajectory is trained: window after window, until dy/dt − f is small at collocation points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from workbench.contracts import Rhs, SolveOptions, Trajectory

GOOD = 1e-2
"""A mean defect above this share of the slopes is no solution; the status says so."""


def pinn(
    hidden: int = 40,
    points: int = 120,
    windows: int = 1,
    initial: Literal["hard", "soft"] = "hard",
    causal: float = 0.0,
    iterations: int = 400,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> Pinn:
    """`hidden` units of tanh and `points` collocation points in each of `windows` equal windows of the span.

    `initial` hard puts y0 into the form of the curve, soft adds it to the misfit; `causal` > 0 weighs early times
    first. Training ends after `iterations`, or below a root mean square defect of `tolerance` of the slopes.
    """
    return Pinn(hidden, points, windows, initial == "hard", causal, iterations, tolerance, seed)


@dataclass(frozen=True)
class Pinn:
    """It has a defect and no order, and evaluates f at its own points: a contrast, not a rival, of stepping methods."""

    hidden: int
    points: int
    windows: int
    exact: bool
    causal: float
    iterations: int
    tolerance: float
    seed: int
    order: None = None
    adaptive: bool = False
    differentiable: bool = False

    def solve(self, f: Rhs, y0: Any, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        """Each row trained by itself; `defect` (row, time, *state) is dy/dt − f at the times asked for."""
        import numpy as np

        from workbench.contracts import Trajectory

        shape = (*ts.shape, *y0.shape[1:])
        ys, defect = np.full(shape, np.nan, dtype=y0.dtype), np.full(shape, np.nan)
        ends = []
        with np.errstate(all="ignore"):
            for i in range(len(ts)):
                start = np.asarray(y0[i], dtype=float)
                ends.append(self._row(f, start, float(t0[i]), ts[i], i, ys[i], defect[i], options))
        status, message, taken, calls = zip(*ends, strict=True)
        steps, called = np.array(taken), np.array(calls)
        stats = {"accepted": steps, "rejected": 0 * steps, "rhs": called, "rhs_calls": called.sum()}
        return Trajectory(ts, ys, status, message, stats, defect=defect)

    def _row(
        self,
        f: Rhs,
        y0: np.ndarray,
        t0: float,
        ts: np.ndarray,
        row: int,
        ys: np.ndarray,
        defect: np.ndarray,
        options: SolveOptions,
    ) -> tuple[str, str, int, int]:
        """One trajectory; ys and defect (time, *state) are filled in. Status, message, iterations, evaluations of f."""
        from itertools import pairwise

        import numpy as np

        from .curve import Curve, Shape
        from .training import Defect, train

        counted, state = [0], y0.shape

        def slope(t: np.ndarray, y: np.ndarray) -> np.ndarray:
            counted[0] += len(t)
            value = f(t, y.reshape(-1, *state), np.full(len(t), row), t)
            return np.asarray(value, dtype=float).reshape(len(t), -1)

        known = getattr(f, "state_jacobian", None)

        def jacobian(t: np.ndarray, y: np.ndarray) -> np.ndarray:
            return np.asarray(known(t, y, np.full(len(t), row), t))  # type: ignore[misc]  # asked only where it is

        flat, out, off = y0.ravel(), ys.reshape(len(ts), -1), defect.reshape(len(ts), -1)
        if not np.isfinite(flat).all():
            return "not_finite", "the initial state is not finite", 0, 0
        out[ts == t0] = flat
        wanted = ts[np.isfinite(ts)]
        if not len(wanted) or wanted[-1] == t0:
            return "ok", "", 0, 0
        edges = np.linspace(t0, float(wanted[-1]), self.windows + 1)
        rng, total = np.random.default_rng([self.seed, row]), 0
        by_rule = jacobian if known is not None and len(state) == 1 else None
        for begin, end in pairwise(edges):
            if total >= options.max_steps:
                return "too_many_steps", f"gave up at t = {begin:g}", total, counted[0]
            curve = Curve(Shape(self.hidden, len(flat)), flat, begin, end - begin, self.exact)
            t = begin + (end - begin) * 0.5 * (1 - np.cos(np.pi * np.linspace(0, 1, self.points)))
            size = self._size(slope(t[:1], flat[None])[0], flat, end - begin)
            start = curve.start(rng, steepness=0.5 * self.hidden)
            question = Defect(curve, slope, by_rule, t, size, self.causal)
            allowed = min(self.iterations, options.max_steps - total)
            found = train(question, start, allowed, self.tolerance, options.deadline)
            total += found.iterations
            if found.ended:
                return found.ended, f"training ended at t = {begin:g}", total, counted[0]
            inside = (ts - t0) * np.sign(end - t0) > (begin - t0) * np.sign(end - t0)
            inside &= (ts - end) * np.sign(end - t0) <= 0
            inside |= (ts == t0) & (begin == t0)
            if found.rms > GOOD:
                message = f"the defect from t = {begin:g} to {end:g} is {found.rms:.2g} of the slopes"
                return "too_many_steps", message, total, counted[0]
            if inside.any():
                values, rate = curve.at(found.weights, ts[inside])
                out[inside], off[inside] = values, rate - slope(ts[inside], values)
            flat = curve.at(found.weights, np.array([end]))[0][0]
        return "ok", "", total, counted[0]

    def _size(self, slope: np.ndarray, y: np.ndarray, length: float) -> np.ndarray:
        """What a state's slope is measured by (state,): its first slope, or its size over the window."""
        import numpy as np

        size = np.maximum(np.abs(slope), np.abs(y) / abs(length))
        largest = float(size.max(initial=0.0))
        return np.where(np.isfinite(size), np.maximum(size, 1e-3 * largest if largest > 0 else 1.0), 1.0)
