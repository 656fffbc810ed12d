"""Simulate a problem's equations: ground truth, with noise where it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import SolveOptions
from ..diagnose.scoring import finite
from ..engine import Stateless
from ..errors.numerics import SolveFailed
from ..errors.usage import UsageError
from ..model.chain import Happening
from ..model.free_run import FreeRun
from ..model.graph_rhs import GraphRhs
from ..registry import by_kind, installed
from .grids import evenly
from .sources import read_problem

if TYPE_CHECKING:
    from ..contracts import Solver, Trajectory
    from ..dataset import Dataset
    from ..problem import Problem
    from ..system import System


@dataclass(frozen=True)
class Simulation:
    """Solutions of a system: ts (trajectory, time), states, and observed channels with noise if asked for."""

    problem: Problem
    ts: np.ndarray  # (trajectory, time)
    ys: np.ndarray  # (trajectory, time, state)
    observed: np.ndarray  # (trajectory, time, channel)
    trajectory: Trajectory
    changed: Mapping[str, float] = field(default_factory=dict)  # parameters that differ from the file's
    events: tuple[Happening, ...] = ()  # trajectory after trajectory, in order of time

    @property
    def system(self) -> System:
        """The equations that were solved, with the values that were used."""
        assert self.problem.system is not None
        return self.problem.system

    def dataset(self) -> Dataset:
        """The observed channels as data."""
        from ..dataset import Dataset

        n, length = self.ts.shape
        units = {o.name: o.unit for o in self.system.observed if o.unit}
        if self.system.time.unit:
            units["t"] = self.system.time.unit
        return Dataset(
            t=self.ts.ravel(),
            values=self.observed.reshape(n * length, -1),
            row_size=np.full(n, length),
            channels=self.system.observed_names,
            trajectories=tuple(str(i) for i in range(n)),
            units=units,
            time="t",
            source=f"simulated: {self.problem.name}{self._said()}",
        )

    def _said(self) -> str:
        values = ", ".join(f"{name}={value:g}" for name, value in self.changed.items())
        return f" with {values}" if values else ""

    def document(self) -> dict[str, Any]:
        """The document `workbench/simulate/1`; lists over trajectories where there are several."""
        one = len(self.ts) == 1

        def columns(values: np.ndarray, names: tuple[str, ...]) -> dict[str, list[float | None]]:
            return {name: list(map(finite, values[:, i])) for i, name in enumerate(names)}

        times = [list(map(finite, row)) for row in self.ts]
        states = [columns(row, self.system.state_names) for row in self.ys]
        observed = [columns(row, self.system.observed_names) for row in self.observed]
        status = list(self.trajectory.status)
        stats = [
            {k: int(v[i]) for k, v in self.trajectory.stats.items() if np.ndim(v) == 1} for i in range(len(self.ts))
        ]
        pick = (lambda found: found[0]) if one else (lambda found: found)
        return {
            "schema": "workbench/simulate/1",
            "times": pick(times),
            "states": pick(states),
            "observed": pick(observed),
            "status": pick(status),
            "message": pick(list(self.trajectory.message)),
            "stats": pick(stats),
            "events": pick([[self._told(e) for e in self.events if e.row == i] for i in range(len(self.ts))]),
        }

    def _told(self, event: Happening) -> dict[str, Any]:
        before, after = (
            dict(zip(self.system.state_names, map(finite, y), strict=True)) for y in (event.before, event.after)
        )
        return {"name": event.name, "time": event.t, "before": before, "after": after}


def simulate(
    problem: str | Path | Problem,
    *,
    solver: str = "tsit5",
    settings: Mapping[str, Any] | None = None,
    noise: str | float | None = None,
    samples: int | None = None,
    span: tuple[float, float] | None = None,
    trajectories: int = 1,
    irregular: bool = False,
    values: Mapping[str, float] | None = None,
    x0: Mapping[str, float] | None = None,
    seed: int = 0,
    plugins: Iterable[str | Path] = (),
    strict: bool = True,
) -> Simulation:
    """Solve a problem's equations with the values of its file.

    At `samples` times of the `span` (first, last), both the file's unless given; the `solver` is called by its name,
    with `settings` as `{"solver.rtol": 1e-8}` and `plugins` as files. `noise` "5%" adds Gaussian noise of 5 % of each
    channel's standard deviation, a number that standard deviation itself (channels of other noise scatter accordingly:
    see `_scatter`), drawn by `seed`; `irregular` draws the times uniformly; further `trajectories` start from initial
    values scaled by a factor drawn between ½ and 3/2; `values` replace parameters, `x0` initial states. A learned term
    has no value before a fit, so each needs one in `values`, and is that constant. Raises UsageError for equations
    that inputs drive, and SolveFailed unless `strict` is false, where the status tells.
    """
    asked = read_problem(problem, plugins) if isinstance(problem, str | Path) else problem
    if asked.system is None:
        raise UsageError("there are no equations to simulate", help="name a problem: workbench problems")
    terms = {n.name: float(values[n.name]) for n in asked.system.networks if values and n.name in values}
    system = _with_values(asked.system, {name: v for name, v in (values or {}).items() if name not in terms})
    _require_terms(system, terms)
    if system.inputs or system.covariates:
        names = ", ".join([*system.input_names, *system.covariate_names])
        raise UsageError(
            f"the equations are driven by {names}, which only data can give", help="fit or predict on data"
        )
    rng = np.random.default_rng([seed, 2])
    ts = _times(system, samples, span, trajectories, irregular, rng)
    graph = system.graph()
    p = np.concatenate([list(system.values.values()), _constant_terms(system, terms)])
    t0 = np.full(trajectories, ts[0, 0] if system.time.start is None else min(system.time.start, ts[0, 0]))
    y0 = np.array(graph.function("initial")(t0, np.zeros((trajectories, len(graph.states))), None, None, p))
    y0 = np.broadcast_to(y0, (trajectories, len(graph.states))).copy()
    y0[1:] *= rng.uniform(0.5, 1.5, (trajectories - 1, 1))
    for name, value in (x0 or {}).items():
        if name not in system.state_names:
            raise UsageError(f"there is no state {name!r}", help=f"the states are {', '.join(system.state_names)}")
        y0[:, system.state_names.index(name)] = value
    made = installed(tuple(plugins)).make("solver", solver, by_kind(settings or {})["solver"])
    made = made if graph.states else Stateless()
    with np.errstate(all="ignore"):
        trajectory, happened = _solved(made, GraphRhs(graph, p), system, y0, t0, ts)
        flat = trajectory.ys.reshape(ts.size, len(graph.states))
        clean = np.array(graph.function("observed")(ts.ravel(), flat, None, None, p)).reshape(*ts.shape, -1)
    bad = np.flatnonzero(~trajectory.ok)
    if strict and len(bad):
        raise SolveFailed(
            f"trajectory {bad[0]} ended with {trajectory.status[bad[0]]}: {trajectory.message[bad[0]]}",
            help="try --solver rodas5p, or a shorter --span",
        )
    observed = _scatter(clean, system, noise, rng)
    return Simulation(
        replace(asked, system=system), ts, trajectory.ys, observed, trajectory, dict(values or {}), happened
    )


def _solved(
    solver: Solver, rhs: GraphRhs, system: System, y0: np.ndarray, t0: np.ndarray, ts: np.ndarray
) -> tuple[Trajectory, tuple[Happening, ...]]:
    if not system.events:
        return solver.solve(rhs, y0, t0, ts, SolveOptions()), ()
    if ts[0, -1] < ts[0, 0]:
        raise UsageError("events happen forward in time", help="write --span with the earlier time first")
    chain = FreeRun(system.events, solver, rhs, y0, t0, ts)
    return chain.trajectory, chain.happenings


def _with_values(system: System, values: Mapping[str, float]) -> System:
    missing = [name for name in values if name not in system.parameter_names]
    if missing:
        raise UsageError(f"there is no parameter {missing[0]!r}", help=f"there are {', '.join(system.parameter_names)}")
    return replace(
        system, parameters=tuple(replace(p, value=float(values.get(p.name, p.value))) for p in system.parameters)
    )


def _require_terms(system: System, terms: Mapping[str, float]) -> None:
    """Raises UsageError for a learned term that nothing gives a value."""
    for network in system.networks:
        if network.name not in terms:
            raise UsageError(
                f"the learned term {network.name!r} has no value before a fit",
                help=f"fit data and predict from the run, or make it a constant: --set {network.name}=0",
            )


def _constant_terms(system: System, terms: Mapping[str, float]) -> np.ndarray:
    """Weights with which each learned term is a constant: its last bias, nothing else (weight,)."""
    parts = [np.append(np.zeros(len(n.weight_names) - 1), terms[n.name]) for n in system.networks]
    return np.concatenate([np.zeros(0), *parts])


def _times(
    system: System,
    samples: int | None,
    span: tuple[float, float] | None,
    n: int,
    irregular: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    begin, end = span or system.time.span or (0.0, 10.0)
    count = samples or system.time.samples or 200
    if count < 2 or not np.isfinite([begin, end]).all() or begin == end:
        raise UsageError(f"{count} samples over [{begin}, {end}] make no trajectory", help="--samples 200 --span 0,10")
    if not irregular:
        return np.tile(evenly(begin, end, count), (n, 1))
    inner = np.sort(rng.uniform(begin, end, (n, count - 2)), axis=1)
    ts = np.concatenate([np.full((n, 1), begin), inner, np.full((n, 1), end)], axis=1)
    return ts if begin < end else np.sort(ts, axis=1)[:, ::-1]


def _scatter(clean: np.ndarray, system: System, noise: str | float | None, rng: np.random.Generator) -> np.ndarray:
    """Observations around `clean` (trajectory, time, channel).

    Gaussian: y = mu + s·e, s a share of the channel's standard deviation or given. Student: the same, e of Student's t,
    4 degrees of freedom unless it says. Lognormal: y = mu·exp(share·e). Poisson: counts with mean mu, whatever the
    size asked for. Negative binomial: counts with mean mu and variance mu + (share·mu)². What lies beyond a channel's
    limits is shown at the limit.
    """
    if noise is None or noise == 0:
        return clean
    size, is_share = _size(noise)
    found = clean.copy()
    for i, channel in enumerate(system.observed):
        e = rng.standard_normal(clean.shape[:2])
        mu = np.maximum(np.nan_to_num(clean[..., i]), 0.0)
        if channel.noise == "lognormal":
            found[..., i] = clean[..., i] * np.exp(size * e)
        elif channel.noise == "poisson":
            found[..., i] = rng.poisson(mu)
        elif channel.noise == "negative-binomial":
            found[..., i] = rng.poisson(mu * rng.gamma(size**-2, size**2, mu.shape))
        else:
            if channel.noise.startswith("student"):
                e = rng.standard_t(float(channel.noise[8:-1] or 4), clean.shape[:2])
            found[..., i] += size * (np.nanstd(clean[..., i]) if is_share else 1.0) * e
        if channel.limits is not None:
            found[..., i] = np.clip(found[..., i], *channel.limits)
    return found


def _size(noise: str | float) -> tuple[float, bool]:
    match = re.fullmatch(r"\s*([0-9.eE+-]+)\s*(%?)\s*", str(noise))
    try:
        size = float(match[1]) if match else -1.0
    except ValueError:
        size = -1.0
    if match is None or not size >= 0:
        raise UsageError(
            f"{noise!r} is not a size of noise", help="--noise 5% (of each channel's spread) or --noise 0.1"
        )
    return (size / 100, True) if match[2] else (size, False)
