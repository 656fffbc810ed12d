"""What a stranger ships: a solver by its step, a whole solver, a loss, dynamics, a file format, a report, a problem."""

from pathlib import Path
from typing import Literal

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers():
    return [
        Offer("leapfrog_midpoint", modified_midpoint, "modified midpoint, substeps chosen", "Gragg (1965)"),
        Offer("taylor1", Taylor1, "first-order Taylor steps, a solver from scratch"),
    ]


@hookimpl
def offer_dynamics():
    return [Offer("affine", Affine, "dy/dt = A y + b with unknown A and b")]


@hookimpl
def offer_losses():
    source = "Charbonnier et al. (1997), IEEE Trans. Image Process. 6, 298–311"
    return [Offer("pseudo_huber", PseudoHuber, "squares near zero, absolute values beyond delta, smoothly", source)]


@hookimpl
def offer_readers():
    from outsider_files import JsonLines

    return [Offer("jsonl", JsonLines, "one JSON object a line")]


@hookimpl
def offer_reporters():
    from outsider_files import OneLine

    return [Offer("one_line", OneLine, "one line of text a run")]


@hookimpl
def offer_problems():
    return [Path(__file__).parent / "outsider_cooling.toml"]


def modified_midpoint(substeps: int = 2, rtol: float = 1e-6, atol: float = 1e-9):
    """Gragg's modified midpoint rule, extrapolated once: order 4, with the rule's own error estimated at order 2."""
    from workbench.engine import StepSolver

    def rule(f, t, y, h, n):
        part = h / n
        before, now = y, y + part * f(t, y)
        for i in range(1, n):
            before, now = now, before + 2 * part * f(t + i * part, now)
        return (before + now + part * f(t + h, now)) / 2

    def step(f, t, y, h, carry):
        coarse, fine = rule(f, t, y, h, 2 * substeps), rule(f, t, y, h, 4 * substeps)
        error = (fine - coarse) / 3
        return fine + error, error, None, carry, True

    return StepSolver(step, 4, error_order=2, rtol=rtol, atol=atol)


class Taylor1:
    """A whole solver: fixed steps, no more than `step` long, that end at every time asked for."""

    order = 1
    adaptive = False
    differentiable = False

    def __init__(self, step: float = 0.01):
        self.step = step

    def solve(self, f, y0, t0, ts, options):
        import math
        import time

        import numpy as np

        from workbench.contracts import Trajectory

        rows, n = ts.shape
        ys = np.full((rows, n, *y0.shape[1:]), np.nan, dtype=y0.dtype)
        accepted, calls = np.zeros(rows, int), 0
        status, message = ["ok"] * rows, [""] * rows
        for row in range(rows):
            t, y, number = t0[row], y0[row : row + 1], np.array([row])
            for j in range(n):
                if math.isnan(ts[row, j]):
                    continue
                pieces = max(1, math.ceil(abs(ts[row, j] - t) / self.step - 1e-9))
                h = float(ts[row, j] - t) / pieces  # a Python float leaves the precision of y as it is
                for _ in range(pieces):
                    if options.deadline is not None and time.monotonic() > options.deadline:
                        status[row], message[row] = "time_out", f"gave up at t = {t:g}"
                    elif accepted[row] >= options.max_steps:
                        status[row], message[row] = "too_many_steps", f"gave up at t = {t:g}"
                    else:
                        y = y + h * f(np.array([t]), y, number, np.array([t + h / 2]))
                        t, calls = t + h, calls + 1
                        accepted[row] += 1
                        if not np.isfinite(y).all():
                            status[row], message[row] = "not_finite", f"not finite at t = {t:g}"
                    if status[row] != "ok":
                        break
                if status[row] != "ok":
                    break
                t = ts[row, j]
                ys[row, j] = y[0]
        stats = {"accepted": accepted, "rejected": np.zeros(rows, int), "rhs": accepted, "rhs_calls": np.array(calls)}
        return Trajectory(ts, ys, tuple(status), tuple(message), stats)


class Affine:
    """dy/dt = A y + b over the observed channels, A and b unknown."""

    def __init__(self, start: Literal["zero", "random"] = "random"):
        self.start = start

    def build(self, problem, generator):
        import numpy as np

        n = len(problem.channels)
        entries = generator.normal(0, 0.1, n * n + n) if self.start == "random" else np.zeros(n * n + n)
        return AffineField(tuple(problem.channels), entries, problem.data)


class AffineField:
    def __init__(self, states, entries, data):
        self.states = states
        self.entries = entries
        self.data = data

    @property
    def names(self):
        n = range(1, len(self.states) + 1)
        return tuple(f"a{i}{j}" for i in n for j in n) + tuple(f"b{i}" for i in n)

    def blocks(self):
        import numpy as np

        from workbench import Block

        first = self.data.values[self.data.starts]
        start = np.where(np.isfinite(first), first, np.nanmean(self.data.values, axis=0))
        return (
            Block("parameters", self.names, self.entries),
            Block("initial", self.states, start, per="trajectory"),
        )

    def graph(self):
        import sympy

        from workbench import from_sympy

        y = sympy.symbols(self.states)
        p = dict(zip(self.names, sympy.symbols(self.names), strict=True))
        n = range(1, len(y) + 1)
        rhs = [sum((p[f"a{i}{j}"] * y[j - 1] for j in n), p[f"b{i}"]) for i in n]
        groups = {"rhs": rhs, "initial": [0.0] * len(y), "observed": list(y), "derived": []}
        return from_sympy(groups, states=self.states, parameters=self.names)

    def module(self):
        return None


class PseudoHuber:
    """½ r² = δ² (√(1 + e²/δ²) − 1) for the error e, written so that nothing cancels near e = 0."""

    name = "pseudo_huber"

    def __init__(self, delta: float = 1.0):
        self.delta = delta

    def pointwise(self, noise):
        from workbench.contracts import Pointwise

        d = repr(self.delta)
        return Pointwise(self.name, residual=f"(mu - y)*sqrt(2/(1 + sqrt(1 + ((mu - y)/{d})^2)))")
