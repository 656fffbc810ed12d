"""Problems of the library with a known end value, as a solver sees them, and how far a solution ends from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts import SolveOptions, Solver, Trajectory
from ..model.graph_rhs import GraphRhs
from ..problem import read_problem
from ..registry import Registry

NON_STIFF = ("brusselator", "lotka_volterra", "lorenz", "arenstorf")
SEPARABLE = ("kepler",)  # q' = p, p' = g(q)
STIFF = ("hires", "oregonator", "van_der_pol_stiff", "robertson")

SIZES: dict[str, tuple[float, ...]] = {
    "hires": (1e-4,) * 8,
    "oregonator": (1e-2,) * 3,
    "van_der_pol_stiff": (1e-3, 1e-3),
    "robertson": (1e-9, 1e-15, 1e-1),
}
"""atol over rtol, a component; 1 where nothing is said. Below what the components end at, so that rtol decides."""


@dataclass(frozen=True)
class Referenced:
    """dy/dt = f by the graph, with exact Jacobians, from y(t0) = y0 (1, state) to y(t1) = end (state,).

    `end` is NaN in states whose value is not known.
    """

    name: str
    rhs: GraphRhs
    y0: np.ndarray
    t0: float
    t1: float
    end: np.ndarray
    stiff: bool

    def times(self) -> np.ndarray:
        """Where errors are taken: at the end of a stiff problem, at 40 times on the way of another."""
        return np.linspace(self.t0, self.t1, 2 if self.stiff else 41)

    def atol(self, rtol: float) -> tuple[float, ...]:
        """The absolute tolerances that go with a relative one."""
        return tuple(rtol * size for size in SIZES.get(self.name, (1.0,) * self.y0.shape[1]))

    def error(self, y: np.ndarray) -> float:
        """The largest error of y (state,): of stiff problems relative by component, of others to the largest one."""
        known = np.isfinite(self.end)
        size = np.abs(self.end[known]) if self.stiff else np.abs(self.end[known]).max()
        return float((np.abs(y - self.end)[known] / size).max())


def referenced(registry: Registry, name: str) -> Referenced:
    """The problem of that name; raises UnknownName."""
    problem = read_problem(registry.problem(name).read_text(encoding="utf-8"), name=name)
    system = problem.system
    assert system is not None
    assert system.reference is not None
    assert system.time.span is not None
    graph, known = system.graph(), system.reference
    p = np.array([system.values[parameter] for parameter in graph.parameters], dtype=float)
    t0 = system.time.span[0] if system.time.start is None else system.time.start
    y0 = np.array(graph.function("initial")(np.array([t0]), np.zeros((1, len(graph.states))), None, None, p))
    end = np.array([known.values.get(state, np.nan) for state in system.state_names])
    return Referenced(name, GraphRhs(graph, p), y0, float(t0), float(known.time), end, "stiff" in system.tags)


def path(problem: Referenced, ts: np.ndarray) -> np.ndarray:
    """y (time, state) of a problem that is not stiff, by SciPy's DOP853 at its sharpest.

    The known end value says how good it is: to 1e-10 on all of NON_STIFF and SEPARABLE, as the tests check.
    """
    found = by_scipy("DOP853", problem, 3e-14, atol=1e-16, ts=ts)
    return np.asarray(found.y.T)


def path_error(ys: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square over times after the first and states, each in units of its largest value on the path.

    The error at one time may vanish by luck as it changes its sign; over many it does not.
    """
    return float(np.sqrt(np.mean(((ys - wanted)[1:] / np.abs(wanted).max(axis=0)) ** 2)))


def at_tolerance(solver: Solver, problem: Referenced, rtol: float) -> Solver:
    """The solver at rtol and the problem's atol, a component where it takes several."""
    settings: dict[str, Any] = {"rtol": rtol, "atol": problem.atol(rtol)}
    return dataclasses.replace(solver, **settings)  # type: ignore[type-var]  # solvers with tolerances are dataclasses


def reach(solver: Solver, problem: Referenced, ts: np.ndarray, **options: Any) -> Trajectory:
    """The solution at ts (time,), which begin at t0."""
    with np.errstate(all="ignore"):
        return solver.solve(problem.rhs, problem.y0, ts[:1], ts[None], SolveOptions(**options))


def by_scipy(method: str, problem: Referenced, rtol: float, ts: np.ndarray, atol: Any = None) -> Any:
    """What scipy.integrate.solve_ivp makes of it at the same tolerances, with the same f and Jacobian."""
    from scipy.integrate import solve_ivp

    row = np.zeros(1, dtype=int)

    def f(t: float, y: np.ndarray) -> np.ndarray:
        at = np.array([t])
        return problem.rhs(at, y[None], row, at)[0]

    def jacobian(t: float, y: np.ndarray) -> np.ndarray:
        at = np.array([t])
        return problem.rhs.jacobians(at, y[None], row, at)[0][0]

    more = {"jac": jacobian} if method in ("Radau", "BDF") else {}
    atol = np.array(problem.atol(rtol)) if atol is None else atol
    return solve_ivp(f, (ts[0], ts[-1]), problem.y0[0], method, rtol=rtol, atol=atol, t_eval=ts, **more)


TRUSTED: dict[tuple[int, bool], str] = {(5, False): "RK45", (8, False): "DOP853", (5, True): "Radau"}
"""(order, for stiff problems) → the integrator of SciPy of the same order."""
