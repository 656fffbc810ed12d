"""A solver whose trajectory is trained: window after window, until dy/dt − f is small at collocation points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from workbench.contracts import Rhs, SolveOptions, Status, Trajectory

    from .curve import Curve
    from .training import Trained

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
        flat, off = (
            ys.reshape(*ts.shape, -1),
            defect.reshape(*ts.shape, -1),
        )  # views of the same numbers
        rows = [Slopes(f, y0[i], i) for i in range(len(ts))]
        with np.errstate(all="ignore"):
            ends = [self._row(rows[i], float(t0[i]), ts[i], flat[i], off[i], options) for i in range(len(ts))]
        steps, called = np.array([end.iterations for end in ends]), np.array([each.calls for each in rows])
        status, message = tuple(end.status for end in ends), tuple(end.message for end in ends)
        stats = {"accepted": steps, "rejected": 0 * steps, "rhs": called, "rhs_calls": called.sum()}
        return Trajectory(ts, ys, status, message, stats, defect=defect)

    def _row(
        self, slopes: Slopes, t0: float, ts: np.ndarray, ys: np.ndarray, defect: np.ndarray, options: SolveOptions
    ) -> Ending:
        """One trajectory from ys at t0, window after window; ys and defect (time, entry) are filled in."""
        from itertools import pairwise

        import numpy as np

        y = slopes.start
        if not np.isfinite(y).all():
            return Ending("not_finite", "the initial state is not finite")
        ys[ts == t0] = y
        wanted = ts[np.isfinite(ts)]
        if not len(wanted) or wanted[-1] == t0:
            return Ending()
        edges = np.linspace(t0, float(wanted[-1]), self.windows + 1)
        rng, taken = np.random.default_rng([self.seed, slopes.row]), 0
        for begin, end in pairwise(edges):
            if taken >= options.max_steps:
                return Ending("too_many_steps", f"gave up at t = {begin:g}", taken)
            curve, found = self._window(slopes, y, begin, end, rng, options, taken)
            taken += found.iterations
            if found.ended:
                return Ending(found.ended, f"training ended at t = {begin:g}", taken)
            if found.rms > GOOD:
                message = f"the defect from t = {begin:g} to {end:g} is {found.rms:.2g} of the slopes"
                return Ending("too_many_steps", message, taken)
            s = curve.place(ts)
            inside = (s > 0) & ((ts - end) * np.sign(end - begin) <= 0) | (ts == t0) & (begin == t0)
            if inside.any():
                ys[inside], rate = values, _ = curve.at(found.weights, ts[inside])
                defect[inside] = rate - slopes(ts[inside], values)
            y = curve.at(found.weights, np.array([end]))[0][0]
        return Ending(iterations=taken)

    def _window(
        self,
        slopes: Slopes,
        y: np.ndarray,
        begin: float,
        end: float,
        rng: np.random.Generator,
        options: SolveOptions,
        taken: int,
    ) -> tuple[Curve, Trained]:
        """The curve from y (entry,) over one window, trained at Chebyshev's points of it."""
        from .curve import Curve, Shape
        from .training import Defect, train

        curve = Curve(Shape(self.hidden, len(y)), y, begin, end - begin, self.exact)
        t = curve.points(self.points)
        size = _size(slopes(t[:1], y[None])[0], y, end - begin)
        question = Defect(curve, slopes, slopes.jacobian, t, size, self.causal)
        start = curve.start(rng, steepness=0.5 * self.hidden)
        allowed = min(self.iterations, options.max_steps - taken)
        return curve, train(question, start, allowed, self.tolerance, options.deadline)


@dataclass(frozen=True)
class Ending:
    """How a row's training ended, and after how many iterations."""

    status: Status = "ok"
    message: str = ""
    iterations: int = 0


class Slopes:
    """f of one trajectory over flat states (point, entry), counted; `jacobian` is f_y, None where it is not known."""

    def __init__(self, f: Rhs, y0: Any, row: int) -> None:
        import numpy as np

        self.f, self.row, self.shape, self.calls = f, row, y0.shape, 0
        self.start = np.asarray(y0, dtype=float).ravel()
        known = getattr(f, "state_jacobian", None)
        self.jacobian = None if known is None or len(self.shape) != 1 else self._jacobian

    def __call__(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """f (point, entry) at t (point,) and y (point, entry)."""
        import numpy as np

        self.calls += len(t)
        value = self.f(t, y.reshape(-1, *self.shape), np.full(len(t), self.row), t)
        return np.asarray(value, dtype=float).reshape(len(t), -1)

    def _jacobian(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.asarray(self.f.state_jacobian(t, y, np.full(len(t), self.row), t))  # type: ignore[attr-defined]  # it has one


def _size(slope: np.ndarray, y: np.ndarray, length: float) -> np.ndarray:
    """What a state's slope is measured by (state,): its first slope, or its size over the window."""
    import numpy as np

    size = np.maximum(np.abs(slope), np.abs(y) / abs(length))
    largest = float(size.max(initial=0.0))
    return np.where(np.isfinite(size), np.maximum(size, 1e-3 * largest if largest > 0 else 1.0), 1.0)
