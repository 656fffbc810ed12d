"""Truth recovery: a fitted model beside the equations that the data came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import SolveOptions
from ..diagnose.fixed_points import eigenvalue_error, fixed_points
from ..diagnose.lyapunov import Exponent, largest_exponent
from ..diagnose.oscillation import period
from ..diagnose.vector_field import field_error
from ..errors.problems import ProblemFileWrong
from ..errors.store import LayoutWrong
from ..errors.usage import UsageError
from ..fitting.starting_points import latin_hypercube
from ..model import Model
from ..registry import installed
from .sources import read_problem

if TYPE_CHECKING:
    from ..problem import Problem

VISITED, AROUND = 2000, 500
"""Points at which the fields are compared: visited states, evenly chosen, and states around them."""
MARGIN = 0.25
"""How far the box around the visited states reaches beyond them, as a share of their range."""
STARTS = 40
"""Starts of Newton's method, half of them visited, half in the box."""
NEAR = 0.5
"""A fixed point of the model is that of the truth if it lies within so many spreads of it."""
SAMPLES = 4000
"""Times of the curve from which a period is read."""
TRAJECTORIES, TRANSIENT, SPAN, STEPS = 40, 150.0, 150.0, 10_000
"""Of a Lyapunov exponent: trajectories, their lengths in units of 1 / the mean |f| in spreads, and the most steps."""
CHAOTIC = 0.01
"""The least exponent of chaos, in those units; and it exceeds three of its standard errors."""


def matching_truth(model: Model, truth: str | Path | Problem, plugins: Iterable[str | Path] = ()) -> Problem:
    """The problem that is the truth; raises UsageError for one without equations, or with other states or inputs."""
    found = read_problem(truth, plugins) if isinstance(truth, str | Path) else truth
    if found.system is None:
        raise UsageError("a truth has equations, and this problem has none", help="--truth lorenz, or a problem file")
    _model_of(found, model)
    return found


def stored_truth(config: Mapping[str, Any]) -> Problem | None:
    """The truth that a run was started with; raises LayoutWrong where it cannot be read."""
    from ..problem import read_problem as read_text

    stored = config.get("truth")
    if stored is None:
        return None
    if not isinstance(stored, dict) or not all(isinstance(stored.get(key), str) for key in ("name", "text")):
        raise LayoutWrong("the run's configuration does not say what its truth is", help="fit again")
    return replace(read_text(stored["text"] + "\n"), name=stored["name"])


def known_truth(problem: Problem) -> Problem | None:
    """The equations that simulated a problem's own data, with the values of the file; None for any other data."""
    from ..problem import read_problem as read_text

    system, data = problem.system, problem.data
    if system is None or data is None or not system.text or data.source != f"simulated: {problem.name}":
        return None
    return replace(read_text(system.text + "\n"), name=problem.name)


def truth_recovery(
    model: Model, x: np.ndarray, states: np.ndarray, truth: Problem, parameters: dict[str, Any]
) -> dict[str, Any]:
    """The model at x beside the truth; `states` (observation, state) are those of its own free run.

    Keys: `problem`; `field` {on, off} (see `diagnose.field_error`: at the visited states, and in a box a quarter of
    their range wider); `fixed_points` (of the truth, each with its eigenvalues as [real, imaginary] pairs, the model's
    own nearby and the error of its eigenvalues); `period` and `lyapunov` {truth, found, relative_error}; `parameters`
    {name: truth, found, relative_error, inside: within the 95 % interval}; and `reasons` for what is None. Raises
    UsageError where the truth has other states, inputs or covariates than the model, or there are none.
    """
    if not model.field.states:
        raise UsageError("a curve has no motion to hold beside a truth", help="leave --truth out")
    pair = _Pair.of(model, x, states, truth)
    found: dict[str, Any] = {"problem": truth.name, "field": pair.field_errors(), "reasons": {}}
    found["reasons"] |= {} if found["field"] else {"field": "the model has no finite states"}
    for name, compute in (("fixed_points", pair.fixed_points), ("period", pair.periods), ("lyapunov", pair.exponents)):
        result = compute(found) if found["field"] else "the model has no finite states"
        found[name] = None if isinstance(result, str) else result
        found["reasons"] |= {name: result} if isinstance(result, str) else {}
    found["parameters"] = _parameters(truth, parameters)
    return found


