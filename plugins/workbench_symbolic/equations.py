"""A System as a field: its parameters, the weights of its learned terms and its numeric initial values are unknowns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from workbench import Block, Graph, Problem, System
from workbench.errors.usage import UsageError

from .offers import FitInitial
from .weights import drawn


@dataclass(frozen=True)
class Equations:
    """The equations of the problem file; `fit_initial` "declared" frees the initial values that the file frees."""

    fit_initial: FitInitial
    decay: float

    def build(self, problem: Problem, generator: np.random.Generator) -> SystemField:
        """The problem's System on its data; the weights of learned terms are drawn from `generator`."""
        if problem.system is None:
            raise UsageError(
                "the dynamics 'equations' need a problem with equations, and there is only data",
                help="name one: --problem NAME or FILE.toml, or fit a network: -d mlp",
            )
        return SystemField(problem.system, problem, self.fit_initial, generator, self.decay)


class SystemField:
    """dy/dt of a System: blocks `parameters` (shared), `own` (one each trajectory), `weights` (shared) and `initial`.

    Weights are those of the learned terms that the equations call, scaled by what the data tell (`Problem.scaling`).
    A fitted initial value starts at the first observation of its trajectory where the state itself is observed there,
    else at the file's number; with several trajectories each has its own.
    """

    def __init__(
        self,
        system: System,
        problem: Problem,
        fit_initial: FitInitial,
        generator: np.random.Generator,
        decay: float = 0.0,
    ) -> None:
        self.system, self.problem, self.fit_initial = system, problem, fit_initial
        self.states = system.state_names
        self.observed = system.observed_names
        self.scaling, self.decay = problem.scaling(), decay
        self._origin, self._start = drawn(system, generator)

    @cached_property
    def _graph(self) -> Graph:
        return self.system.graph(self.scaling)

    def graph(self) -> Graph:
        """The System's graph, learned terms scaled."""
        return self._graph

    def module(self) -> None:
        """No module: the graph is all there is."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns at their start values."""
        found = (self._parameters(""), self._parameters("trajectory"), self._weights(), self._initial())
        return tuple(block for block in found if block)

    def _weights(self) -> Block | None:
        names = self.system.weight_names
        return Block("weights", names, self._start, shrink=self.decay, origin=self._origin) if names else None

    def _parameters(self, per: str) -> Block | None:
        found = [p for p in self.system.parameters if p.per == per]
        if not found:
            return None
        value = np.array([p.value for p in found], dtype=float)
        if per and self.problem.data is not None:
            value = np.tile(value, (self.problem.data.n_trajectories, 1))
        return Block(
            "own" if per else "parameters",
            tuple(p.name for p in found),
            value,
            free=np.array([not p.fixed for p in found]),
            lower=np.array([p.lower for p in found]),
            upper=np.array([p.upper for p in found]),
            transform=tuple(p.transform for p in found),
            prior=tuple(p.prior for p in found),
            per="trajectory" if per else "",
        )

    def _initial(self) -> Block | None:
        states = [replace(s, fit=self._fits(s.fit)) for s in self.system.states if not isinstance(s.initial, str)]
        if not states:
            return None
        rows = self.problem.data.n_trajectories if self.problem.data is not None else 1
        value = np.tile(np.array([float(s.initial) for s in states]), (rows, 1))
        for j, state in enumerate(states):
            if state.fit and not state.given:
                value[:, j] = self._observed_start(state.name, value[:, j], state.lower, state.upper)
        return Block(
            "initial",
            tuple(s.name for s in states),
            value,
            free=np.array([s.fit for s in states]),
            lower=np.array([s.lower for s in states]),
            upper=np.array([s.upper for s in states]),
            transform=tuple(s.transform for s in states),
            prior=tuple(s.prior for s in states),
            per="trajectory",
        )

    def _fits(self, declared: bool) -> bool:
        return {"declared": declared, "all": True, "none": False}[self.fit_initial]

    def _observed_start(self, state: str, value: np.ndarray, lower: float, upper: float) -> np.ndarray:
        """The first observation where it measures this very state at the start of the solve, within the bounds."""
        data, start = self.problem.data, self.problem.start
        channel = next((o.name for o in self.system.observed if o.formula == state), None)
        if data is None or channel not in data.channels:
            return value
        first = data.values[data.starts, data.channels.index(channel)]
        usable = np.isfinite(first) & (first > lower) & (first < upper)
        if start is not None:
            usable &= data.t[data.starts] == start
        return np.where(usable, first, value)

    def equations(self, values: dict[str, float]) -> tuple[str, ...]:
        """Readable right-hand sides with numbers in place of the named values, then what each learned term is."""
        return self.system.equations(values) + self.system.learned
