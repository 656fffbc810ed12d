"""`Prepared.least_squares`: the parameters and initial values for which a prepared solve runs through observations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..compiled import allowed_threads
from ..compiled.least_squares import KINDS, Ended, Found, Observations, Places, Settings, fits
from ..compiled.observed import channels
from ..errors.problems import BoundsExclude
from ..errors.usage import UsageError
from ..unknowns import Block, Transform, Unknowns
from .compiled import CompiledSolve

Bounds = Mapping[str, tuple[float, float]]
Per = Literal["", "trajectory"]


@dataclass(frozen=True)
class Start:
    """One line of the waterfall: from where a fit began, and where and why it ended."""

    number: int  # among the starts; 0 is the given one
    start: np.ndarray  # (unknown,)
    solution: np.ndarray  # (unknown,)
    cost: float
    iterations: int
    status: Ended


@dataclass(frozen=True)
class Fitting:
    """A fit's layout: its unknowns, and where they stand in the parameters and initial states."""

    unknowns: Unknowns
    places: Places
    per: Per

    def vector(self, params: np.ndarray, y0: np.ndarray) -> np.ndarray:
        """The free entries of params (parameter,) and y0 (row, state), physical (unknown,)."""
        found = np.empty(len(self.unknowns.labels))
        for values, index in ((params, self.places.p), (y0, self.places.y0)):
            free = index >= 0
            found[index[free]] = values[free]
        return found

    def filled(self, solution: np.ndarray, values: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Values with the free entries put in."""
        return np.where(index >= 0, solution[index], values) if len(solution) else values

    @cached_property
    def plain(self) -> bool:
        """x are the physical values."""
        return not self.places.kind.any()


@dataclass(frozen=True, repr=False)
class LeastSquares:
    """The best of some fits; see `Prepared.least_squares`. What is asked for is put together then."""

    fitting: Fitting
    observations: Observations
    begun: list[np.ndarray]  # where each fit started, physical (unknown,)
    fits: list[Found]  # where it ended, in the scale of x
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of the values and of y0, as they were given

    @cached_property
    def found(self) -> Found:
        """The best fit, in the scale of x."""
        return self.fits[self.starts[0].number] if len(self.fits) > 1 else self.fits[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the unknowns: a parameter's own, x(0) of an initial value, x(0)[2] of the third trajectory's."""
        return self.fitting.unknowns.labels

    @property
    def cost(self) -> float:
        """Half the sum of the squared, weighted residuals."""
        return self.found.cost

    @property
    def status(self) -> Ended:
        """Why the fit ended: "decrease", "step" or "gradient" (converged by which), "stalled" (no step is better,

        though the derivative says that one should), "iterations", "deadline" or "no_finite_solution" (at the start).
        """
        return self.found.ended

    @property
    def converged(self) -> bool:
        """It ended where no step is better."""
        return self.status in ("decrease", "step", "gradient")

    @property
    def iterations(self) -> int:
        """Steps that lowered the cost."""
        return int(self.found.counts[2])

    @cached_property
    def _physical(self) -> tuple[np.ndarray, np.ndarray]:
        return self.fitting.unknowns.physical(self.found.x)

    @property
    def solution(self) -> np.ndarray:
        """The unknowns, physical (unknown,)."""
        return self._physical[0]

    @cached_property
    def params(self) -> np.ndarray:
        """All parameters, held ones included (parameter,)."""
        return self.fitting.filled(self.solution, self.observations.p, self.fitting.places.p)

    @cached_property
    def y0(self) -> np.ndarray:
        """All initial values, held ones included, in the shape in which they were given."""
        filled = self.fitting.filled(self.solution, self.observations.y0, self.fitting.places.y0)
        return filled.reshape(self.shapes[1])

    @cached_property
    def residuals(self) -> np.ndarray:
        """weight · (mu − value) in the shape of the values, NaN where none is."""
        seen = self.observations
        with np.errstate(invalid="ignore"):
            r = np.where(seen.weights != 0, seen.weights * (self.found.mu - seen.values), np.nan)
        return r.reshape(self.shapes[0])

    @cached_property
    def normal(self) -> np.ndarray:
        """JᵀJ of the residuals by the physical unknowns (unknown, unknown)."""
        slope = self._physical[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.found.hessian / slope / slope[:, None]

    @cached_property
    def covariance(self) -> np.ndarray:
        """s²(JᵀJ)⁻¹ (unknown, unknown), s² = 2 cost / (n − p) (Seber & Wild 1989, §2.1.2), bounds taken for inactive.

        NaN where J is singular or there are no more observations than unknowns.
        """
        freedom = int((self.observations.weights != 0).sum()) - len(self.solution)
        scale = np.sqrt(np.diagonal(self.normal))
        with np.errstate(all="ignore"):
            try:
                inverse = np.linalg.inv(self.normal / scale / scale[:, None]) / scale / scale[:, None]
            except np.linalg.LinAlgError:
                return np.full_like(self.normal, np.nan)
        return inverse * (2 * self.cost / freedom if freedom > 0 else np.nan)

    @cached_property
    def starts(self) -> tuple[Start, ...]:
        """Every fit, the best first: the waterfall."""
        physical = self.fitting.unknowns.physical
        lines = [
            Start(i, start, physical(one.x)[0], one.cost, int(one.counts[2]), one.ended)
            for i, (start, one) in enumerate(zip(self.begun, self.fits, strict=True))
        ]
        return tuple(sorted(lines, key=lambda line: (not line.cost < np.inf, line.cost, line.number)))

    def __repr__(self) -> str:
        pairs = zip(self.labels[:8], self.solution, strict=False)
        unknowns = ", ".join(f"{label} = {value:.6g}" for label, value in pairs)
        more = ", …" if len(self.labels) > 8 else ""
        ended = f"{self.status} after {self.iterations} iterations"
        return f"LeastSquares({unknowns}{more}; cost = {self.cost:.6g}, {ended})"


class Fitter:
    """Fits of one prepared solve: what depends on names alone is laid out once."""

    def __init__(self, solve: CompiledSolve) -> None:
        self.solve, self.handle = solve, solve.handle
        self._laid_out: dict[Any, Fitting] = {}

    def layout(
        self, free: Sequence[str] | None, bounds: Bounds, transform: Mapping[str, Transform], per: Per
    ) -> Fitting:
        """The unknowns by names."""
        key = (free and tuple(free), tuple(bounds.items()), tuple(transform.items()), per)
        if key not in self._laid_out:
            self._laid_out[key] = self._lay_out(free, bounds, transform, per)
        return self._laid_out[key]

    def _lay_out(
        self, free: Sequence[str] | None, bounds: Bounds, transform: Mapping[str, Transform], per: Per
    ) -> Fitting:
        graph, rows = self.handle.kernel.graph, self.handle.rows
        starts = tuple(f"{state}(0)" for state in graph.states)
        wanted = graph.parameters if free is None else free
        for name in (*wanted, *bounds, *transform):
            if name not in graph.parameters and name not in starts:
                known = ", ".join((*graph.parameters[:6], *starts[:3]))
                raise UsageError(f"there is no parameter or initial value {name!r}", help=f"there are {known}, …")
        if per not in ("", "trajectory"):
            raise UsageError(f"per = {per!r}", help='per="trajectory", or per="" for initial values that all share')
        own = rows if per else 1
        low = {name: float(low) for name, (low, _) in bounds.items()}
        high = {name: float(high) for name, (_, high) in bounds.items()}

        def block(title: str, names: tuple[str, ...], labels: tuple[str, ...], shape: tuple[int, ...]) -> Block:
            kinds = tuple(transform.get(name, "identity") for name in names)
            lower = np.array([low.get(name, -np.inf) for name in names])
            upper = np.array([high.get(name, np.inf) for name in names])
            _check_bounds(names, kinds, lower, upper)
            value = np.ones(len(names))  # a place holder: starts come with each fit
            free = np.broadcast_to([name in wanted for name in names], shape)
            return Block(title, labels, np.broadcast_to(value, shape), free, lower, upper, kinds)

        unknowns = Unknowns(
            [
                block("parameters", graph.parameters, graph.parameters, (len(graph.parameters),)),
                block("initial", starts, graph.states, (own, len(starts))),
            ]
        )
        return Fitting(unknowns, _places(unknowns, rows), per)

    def __call__(
        self,
        values: Any,
        weights: Any,
        y0: np.ndarray,
        params: np.ndarray,
        fitting: Fitting,
        starts: Any,
        settings: Settings,
        seed: int,
        deadline: float | None,
        threads: int | None,
    ) -> LeastSquares:
        """The best of the fits from some starts."""
        handle = self.handle
        shape = (handle.rows, handle.times, channels(handle.kernel.graph))
        values, weights, shown = _observed(values, weights, shape)
        rows = y0[None] if y0.ndim == 1 else y0
        if not fitting.per and np.any((rows != rows[0])[:, fitting.places.y0[0] >= 0]):
            raise UsageError(
                "an initial value that all trajectories share differs between them", help='per="trajectory"'
            )
        first = fitting.vector(params, rows)
        begun = _starts(first, fitting, starts, seed)
        xs = begun if fitting.plain else [fitting.unknowns.to_x(start) for start in begun]
        seen = Observations(values, weights, params, rows, self.solve._pieces)
        if threads is None:
            threads = allowed_threads() if len(xs) > 1 else 1
        found = fits(handle, seen, fitting.places, xs, settings, deadline, threads)
        return LeastSquares(fitting, seen, begun, found, (shown, y0.shape))


def least_squares(
    fitter: Fitter,
    values: Any,
    y0: Any,
    params: Any,
    *,
    free: Sequence[str] | None,
    bounds: Bounds | None,
    transform: Mapping[str, Transform] | None,
    per: Per,
    weights: Any,
    starts: Any,
    seed: int,
    settings: Settings,
    deadline: float | None,
    threads: int | None,
) -> LeastSquares:
    """See `Prepared.least_squares`."""
    solve = fitter.solve
    params = np.asarray(solve.parameters(params), dtype=float)
    if params.shape != (solve.handle.kernel.n_parameters,):
        wanted = f"({solve.handle.kernel.n_parameters},)"
        raise UsageError(f"params has the shape {params.shape}, but all trajectories share {wanted}")
    y0 = np.asarray(y0.detach().numpy() if hasattr(y0, "detach") else y0, dtype=float)
    fitting = fitter.layout(free, bounds or {}, transform or {}, per)
    until = solve.asked.until() if deadline is None else time.monotonic() + deadline
    return fitter(values, weights, y0, params, fitting, starts, settings, seed, until, threads)


def _check_bounds(names: tuple[str, ...], kinds: tuple[str, ...], lower: np.ndarray, upper: np.ndarray) -> None:
    for name, kind, low, high in zip(names, kinds, lower, upper, strict=True):
        if kind not in KINDS:
            raise UsageError(f"{name} has the transform {kind!r}", help=f"take one of {', '.join(KINDS)}")
        if not low < high or (kind == "log" and not high > 0):
            raise UsageError(
                f"the bounds of {name} are {low:g} and {high:g}", help="give (lower, upper), lower < upper"
            )
        if kind == "logit" and not np.isfinite([low, high]).all():
            raise UsageError(
                f"{name} has the transform logit, but no bounds on both sides", help=f"bounds={{{name!r}: …}}"
            )


def _places(unknowns: Unknowns, rows: int) -> Places:
    index = unknowns.index
    logit = unknowns.kind == "logit"
    base = np.where(logit, unknowns.low, 0.0)
    return Places(
        np.ascontiguousarray(index["parameters"], np.int64),
        np.ascontiguousarray(np.broadcast_to(index["initial"], (rows, index["initial"].shape[1])), np.int64),
        np.array([KINDS[str(kind)] for kind in unknowns.kind], np.int64),
        np.ascontiguousarray(unknowns.lower, float),
        np.ascontiguousarray(unknowns.upper, float),
        base,
        np.where(logit, unknowns.high - base, 0.0),
    )


def _observed(values: Any, weights: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Values and weights (row, time, channel), 0 where a value is missing, and the shape in which they came."""
    values = np.asarray(values, dtype=float)
    shown = values.shape
    if values.size != np.prod(shape) or shown not in (shape, shape[1:]):
        raise UsageError(f"values has the shape {shown}", help=f"(trajectory, time, channel) here is {shape}")
    weights = np.broadcast_to(np.asarray(1.0 if weights is None else weights, dtype=float), shown).reshape(shape)
    values = values.reshape(shape)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise UsageError("a weight is negative or not finite", help="weights are 1/σ, and 0 for a value to be left out")
    there = np.isfinite(values)
    if not there.all():
        weights, values = np.where(there, weights, 0.0), np.where(there, values, 0.0)
    return values, weights, shown


def _starts(first: np.ndarray, fitting: Fitting, starts: Any, seed: int) -> list[np.ndarray]:
    """The given start and those that are drawn beside it, or just the rows of `starts`; physical (unknown,)."""
    unknowns = fitting.unknowns
    if not isinstance(starts, int | np.integer):
        given = np.asarray(starts, dtype=float)
        if given.ndim != 2 or given.shape[1] != len(first) or not len(given):
            raise UsageError(f"starts has the shape {given.shape}", help=f"(start, unknown): {len(first)} unknowns")
        rows = list(given)
    else:
        if starts < 1:
            raise UsageError(f"starts = {starts}", help="how many starts: at least 1, the given one")
        rows = [first]
    for row in rows:
        _check_start(row, unknowns)
    if isinstance(starts, int | np.integer) and starts > 1:
        rows += _drawn(first, unknowns, int(starts) - 1, seed)
    return rows


def _check_start(start: np.ndarray, unknowns: Unknowns) -> None:
    kind, low, high = unknowns.kind, unknowns.low, unknowns.high
    wrong = (start < low) | (start > high) | ~np.isfinite(start)
    if (kind != "identity").any():
        wrong |= (kind == "log") & ~(start > 0)
        wrong |= (kind == "logit") & ~((start > low) & (start < high))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise BoundsExclude(
            f"{unknowns.labels[at]} starts at {start[at]:g}: outside its bounds ({low[at]:g}, {high[at]:g}), "
            f"or where its transform, {kind[at]}, has no value"
        )


def _drawn(first: np.ndarray, unknowns: Unknowns, count: int, seed: int) -> list[np.ndarray]:
    """Even between two bounds (in the logarithm, where that is the transform); else normal around the first start."""
    rng = np.random.default_rng(seed)
    kind, low, high = unknowns.kind, unknowns.low, unknowns.high
    logs = kind == "log"
    at = np.where(logs, np.log(np.where(logs, first, 1.0)), first)
    with np.errstate(divide="ignore"):
        below = np.where(logs, np.log(np.where(logs, np.maximum(low, 0), 1.0)), low)
        above = np.where(logs, np.log(np.where(logs, high, 1.0)), high)
    boxed = np.isfinite(below) & np.isfinite(above)
    spread = np.where(logs, 1.0, np.where(first != 0, np.abs(first), 1.0))
    found = []
    for _ in range(count):
        share, normal = rng.uniform(size=len(first)), rng.standard_normal(len(first))
        within = np.where(boxed, below, 0) + share * np.where(boxed, above - np.where(boxed, below, 0), 0)
        x = np.where(boxed, within, np.clip(at + spread * normal, below, above))
        found.append(np.where(logs, np.exp(np.where(logs, x, 0.0)), x))
    return found