@dataclass(frozen=True)
class _Pair:
    """f of the model and of the truth on one trajectory's conditions, states in the model's order."""

    model: Model
    x: np.ndarray
    true: Model
    place: np.ndarray  # of each state of the model among those of the truth (state,)
    visited: np.ndarray  # (point, state), finite
    at: np.ndarray  # their observations (point,)

    @classmethod
    def of(cls, model: Model, x: np.ndarray, states: np.ndarray, truth: Problem) -> _Pair:
        true = _model_of(truth, model)
        place = _places(truth, model.field.states)
        at = np.flatnonzero(np.isfinite(states).all(axis=1))
        at = at[np.unique(np.linspace(0, len(at) - 1, VISITED).astype(int))] if len(at) else at
        return cls(model, x, true, place, states[at], at)

    @cached_property
    def _own_rhs(self) -> Any:
        return self.model.rhs(self.x, np.arange(self.model.data.n_trajectories))

    @cached_property
    def _true_rhs(self) -> Any:
        return self.true.rhs(self.true.unknowns.start, np.arange(self.model.data.n_trajectories))

    def f(self, of: Model, y: np.ndarray, at: np.ndarray | int, jacobian: bool = False) -> np.ndarray:
        """f (point, state), or its Jacobian by the state, at y and the time and trajectory of the observations `at`."""
        data, at = self.model.data, np.broadcast_to(at, len(y))
        t, rows = data.t[at], data.trajectory_of[at]
        rhs = self._own_rhs if of is self.model else self._true_rhs
        wanted = rhs.state_jacobian if jacobian else rhs
        with np.errstate(all="ignore"):
            if of is self.model:
                values: np.ndarray = wanted(t, y, rows, t)
                return values
            inner = np.empty_like(y)
            inner[:, self.place] = y
            values = wanted(t, inner, rows, t)[:, self.place]
        return values[:, :, self.place] if jacobian else values

    @cached_property
    def size(self) -> np.ndarray:
        """The spread of each state (state,)."""
        spread = np.std(self.visited, axis=0)
        return np.where(spread > 0, spread, 1.0)

    @cached_property
    def around(self) -> np.ndarray:
        """States in the box (point, state)."""
        low, high = self.visited.min(axis=0), self.visited.max(axis=0)
        margin = MARGIN * np.where(high > low, high - low, 1.0)
        share = latin_hypercube(AROUND, len(low), np.random.default_rng(0))
        return low - margin + share * (high - low + 2 * margin)

    @cached_property
    def autonomous(self) -> bool:
        """Neither f depends on time, inputs or a trajectory's own constants."""
        data = self.model.data
        if data.inputs is not None or data.covariates or not self.model.columns.parameters_shared:
            return False
        y = np.repeat(self.visited[:1], 2, axis=0)
        ends = np.array([int(np.argmin(data.t)), int(np.argmax(data.t))])
        pairs = [self.f(of, y, ends) for of in (self.true, self.model)]
        return all(np.array_equal(first, last, equal_nan=True) for first, last in pairs)

    def field_errors(self) -> dict[str, Any] | None:
        """On and off the visited states."""
        if not len(self.visited):
            return None
        drawn = np.random.default_rng(1).choice(self.at, AROUND)  # times and inputs of the states around
        found: dict[str, Any] = {}
        true = self.f(self.true, self.visited, self.at)
        size = np.sqrt(np.nanmean(true**2, axis=0))
        for where, y, at in (("on", self.visited, self.at), ("off", self.around, drawn)):
            true = self.f(self.true, y, at)
            there = np.isfinite(true).all(axis=1)  # a box may reach where the truth has no value
            found[where] = field_error(
                self.f(self.model, y[there], at[there]), true[there], self.model.field.states, size
            )
        return found

    def fixed_points(self, found: dict[str, Any]) -> list[dict[str, Any]] | str:
        """Those of the truth, and the model's beside each."""
        if not self.autonomous:
            return "f depends on time, inputs or the trajectory"
        half = STARTS // 2
        starts = np.vstack([self.visited[:: max(1, len(self.visited) // half)][:half], self.around[:half]])
        true = fixed_points(*self._functions(self.true), starts, self.size)
        middle, reach = (starts.max(axis=0) + starts.min(axis=0)) / 2, np.ptp(starts, axis=0)
        true = true[(np.abs(true - middle) <= reach).all(axis=1)]
        if not len(true):
            return "the truth has no fixed point near the data"
        return [self._beside(point) for point in true]

    def _beside(self, point: np.ndarray) -> dict[str, Any]:
        f, jacobian = self._functions(self.model)
        own = fixed_points(f, jacobian, point[None] + 0.0, self.size)
        distance = float(np.sqrt(np.mean(((own[0] - point) / self.size) ** 2))) if len(own) else None
        near = distance is not None and distance <= NEAR
        there = np.linalg.eigvals(self._functions(self.true)[1](point[None])[0])
        here = np.linalg.eigvals(jacobian(own[:1])[0]) if near else None
        return {
            "truth": self._named(point),
            "eigenvalues": _pairs(there),
            "found": self._named(own[0]) if near else None,
            "found_eigenvalues": None if here is None else _pairs(here),
            "distance": distance,
            "eigenvalue_error": None if here is None else eigenvalue_error(here, there),
        }

    def _named(self, y: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self.model.field.states, y, strict=True)}

    def _functions(self, of: Model) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
        first = int(self.at[0])
        return (lambda y: self.f(of, y, first)), (lambda y: self.f(of, y, first, jacobian=True))

    def periods(self, found: dict[str, Any]) -> dict[str, Any] | str:
        """Of the free runs of both over the first trajectory's span, from the model's start."""
        true, own = (self._curve_period(of) for of in (self.true, self.model))
        if true is None:
            return "the truth does not oscillate with one period within the data"
        return _beside_each_other(true, own)

    def _curve_period(self, of: Model) -> float | None:
        data = self.model.data
        ts = np.linspace(self.model.t0[0], data.t[data.rows(0)][-1], SAMPLES)[None]
        y0, _ = self.model.initial(self.x)
        if of is self.model:
            return period(ts[0], of.solve(self.x, np.array([0]), ts).ys[0])
        inner = np.empty((1, len(self.place)))
        inner[:, self.place] = y0[:1]
        with np.errstate(all="ignore"):
            rhs = of.rhs(of.unknowns.start, np.array([0]))
            options = SolveOptions(breaks=of.breaks(np.array([0])))
            return period(ts[0], of.solver.solve(rhs, inner, self.model.t0[:1], ts, options).ys[0])

    def exponents(self, found: dict[str, Any]) -> dict[str, Any] | str:
        """Largest Lyapunov exponents where the truth is chaotic; it has no period then."""
        if self.visited.shape[1] < 3:
            return "only three states or more can be chaotic"
        if not self.autonomous:
            return "f depends on time, inputs or the trajectory"
        speed = float(np.mean(np.sqrt(np.mean((self.f(self.true, self.visited, self.at) / self.size) ** 2, axis=1))))
        if not (np.isfinite(speed) and speed > 0):
            return "the truth stands still"
        starts = self.visited[np.linspace(0, len(self.visited) - 1, TRAJECTORIES).astype(int)]

        def exponent(of: Model) -> Exponent | None:
            rng = np.random.default_rng(2)
            return largest_exponent(*self._functions(of), starts, SPAN / speed, TRANSIENT / speed, rng, STEPS)

        true = exponent(self.true)
        if true is None:
            return "the truth is too stiff, or leaves the numbers"
        if true.value < max(CHAOTIC * speed, 3 * true.error):
            return f"the truth is not chaotic (its largest exponent is {true.value:.2g})"
        found |= {"period": None, "reasons": {**found["reasons"], "period": "the truth is chaotic"}}
        own = exponent(self.model)
        errors = {"truth_error": true.error, "found_error": own.error if own else None}
        return _beside_each_other(true.value, own.value if own else None) | errors


def _beside_each_other(true: float | None, own: float | None) -> dict[str, Any]:
    known = true is not None and own is not None and true != 0
    error = abs(own - true) / abs(true) if known else None  # type: ignore[operator,arg-type]
    return {"truth": true, "found": own, "relative_error": error}


def _pairs(values: np.ndarray) -> list[list[float]]:
    """Complex numbers as [real, imaginary], the largest real part first."""
    ordered = sorted(values, key=lambda value: (-value.real, value.imag))
    return [[float(value.real), float(value.imag)] for value in ordered]


def _parameters(truth: Problem, parameters: dict[str, Any]) -> dict[str, Any]:
    """The model's parameters that the truth has, too, beside its values."""
    assert truth.system is not None
    found = {}
    for name, true in truth.system.values.items():
        entry = parameters.get(name)
        if entry is None or entry.get("fixed"):
            continue
        low, high = entry.get("ci95") or (np.nan, np.nan)  # an end that is None is beyond all numbers
        inside = bool((low is None or low <= true) and (high is None or true <= high)) if entry.get("ci95") else None
        found[name] = {**_beside_each_other(float(true), entry["value"]), "inside": inside}
    return found


def _places(truth: Problem, states: tuple[str, ...]) -> np.ndarray:
    """The place of each state of the model among the truth's, by name or by the channel that measures it."""
    system = truth.system
    assert system is not None
    names = {each.name: each.formula for each in system.observed} | {name: name for name in system.state_names}
    places = [system.state_names.index(names[s]) if names.get(s) in system.state_names else -1 for s in states]
    if sorted(places) != list(range(len(system.state_names))):
        raise UsageError(
            f"the truth {truth.name!r} has the states {', '.join(system.state_names)}, the model {', '.join(states)}",
            help="give a truth with the model's states: workbench problems show NAME lists them",
        )
    return np.array(places)


def _model_of(truth: Problem, model: Model) -> Model:
    """The truth as a model on the same data: its parameters are its unknowns' start."""
    assert truth.system is not None
    _places(truth, model.field.states)
    data = model.data
    for kind, wanted, there in (
        ("inputs", truth.system.input_names, data.inputs.names if data.inputs is not None else ()),
        ("covariates", truth.system.covariate_names, tuple(data.covariates)),
    ):
        if set(wanted) - set(there):
            raise UsageError(
                f"the truth {truth.name!r} has the {kind} {', '.join(wanted)}, the data {', '.join(there) or 'none'}",
                help="give a truth that is driven by what the data hold",
            )
    try:
        question = truth.with_data(data, "none")
    except ProblemFileWrong as error:
        raise UsageError(f"the truth {truth.name!r} does not fit the data: {error.message}") from error
    registry = installed()
    field = registry.make("dynamics", "equations").build(question, np.random.default_rng(0))
    return Model(question, field, registry.make("solver", "dop853"), registry.make("loss", "mse"))
