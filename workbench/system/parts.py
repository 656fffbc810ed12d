"""What a System consists of. Formulas are kept as the text that was written; `workbench.system.symbolic` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Literal

from ..priors import density_of

Transform = Literal["identity", "log", "logit"]


@dataclass(frozen=True)
class State:
    """One component of y: its right-hand side, how it starts, and what may be fitted about the start."""

    name: str
    equation: str
    initial: float | str  # a number, or a formula of parameters and covariates
    fit: bool = False  # whether the initial value is an unknown
    lower: float = -inf
    upper: float = inf
    transform: Transform = "identity"
    unit: str = ""
    prior: str = ""
    atol: float | None = None  # absolute tolerance of a solve; None: the solver's own
    given: bool = False  # the initial value was asked for: a fit starts there, not at the first observation

    def __post_init__(self) -> None:
        _narrow(self)


@dataclass(frozen=True)
class Parameter:
    """A constant of the equations: unknown unless fixed, one for all trajectories or one each."""

    name: str
    value: float
    lower: float = -inf
    upper: float = inf
    transform: Transform = "identity"
    fixed: bool = False
    unit: str = ""
    per: Literal["", "trajectory"] = ""
    prior: str = ""

    def __post_init__(self) -> None:
        _narrow(self)


@dataclass(frozen=True)
class Observed:
    """What a column of the data measures, and how it scatters around it."""

    name: str
    formula: str
    noise: str = ""  # gaussian, lognormal, student(3), poisson …; "": not declared
    scale: float | Literal["fit"] | None = None  # None: estimated from the residuals, or what `sigma` says
    unit: str = ""
    limits: tuple[float, float] | None = None  # what the instrument can show; a value there means "or beyond"
    sigma: str = ""  # the column of the values' standard deviations


@dataclass(frozen=True)
class Input:
    """A measured signal that drives the equations, and how it runs between its samples."""

    name: str
    interpolation: Literal["hold", "linear", "cubic"] = "hold"
    unit: str = ""


@dataclass(frozen=True)
class Covariate:
    """A constant of each trajectory, from a column of the data."""

    name: str
    column: str


@dataclass(frozen=True)
class Expression:
    """A named formula: an intermediate of the equations, a derived quantity or an invariant."""

    name: str
    formula: str
    unit: str = ""


@dataclass(frozen=True)
class Network:
    """A learned term that equations call like a function."""

    name: str
    arity: int
    hidden: tuple[int, ...] = (16, 16)
    activation: str = "tanh"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Arguments, hidden …, 1."""
        return (self.arity, *self.hidden, 1)

    @property
    def weight_names(self) -> tuple[str, ...]:
        """`friction.w0` …: for each layer the matrix (output, input) row by row, then the biases."""
        count = sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))
        return tuple(f"{self.name}.w{i}" for i in range(count))


@dataclass(frozen=True)
class Scaling:
    """How a learned term is scaled: size · network((arguments − centre)/spread)."""

    centre: tuple[float, ...]  # (argument,)
    spread: tuple[float, ...]  # (argument,)
    size: float = 1.0


@dataclass(frozen=True)
class Event:
    """Something that happens at times or when a trigger crosses zero: states jump, or the solve ends."""

    name: str
    time: float | str | tuple[float | str, ...] | None = None  # numbers, or formulas of parameters and covariates
    trigger: str = ""
    direction: Literal["rising", "falling", "both"] = "both"
    map: Mapping[str, str] = field(default_factory=dict)  # state → its value afterwards
    terminate: bool = False

    @property
    def times(self) -> tuple[float | str, ...]:
        """When it happens; () where a trigger tells."""
        if self.time is None:
            return ()
        return self.time if isinstance(self.time, tuple) else (self.time,)

    @property
    def when(self) -> str:
        """When it happens, for people."""
        if not self.trigger:
            return "at t = " + ", ".join(time if isinstance(time, str) else f"{time:.10g}" for time in self.times)
        passes = {"rising": "rises through 0", "falling": "falls through 0", "both": "passes through 0"}
        return f"{self.trigger} {passes[self.direction]}"

    @property
    def then(self) -> str:
        """What it does, for people."""
        maps = ", ".join(f"{state} = {formula}" for state, formula in self.map.items())
        return "the solve ends" if self.terminate else maps

    @property
    def time_keys(self) -> tuple[tuple[str, ...], ...]:
        """The key of each of its times."""
        key = ("events", self.name, "time")
        return tuple((*key, str(i)) for i in range(len(self.times))) if isinstance(self.time, tuple) else (key,)


@dataclass(frozen=True)
class Clock:
    """Time: its unit, span and number of samples of a simulation, where solves begin if not at the first sample."""

    unit: str = ""
    span: tuple[float, float] | None = None
    samples: int | None = None
    start: float | None = None


@dataclass(frozen=True)
class EndValue:
    """States known at one time for the values of the file, and where that is known from."""

    time: float
    values: Mapping[str, float]
    rtol: float  # relative to the largest state, how far a precise solve may be from it
    source: str


def _narrow(part: State | Parameter) -> None:
    """The bounds within what the prior allows: `uniform` is nothing else."""
    if part.prior:
        lower, upper = density_of(part.prior).support
        object.__setattr__(part, "lower", max(part.lower, lower))
        object.__setattr__(part, "upper", min(part.upper, upper))
