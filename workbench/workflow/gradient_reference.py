"""What gradients are checked against: derivatives of a solve along directions of (y0, p), by complex step or
differences, on the steps that were taken.

Complex step: Im F(x + ihv)/h has no rounding of differences for holomorphic F (Squire & Trapp 1998, SIAM Rev. 40,
110–112).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts import Mesh, SolveOptions, Solver
from ..engine import LoopSolver
from ..engine.tolerances import absolute, relative, with_tolerances
from ..errors import WorkbenchError
from ..errors.numerics import NoFiniteSolution
from ..model import Trial
from ..model.graph_rhs import GraphRhs
from ..model.module_rhs import ModuleRhs

TINY = 1e-30  # of a complex step: its square is nothing beside any derivative
STEP = 2e-4  # of differences on the same steps: truncation STEP⁴/30 of fifth derivatives, rounding eps/STEP
LONG = 1e-3  # of differences of solves that choose their steps again, each good to FINE
FINE = 1e-11
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
    """How the derivatives were had, one a direction, and to what share of |g||v| they can be trusted."""

    name: str
    values: np.ndarray
    bound: float


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


def _found(trial: Trial, p: np.ndarray, gys: np.ndarray, along: list[Direction], quick: bool) -> Reference:
    solver = trial.model.solver
    if not isinstance(solver, LoopSolver):
        atol = absolute(solver, trial.y0.shape[1:]) * FINE / relative(solver)
        fine = with_tolerances(solver, FINE, atol)
        values = [_difference(trial, fine, None, p, gys, one, LONG) for one in along]
        return Reference(OWN_STEPS, np.array(values), 1e-6)
    mesh = trial.trajectory.mesh
    assert mesh is not None, "the common loop gives its mesh"
    module = isinstance(trial.rhs, ModuleRhs)
    if not (module and quick):
        found = _by_complex_steps(trial, solver, mesh, p, gys, along)
        if found is not None and not (module and _disagrees(found[0], trial, solver, mesh, p, gys, along[0])):
            # a thousand roundings a step, and no fewer than a hundred steps' worth
            bound = 1e3 * float(np.finfo(float).eps) * max(100, int(mesh.n_steps.max(initial=0)))
            bound = max(bound, 10 * _shaken(found[0], trial, solver, mesh, p, gys, along[0]))
            return Reference(COMPLEX, found, bound)
    values = [_difference(trial, solver, mesh, p, gys, one, STEP) for one in along]
    return Reference(SAME_STEPS, np.array(values), 1e-6)


def _shaken(
    value: float, trial: Trial, solver: Solver, mesh: Mesh, p: np.ndarray, gys: np.ndarray, one: Direction
) -> float:
    """How far the derivative moves, relatively, with roundings of p: some solutions are that sensitive."""
    moved = _by_complex_steps(trial, solver, mesh, p * (1 + 4 * float(np.finfo(float).eps)), gys, [one])
    return 0.0 if moved is None or value == 0 else abs(float(moved[0]) - value) / abs(value)


def _disagrees(
    value: float, trial: Trial, solver: Solver, mesh: Mesh, p: np.ndarray, gys: np.ndarray, one: Direction
) -> bool:
    """A complex step is wrong without a word where a module is not holomorphic."""
    other = _difference(trial, solver, mesh, p, gys, one, STEP)
    return not abs(value - other) <= 1e-4 * max(abs(value), abs(other))


def _functional(ys: Any, gys: np.ndarray) -> Any:
    seen = gys != 0
    return np.sum(gys[seen] * np.asarray(ys)[seen])


def _difference(
    trial: Trial, solver: Solver, mesh: Mesh | None, p: np.ndarray, gys: np.ndarray, one: Direction, h: float
) -> float:
    """Five points (Abramowitz & Stegun 1964, 25.3.6)."""

    def at(s: float) -> float:
        rhs = _with_parameters(trial.rhs, p + s * one.p)
        return float(_functional(_solve(trial, solver, mesh, rhs, trial.y0 + s * one.y0), gys))

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def _by_complex_steps(
    trial: Trial, solver: Solver, mesh: Mesh, p: np.ndarray, gys: np.ndarray, along: list[Direction]
) -> np.ndarray | None:
    """None where f or the solver cannot be evaluated at complex numbers."""
    values = []
    for one in along:
        try:
            ys = _complex_solve(trial, solver, mesh, p + 1j * TINY * one.p, trial.y0 + 1j * TINY * one.y0)
        except (TypeError, ValueError, RuntimeError, np.linalg.LinAlgError, WorkbenchError):
            return None
        value = _functional(ys, gys)
        plain = _functional(trial.trajectory.ys, gys)
        if not np.isfinite(value) or abs(value.real - plain) > 1e-8 * np.sum(np.abs(gys)):
            return None
        values.append(value.imag / TINY)
    return np.array(values)


def _complex_solve(trial: Trial, solver: Solver, mesh: Mesh, p: np.ndarray, y0: np.ndarray) -> np.ndarray:
    if isinstance(trial.rhs, GraphRhs):
        return _solve(trial, solver, mesh, _with_parameters(trial.rhs, p), y0)
    import torch

    from ..model.backprop import TorchRhs

    with torch.no_grad():
        found = _solve(trial, solver, mesh, TorchRhs(trial.rhs, torch.from_numpy(p)), torch.from_numpy(y0))
    return found.numpy()


def _solve(trial: Trial, solver: Solver, mesh: Mesh | None, rhs: Callable[..., Any], y0: Any) -> Any:
    rows = trial.selection.rows
    options = replace(trial.options(keep=False), replay=mesh, max_steps=SolveOptions.max_steps)
    with np.errstate(all="ignore"):
        return solver.solve(rhs, y0, trial.model.t0[rows], trial.selection.ts, options).ys


def _with_parameters(rhs: Any, p: np.ndarray) -> Any:
    if isinstance(rhs, GraphRhs):
        return GraphRhs(rhs.graph, p, rhs.c, rhs.inputs, rhs.inputs_slope)
    return ModuleRhs(rhs.module, p, rhs.c, rhs.inputs, rhs.inputs_slope)
