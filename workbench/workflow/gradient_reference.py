"""What gradients are checked against: derivatives of a solve along directions of (y0, p), by complex step or
differences, on the steps that were taken.

Complex step: Im F(x + ihv)/h has no rounding of differences for holomorphic F (Squire & Trapp 1998, SIAM Rev. 40,
110–112).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..contracts import Mesh, SolveOptions, Solver
from ..engine import LoopSolver
from ..engine.tolerances import absolute, relative, with_tolerances
from ..errors import WorkbenchError
from ..errors.numerics import NoFiniteSolution
from ..model import Trial
from ..model.free_run import FreeRun
from ..model.graph_rhs import GraphRhs
from ..model.module_rhs import ModuleRhs

TINY = 1e-30  # of a complex step: its square is nothing beside any derivative
STEP = 2e-4  # of differences on the same steps: truncation STEP⁴/30 of fifth derivatives, rounding eps/STEP
LONG = 1e-3  # of differences of solves that choose their steps again, each good to FINE
FINE = 1e-11
DRAWS, ULPS = 4, 4  # how often the start and p are moved by roundings, and by how many of them at most
COMPLEX = "complex step"
SAME_STEPS = "differences on the same steps"
OWN_STEPS = "differences of fine solves"


@dataclass(frozen=True)
class Direction:
    """A change of y0 (row, state) and p, (parameter,) or (trajectory, parameter)."""

    y0: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class Reference:
    """How the derivatives were had, one a direction, and to what share of Σ|g_i v_i| they can be trusted."""

    name: str
    values: np.ndarray
    bound: float
    along: list[Direction]
    solves: Solves = field(repr=False)

    def roundings(self, rng: np.random.Generator) -> np.ndarray:
        """How far each derivative moves (direction,) when the start and p move by a few roundings.

        A stiff or sensitive solution multiplies the roundings of every step, so that its derivative is known no better.
        The largest of a few draws: a single one may come out small by chance.
        """
        far = np.zeros(len(self.along))
        for _ in range(DRAWS):
            moved = replace(self.solves, y0=_moved(self.solves.y0, rng), p=_moved(self.solves.p, rng))
            again = moved.by_complex_steps(self.along) if self.name == COMPLEX else moved.by_differences(self.along)
            far = np.fmax(far, np.abs(again - self.values))
        return far


def _moved(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x * (1 + rng.integers(-ULPS, ULPS, x.shape, endpoint=True) * np.finfo(float).eps)


def directions(trial: Trial, p: np.ndarray, n: int, rng: np.random.Generator) -> list[Direction]:
    """At random, each entry in proportion to its own size; where that is 0, to the mean size of all."""

    def of(x: np.ndarray) -> np.ndarray:
        size = np.abs(x)
        return rng.standard_normal(x.shape) * np.where(size > 0, size, size.mean() if size.any() else 1.0)

    return [Direction(of(trial.y0), of(p)) for _ in range(n)]


def reference(trial: Trial, p: np.ndarray, gys: np.ndarray, along: list[Direction], *, quick: bool) -> Reference:
    """d/ds Σ gys·ys at (y0, p) + s·direction for each direction.

    A solver of the common loop repeats its steps, another one solves finely. With `quick` modules are not tried with
    complex numbers. Raises NoFiniteSolution.
    """
    found = _found(trial, p, gys, along, quick)
    if not np.isfinite(found.values).all():
        raise NoFiniteSolution(
            f"there is nothing to check the gradient against: no finite result by {found.name}",
            help="take another solver, as --solver tsit5 or rodas5p",
        )
    return found


def untouched(trial: Trial, p: np.ndarray, gys: np.ndarray, along: list[Direction]) -> np.ndarray:
    """gys without the observations that an event passes over when (y0, p) moves as far as differences do.

    There the state jumps and has no derivative.
    """
    if trial.chain is None or trial.chain.events.fixed:
        return gys
    solves = Solves(trial, trial.model.solver, None, gys, trial.y0, p)
    before = solves.events_before(0.0, along[0])
    touched = np.zeros(before.shape, dtype=bool)
    for one in along:
        for s in (-2 * LONG, 2 * LONG):
            touched |= solves.events_before(s, one) != before
    return np.where(touched[:, :, None], 0.0, gys)


def _found(trial: Trial, p: np.ndarray, gys: np.ndarray, along: list[Direction], quick: bool) -> Reference:
    solver = trial.model.solver
    mesh = _steps(trial)
    if not isinstance(solver, LoopSolver) or mesh is None:
        atol = absolute(solver, trial.y0.shape[1:]) * FINE / relative(solver)
        solves = Solves(trial, with_tolerances(solver, FINE, atol), None, gys, trial.y0, p)
        return Reference(OWN_STEPS, solves.by_differences(along), 1e-6, along, solves)
    solves = Solves(trial, solver, mesh, gys, trial.y0, p)
    module = isinstance(trial.rhs, ModuleRhs)
    if not (module and quick):
        found = _by_complex_steps(solves, along)
        if found is not None and not (module and _not_holomorphic(found, solves, along[0])):
            # a thousand roundings a step, and no fewer than a hundred steps' worth
            n_steps = sum(int(piece.n_steps.max(initial=0)) for piece in mesh)
            bound = 1e3 * float(np.finfo(float).eps) * max(100, n_steps)
            return Reference(COMPLEX, found, bound, along, solves)
    return Reference(SAME_STEPS, solves.by_differences(along), 1e-6, along, solves)


def _steps(trial: Trial) -> list[Mesh] | None:
    """The steps that were taken, piece by piece between events; None where the events move, or steps are not told."""
    if trial.chain is not None:
        return trial.chain.meshes if trial.chain.events.fixed else None
    return None if trial.trajectory.mesh is None else [trial.trajectory.mesh]


def _by_complex_steps(solves: Solves, along: list[Direction]) -> np.ndarray | None:
    """None where f or the solver cannot be evaluated at complex numbers."""
    try:
        found = solves.by_complex_steps(along)
    except (TypeError, ValueError, RuntimeError, np.linalg.LinAlgError, WorkbenchError):
        return None
    return found if np.isfinite(found).all() else None


def _not_holomorphic(values: np.ndarray, solves: Solves, one: Direction) -> bool:
    """A complex step is wrong without a word where a module is not holomorphic; a graph is, by branches."""
    (other,) = solves.by_differences([one])
    return not abs(values[0] - other) <= 1e-4 * max(abs(values[0]), abs(other))


@dataclass(frozen=True)
class Solves:
    """Solves of a trial's right-hand side near (y0, p), on the steps of `mesh` where they are given, seen as Σ gys·ys.

    `mesh` holds one mesh a piece between events.
    """

    trial: Trial
    solver: Solver
    mesh: list[Mesh] | None
    gys: np.ndarray
    y0: np.ndarray
    p: np.ndarray

    def by_differences(self, along: list[Direction]) -> np.ndarray:
        """Derivatives (direction,) from five points (Abramowitz & Stegun 1964, 25.3.6)."""
        h = LONG if self.mesh is None else STEP

        def at(one: Direction, s: float) -> float:
            rhs = _with_parameters(self.trial.rhs, self.p + s * one.p)
            return float(self._functional(self._solve(rhs, self.y0 + s * one.y0)))

        return np.array(
            [(8 * (at(one, h) - at(one, -h)) - (at(one, 2 * h) - at(one, -2 * h))) / (12 * h) for one in along]
        )

    def by_complex_steps(self, along: list[Direction]) -> np.ndarray:
        """Derivatives (direction,); raises where f or the solver cannot be evaluated at complex numbers."""
        starts = [(self.p + 1j * TINY * one.p, self.y0 + 1j * TINY * one.y0) for one in along]
        return np.array([np.imag(self._functional(self._complex_solve(*start))) / TINY for start in starts])

    def _complex_solve(self, p: np.ndarray, y0: np.ndarray) -> np.ndarray:
        rhs = self.trial.rhs
        if isinstance(rhs, GraphRhs):
            return self._solve(_with_parameters(rhs, p), y0)
        import torch

        from ..model.backprop import TorchRhs

        with torch.no_grad():
            return self._solve(TorchRhs(rhs, torch.from_numpy(p)), torch.from_numpy(y0)).numpy()

    def _solve(self, rhs: Any, y0: Any) -> Any:
        trial = self.trial
        rows = trial.selection.rows
        if trial.chain is not None:
            return self._through_events(rhs, y0).trajectory.ys
        replay = None if self.mesh is None else self.mesh[0]
        options = replace(trial.options(keep=False), replay=replay, max_steps=SolveOptions.max_steps)
        with np.errstate(all="ignore"):
            return self.solver.solve(rhs, y0, trial.model.t0[rows], trial.selection.ts, options).ys

    def _through_events(self, rhs: Any, y0: np.ndarray) -> FreeRun:
        trial = self.trial
        return FreeRun(trial.model.events, self.solver, rhs, y0, trial.t0, trial.selection.ts, self.mesh)

    def events_before(self, s: float, one: Direction) -> np.ndarray:
        """How many events each time asked for has before it (row, time), at (y0, p) + s·direction."""
        rhs = _with_parameters(self.trial.rhs, self.p + s * one.p)
        ts = self.trial.selection.ts
        found = np.zeros(ts.shape, dtype=int)
        for event in self._through_events(rhs, self.y0 + s * one.y0).happenings:
            found[event.row] += ts[event.row] > event.t
        return found

    def _functional(self, ys: Any) -> Any:
        seen = self.gys != 0
        return np.sum(self.gys[seen] * np.asarray(ys)[seen])


def _with_parameters(rhs: Any, p: np.ndarray) -> Any:
    if isinstance(rhs, GraphRhs):
        return GraphRhs(rhs.graph, p, rhs.c, rhs.inputs, rhs.inputs_slope)
    return ModuleRhs(rhs.module, p, rhs.c, rhs.inputs, rhs.inputs_slope)
