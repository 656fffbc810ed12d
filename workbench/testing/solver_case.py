"""What the tests of a solver share: the solver as it is offered, as it is usable, and as the loop's own."""

from __future__ import annotations

from typing import ClassVar

import pytest

from ..contracts import Solver
from ..engine import LoopSolver
from ..measure import Candidate
from .contract import Contract


class SolverCase(Contract):
    """Fixtures of every part of SolverContract."""

    kind: ClassVar[str] = "solver"
    tolerance: ClassVar[float] = 1e-3
    """How far a solver with its default settings may be from a solution of size 1."""

    @pytest.fixture
    def candidate(self, offered: str) -> Candidate:
        """The solver with what it says of itself and how it can be made anew."""
        return Candidate.of(self.registry(), offered, self.settings)

    @pytest.fixture
    def usable(self, candidate: Candidate) -> Solver:
        """The solver itself if it is adaptive, else with steps of 1/200."""
        if candidate.usable is None:
            pytest.skip("it has neither step control nor an option `step`")
        return candidate.usable

    @pytest.fixture
    def loop(self, made: Solver) -> LoopSolver:
        """The solver, if it is made of a method and the engine's loop."""
        if not isinstance(made, LoopSolver):
            pytest.skip("a whole solver: it need not repeat its steps")
        return made

    @pytest.fixture
    def near(self, made: Solver) -> float:
        """What a solver with its defaults may err by: a method of order 1 ten times as much."""
        return self.tolerance if made.order is None or made.order > 1 else 10 * self.tolerance

    def with_step(self, candidate: Candidate, h: float) -> Solver:
        """The solver with equal steps of at most h; skips where it has none."""
        solver = candidate.with_step(h)
        if solver is None:
            pytest.skip("it takes no equal steps")
        return solver
