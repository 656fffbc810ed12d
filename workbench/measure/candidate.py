"""A solver under test: as it is offered, and made anew with the steps or tolerances that a measurement needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contracts import SolveOptions, Solver, Trajectory
from ..engine import LoopSolver
from ..registry import Registry
from .exact import COUPLED, DECAY, LONG, SHORT, Exact
from .separable import HARMONIC, KEPLER, PENDULUM

SMALL_STEP = 0.005
"""Steps of a method without step control, where nothing else is said."""


@dataclasses.dataclass(frozen=True, eq=False)  # itself alone: what is measured of it is known by it
class Candidate:
    """A solver from the registry, its settings, and what it says of itself."""

    registry: Registry
    name: str
    solver: Solver
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry, name: str, settings: Mapping[str, Any] | None = None) -> Candidate:
        """The offer of that name, made; raises what `Registry.make` raises."""
        settings = settings or {}
        return cls(registry, name, registry.make("solver", name, settings), settings)

    @property
    def options(self) -> set[str]:
        """The names of its options."""
        return {option.name for option in self.registry.entry("solver", self.name).options}

    @property
    def stiff(self) -> bool:
        """It claims to be for stiff problems."""
        return bool(getattr(self.solver, "stiff", False))

    @property
    def separable(self) -> bool:
        """It is for q' = f(p), p' = g(q) only, with states (q, p)."""
        return bool(getattr(self.solver, "separable", False))

    @property
    def dense_order(self) -> int | None:
        """The local order that its dense output claims; None where it makes no claim.

        A solver says it itself or by its method (a tableau); a method of the loop that says nothing has cubic Hermite
        interpolation, of order 3.
        """
        names = getattr(type(self.solver), "__dataclass_fields__", {})
        for holder in (self.solver, *(getattr(self.solver, name) for name in names)):
            claim = getattr(holder, "dense_order", None)
            if claim is not None:
                return int(claim)
        return 3 if isinstance(self.solver, LoopSolver) else None

    def remade(self, **settings: Any) -> Solver:
        """The solver with those of the settings that it has as options; the others are left out."""
        known = {name: value for name, value in settings.items() if name in self.options}
        made: Solver = self.registry.make("solver", self.name, {**self.settings, **known})
        return made

    def with_step(self, h: float) -> Solver | None:
        """The solver with equal steps of at most h; None where it has none."""
        if isinstance(self.solver, LoopSolver):
            return dataclasses.replace(self.solver, step=h)
        return self.remade(step=h) if "step" in self.options else None

    def with_tolerance(self, rtol: float, atol: float) -> Solver | None:
        """The adaptive solver at these tolerances; None where it chooses no steps by them."""
        return self.remade(rtol=rtol, atol=atol) if self.solver.adaptive and "rtol" in self.options else None

    @property
    def usable(self) -> Solver | None:
        """The solver itself if it is adaptive, else with small steps; None for one that has neither."""
        return self.solver if self.solver.adaptive else self.with_step(SMALL_STEP)

    # --- problems that it can solve

    @property
    def short(self) -> tuple[Exact, ...]:
        """Problems over a few units of time."""
        return (HARMONIC, KEPLER) if self.separable else SHORT

    @property
    def long(self) -> tuple[Exact, ...]:
        """Problems on which orders are measured."""
        return (PENDULUM, KEPLER) if self.separable else LONG

    @property
    def moving(self) -> Exact:
        """A problem of several states."""
        return KEPLER if self.separable else COUPLED

    @property
    def simple(self) -> Exact:
        """The simplest problem."""
        return HARMONIC if self.separable else DECAY


def solved(
    solver: Solver,
    problem: Exact,
    ts: np.ndarray,
    y0: np.ndarray | None = None,
    *,
    t0: float = 0.0,
    plain: bool = False,
    **options: Any,
) -> Trajectory:
    """The solution of a problem from t0 at ts (time,), from its own start or from y0 (rows, state).

    With `plain` the solver sees f alone, without its derivatives.
    """
    start = problem.y(np.array([t0])) if y0 is None else y0
    rows = len(start)
    f = problem.plain if plain else problem.rhs
    return solver.solve(f, start, np.full(rows, t0), np.tile(ts, (rows, 1)), SolveOptions(**options))


def root_mean_square(error: np.ndarray) -> float:
    """Over times and states; steps far too long may overflow it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(error**2)))
