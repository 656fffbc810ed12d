"""How the learned terms of a system are scaled: by what the data tell of their arguments and of the states' slopes.

The test part is not looked at. Where a state is not observed, its start stands in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.graph import Graph
from workbench.graph.network import inputs_of
from workbench.system import Scaling

if TYPE_CHECKING:
    from workbench.dataset import Dataset
    from workbench.system import System

    from .problem import Problem

FINEST = 100
"""A slope is a difference over at least this part of a trajectory: over single observations noise outgrows it."""
TINY = 1e-30  # of a complex step
HALVINGS = 60


@dataclass(frozen=True)
class Visited:
    """What is known of the system where it was observed: t (line,), y (line, state), u and c likewise, and slopes."""

    t: np.ndarray
    y: np.ndarray
    u: np.ndarray | None
    c: np.ndarray | None
    slope: np.ndarray  # (state,) root mean square of dy/dt, a typical size; of hidden states as their own rates have it

    @property
    def arguments(self) -> tuple[np.ndarray | None, ...]:
        """As a graph takes them, before p."""
        return self.t, self.y, self.u, self.c


def scaling(problem: Problem) -> dict[str, Scaling]:
    """Learned term → its scaling; {} where there are none or no data.

    Centre and spread are mean and standard deviation of each argument over all calls of the term. The size is the
    largest for which a term of that size moves no state faster than the state's typical slope, at the parameters'
    start values: drawn small, the term is then a small correction of the known equations.
    """
    system = problem.system
    if system is None or not system.networks or problem.data is None:
        return {}
    graph = system.graph()
    p = np.concatenate([list(system.values.values()), np.zeros(len(system.weight_names))])
    with np.errstate(all="ignore"):
        seen = _visited(problem, system, graph, p)
        found, at = {}, len(system.parameters)
        for network in system.networks:
            calls = [k for k, each in enumerate(graph.networks) if each.weights == at]
            at += len(network.weight_names)
            columns = np.concatenate([graph.function(inputs_of(k))(*seen.arguments, p) for k in calls])
            centre, spread = zip(*map(_spread, columns.T), strict=True)
            found[network.name] = Scaling(centre, spread, _size(graph, seen, p, at - 1))
    return found


def _size(graph: Graph, seen: Visited, p: np.ndarray, output_bias: int) -> float:
    """How large the output of a term may be, its weights apart from the last bias being 0."""
    f = graph.function("rhs")
    moved = p + 0j
    moved[output_bias] = TINY * 1j
    gain = np.sqrt(np.nanmean((f(*seen.arguments, moved).imag / TINY) ** 2, axis=0))
    acting = np.isfinite(gain) & (gain > 0)
    if not acting.any():
        return 1.0
    size, start = float(np.min(seen.slope[acting] / gain[acting])), f(*seen.arguments, p)
    for _ in range(HALVINGS):  # a term inside an exponential moves f by more than its derivative says
        there = p.copy()
        there[output_bias] = size
        change = np.sqrt(np.nanmean((f(*seen.arguments, there) - start) ** 2, axis=0))[acting]
        if (change <= 2 * seen.slope[acting]).all():
            break
        size /= 2
    return size


def _visited(problem: Problem, system: System, graph: Graph, p: np.ndarray) -> Visited:
    data = problem.data
    assert data is not None
    kept = np.flatnonzero(problem.seen.observations)
    t, numbers = data.t[kept], data.trajectory_of[kept]
    c = (
        np.column_stack([data.covariates[name] for name in system.covariate_names])[numbers]
        if system.covariates
        else None
    )
    y = np.array(graph.function("initial")(t, None, None, c, p), dtype=float)
    start, slope = y.copy(), np.full(len(system.states), np.nan)
    channels = {o.formula: data.channels.index(o.name) for o in system.observed if o.name in data.channels}
    equations = {state.name: i for i, state in enumerate(system.states) if state.name in channels}
    for i, state in enumerate(system.states):
        if state.name in channels:
            y[:, i] = data.values[kept, channels[state.name]]
            slope[i] = _size_of(_slopes(t, y[:, i], numbers))
    for name, i in equations.items():  # a hidden rate: d angle/dt = rate
        rate = system.states[i].equation.strip()
        if rate in system.state_names and rate not in channels:
            y[:, system.state_names.index(rate)] = rates = _slopes(t, data.values[kept, channels[name]], numbers)
            slope[system.state_names.index(rate)] = _size_of(_slopes(t, rates, numbers))
    usable = np.isfinite(y).all(axis=1)
    y, t, numbers = y[usable], t[usable], numbers[usable]
    u = _inputs(data, t, numbers) if system.inputs else None
    seen = Visited(t, y, u, None if c is None else c[usable], slope)
    size = np.abs(start).max(axis=0, initial=0.0)
    typical = np.where(size > 0, size, 1.0) * _rates(graph, seen, p)
    return replace(seen, slope=np.where(np.isfinite(slope) & (slope > 0), slope, typical))


def _rates(graph: Graph, seen: Visited, p: np.ndarray) -> np.ndarray:
    """How fast each state changes by itself (state,): |∂f/∂y| of its own, at least once over the whole span."""
    slowest = 1.0 / max(float(np.ptp(seen.t)), 1e-300) if len(seen.t) else 1.0
    own = np.diagonal(graph.function("rhs", ("y",))(*seen.arguments, p)[1], axis1=1, axis2=2)
    return np.fmax([_size_of(column) for column in own.T], slowest)


def _slopes(t: np.ndarray, values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Difference quotients within trajectories, at each line; NaN where there is none."""
    found = np.full(len(t), np.nan)
    for i in np.unique(numbers):
        own = np.flatnonzero((numbers == i) & np.isfinite(values))
        reach = max(1, len(own) // (2 * FINEST))
        if len(own) <= 2 * reach:
            continue
        before, after = own[: -2 * reach], own[2 * reach :]
        found[own[reach:-reach]] = (values[after] - values[before]) / (t[after] - t[before])
    return np.where(np.isfinite(found), found, np.nan)


def _size_of(values: np.ndarray) -> float:
    """Root mean square of the finite ones; NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(finite**2))) if len(finite) else np.nan


def _spread(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; for a constant its own size, or 1, as the spread."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    mean, deviation = float(np.mean(finite)), float(np.std(finite))
    return mean, deviation if deviation > 1e-9 * abs(mean) else abs(mean) or 1.0


def _inputs(data: Dataset, t: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """u (line, input), straight between samples: near enough for a size."""
    assert data.inputs is not None
    found = np.zeros((len(t), len(data.inputs.names)))
    for i in np.unique(numbers):
        rows = data.inputs.rows(int(i))
        for j, column in enumerate(data.inputs.values[rows].T):
            found[numbers == i, j] = np.interp(t[numbers == i], data.inputs.t[rows], column)
    return found
