"""What a plugin must be: the contracts, on one page.

Everything here is a Protocol or a plain record, so that a plugin imports nothing from the workbench to satisfy one.
Axes: `rows` are independent problems solved side by side; a trajectory is a row, and where a step of a trajectory
is meant, `row` says which trajectory each line belongs to. Physical time, float64, everywhere.

Solver, dynamics and loss contracts are stable; the others are provisional until 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .findings import Findings, Lab
    from .graph import Graph
    from .problem import Problem
    from .unknowns import Block

Array = Any  # np.ndarray or torch.Tensor, always the same kind out as in
Tree = Any  # nested dicts and lists of NumPy arrays, numbers, strings, booleans and None: what a checkpoint can hold

Status = Literal["ok", "blew_up", "step_too_small", "too_many_steps", "not_finite", "event", "time_out"]
GradientMode = Literal["discrete", "backprop", "adjoint", "forward"]


# --- solving -----------------------------------------------------------------------------------------------------


class Rhs(Protocol):
    """dy/dt over rows: what a solver is given. Row i of the result depends on row i of the arguments only.

    `row` (rows,) names the trajectory of each line (its inputs, covariates and own parameters); `middle` (rows,) is a
    time inside the step, by which inputs are looked up, so that a held input keeps its left value at a step's end.

    Optional, looked for by name, for implicit methods: `state_jacobian(t, y, row, middle)`, f_y (rows, entry, entry)
    over flat states; `slope_in_time(t, y, row, middle)`, ∂f/∂t (rows, entry) with inputs moving, or None. Without them
    central differences are taken. `workbench.engine.rosenbrock_stages` says what derivatives of Rosenbrock steps need.
    """

    def __call__(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray) -> Array:
        """f at t (rows,) and y (rows, *state); the result has the shape and dtype of y."""


class LinearRhs(Rhs, Protocol):
    """A right-hand side that also knows its derivatives; flat states only."""

    @property
    def n_parameters(self) -> int:
        """Columns of f_p: the parameters of a row, shared ones and its own."""

    def jacobians(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray) -> tuple[Array, Array]:
        """f_y (rows, state, state) and f_p (rows, state, parameter).

        t (rows,), y (rows, state), row (rows,) and middle (rows,) are those of the call.
        """

    def pullback(self, t: np.ndarray, y: Array, row: np.ndarray, middle: np.ndarray, g: Array) -> tuple[Array, Array]:
        """gᵀf_y (rows, state) and Σ gᵀf_p over each trajectory's lines (trajectory, parameter), for g (rows, state).

        t (rows,), y (rows, state), row (rows,) and middle (rows,) are those of the call.
        """


@dataclass(frozen=True)
class Event:
    """Something that happens where g(t, y) passes through 0: in any direction (0), only rising (1) or falling (−1).

    A solver ends a row at its first event, whatever it is. What follows is done by who called it: with `terminate`
    nothing; else the row goes on from `state_map` (rows, *state), or from the same state where there is no map. A
    solver calls both as g(t, y, row), t (rows,) and y (rows, *state) on the states' own kind of arrays; `wb.solve`
    takes g(t, y) written for one state or for rows of them, as it takes f.

    >>> bounce = Event("hit", lambda t, y: y[0], direction=-1, terminate=False, state_map=lambda t, y: [0, -0.8 * y[1]])
    """

    name: str
    function: Callable[..., Array]  # (rows,)
    direction: Literal[-1, 0, 1] = 0
    terminate: bool = True
    state_map: Callable[..., Array] | None = None


@dataclass(frozen=True)
class Ending:
    """The events that rows ended with: number of the event (−1: none), time, state, each with an axis of rows.

    `resolution` is how far g was known to be from 0 there: a row that starts again with the same event no farther from
    0 has yet to leave it.
    """

    index: np.ndarray
    t: np.ndarray
    y: Array
    resolution: np.ndarray


@dataclass(frozen=True)
class Mesh:
    """The steps that each row took: a solve can be repeated on them exactly.

    `t` (rows, steps + 1), NaN after a row's last step. A step is free (its length is a constant of the replay) or
    clipped to the end, a break or an event (its length is a difference of times that can be differentiated).
    """

    t: np.ndarray
    clipped: np.ndarray  # (rows, steps) bool

    @property
    def n_steps(self) -> np.ndarray:
        """Steps of each row (rows,)."""
        return (self.t == self.t).sum(axis=1) - 1


@dataclass(frozen=True)
class Trajectory:
    """A solution at the times asked for: ys (rows, time, *state), NaN from a row's failing time on."""

    ts: np.ndarray  # (rows, time), NaN-padded
    ys: Array
    status: tuple[Status, ...]
    message: tuple[str, ...]  # per row: "" or the time, component and cause of the failure
    stats: Mapping[str, np.ndarray]  # accepted, rejected, rhs, jacobians: per row; rhs_calls: calls of f in all
    mesh: Mesh | None = None
    steps: Array | None = None  # (rows, steps + 1, *state): the states at the mesh points, where kept
    defect: Array | None = None  # ẏ − f at ts, where a solver does not make it vanish by construction
    event: Ending | None = None  # where events were asked for: those that ended rows

    @property
    def ok(self) -> np.ndarray:
        """Which rows reached their last time, or an event (rows,)."""
        import numpy as np

        return np.array([status in ("ok", "event") for status in self.status])


@dataclass(frozen=True)
class SolveOptions:
    """What the caller of one solve may set; a solver's own settings (rtol, step …) are options of its factory."""

    max_steps: int = 100_000
    deadline: float | None = None  # time.monotonic() at which to give up with "time_out"
    breaks: tuple[float, ...] = ()  # times at which steps must end: jumps of inputs, doses
    replay: Mesh | None = None
    keep: bool = False  # keep mesh states, so that the solve can be differentiated
    events: tuple[Event, ...] = ()  # a row ends at the first of them, with the status "event"
    after: Ending | None = None  # the events that rows start from


class StepFunction(Protocol):
    """One step as a function, in the place of a tableau; `workbench.engine.StepSolver` makes a solver of it."""

    def __call__(
        self, f: Callable[[Array, Array], Array], t: Array, y: Array, h: Array, carry: Any
    ) -> tuple[Array, Array | None, Array | None, Any, Array | bool | None]:
        """(y1, error, dense, carry, ok) over rows: y (rows, *state), t and h (rows, 1, …, 1), f(t, y) likewise.

        `error` estimates the error of y1 (None: the method takes equal steps); `dense` holds the coefficients of θ, θ²,
        … in y(θ) − y (None: cubic Hermite); `carry` is kept for the row's next step; where `ok` (rows,) is False a
        shorter step is tried.
        """


@runtime_checkable
class Solver(Protocol):
    """Turns f and y(t0) into a trajectory.

    A solver is one of: data (a Tableau through `Offer.of_tableau`), a step function (`workbench.engine.StepSolver`
    around `step(f, t, y, h, carry) -> (y1, error, dense, carry, ok)`), or a whole solver, an object with this method.
    f is never evaluated outside [t0, t1]. A result that is not finite is never "ok". A solver that looks for
    `options.events` says so by `Trajectory.event`; who asked for events refuses one that does not.

    Optional claims, looked for by name: `stiff = True` (its steps are not bounded by the fastest rate of f), `separable
    = True` (only for q' = f(p), p' = g(q) with states (q, p), half each), `dense_order` (between its steps it errs by
    h to this power and one more).
    """

    @property
    def order(self) -> int | None:
        """The order of its solution; None where there is no classical one (a PINN)."""

    @property
    def adaptive(self) -> bool:
        """It chooses its own steps from rtol and atol."""

    @property
    def differentiable(self) -> bool:
        """It has discrete and backprop gradients; without them adjoint and forward remain."""

    def solve(self, f: Rhs, y0: Array, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        """y(t0) = y0 (rows, *state), followed to ts (rows, time), NaN-padded, monotone, not before t0 (rows,)."""


@runtime_checkable
class CurveSolver(Protocol):
    """A solver whose trajectory is itself trained (a PINN): it has a defect ẏ − f, and no order.

    Provisional, and no model of this version trains one.
    """

    def curve(self, problem: Problem) -> torch.nn.Module:
        """y(t): maps t (rows, 1) to y (rows, state); owned and trained by the model."""


# --- dynamics ----------------------------------------------------------------------------------------------------


@runtime_checkable
class Dynamics(Protocol):
    """A family of right-hand sides; its options are chosen, its problem is not known yet."""

    def build(self, problem: Problem, generator: np.random.Generator) -> Field:
        """The member of the family for this problem (its states, inputs, channels), with start values drawn."""


@runtime_checkable
class Field(Protocol):
    """dy/dt = f(t, y, u, c; p) with unknowns, how it starts and how it is observed. It gives a graph, a module or both.

    Optional, looked for by name: `observed` (the names that the group `observed` measures; the states by default) and
    `equations(values) -> tuple[str, ...]` (readable right-hand sides, for reports),
    `linear_part(values) -> {"A": …, "B": …, "b": …}` of x' = A x + B u + b, with C, D and d of y = C x + D u + d where
    the channels are not the states (values are by label), `encoder` (a `graph.Encoder`: initial states from first
    samples) or `posterior(problem) -> Posterior` (initial states from observations), whose weights are the block
    `encoder` in place of a block `initial`; `start_samples` (how many of its first values the start of a trajectory
    that only tests is made of; 1). On a module: `rowwise` (False forces shared steps). Names kept for later versions,
    which this one does not call: `penalties(values)` (residual rows), `integrals(t, y, u)` (quadrature outside the
    error norm), `separable`.
    """

    @property
    def states(self) -> tuple[str, ...]:
        """The components of y."""

    def blocks(self) -> tuple[Block, ...]:
        """The unknowns with their start values: parameters or weights, and initial values where they can be fitted."""

    def graph(self) -> Graph | None:
        """The lowered form with groups `rhs`, `initial`, `observed` and `derived`; None if there is only a module.

        Events of the problem are followed where their groups are there (see System.graph).

        Networks may be in it. Where there is a module as well, both are the same f, with the weights in one order.
        """

    def module(self) -> torch.nn.Module | None:
        """forward(t, y, u=None, c=None) on t (rows, 1), y (rows, *state), u (rows, input), c (rows, covariate)."""


@runtime_checkable
class Posterior(Protocol):
    """Initial states of a problem's trajectories as an encoder makes them of observations; provisional.

    A loss may use more of it than is said here (its spread): then both come from one plugin.
    """

    @property
    def samples(self) -> int:
        """How many first observations it reads of a trajectory that nothing was fitted to."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """y0 (trajectory, state) at the weights w of the block `encoder` (weight,)."""

    def by_weights(self, w: np.ndarray) -> np.ndarray:
        """∂y0/∂w (trajectory, state, weight)."""

    def pull(self, w: np.ndarray, rows: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Σ gᵀ∂y0/∂w (weight,) over lines with g (line, state), `rows` their trajectories (line,)."""


# --- losses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pointwise:
    """A loss as data: formulas in y (observed), mu (predicted) and sigma (the scale of the channel).

    `residual` is what least squares works on, `nll` the negative log-likelihood of one value in data space ("" where
    the loss is no likelihood), `scale` how sigma is profiled, `support` must be > 0 for an admissible pair, and
    `derivative` is ∂residual/∂mu where the formula's own derivative loses digits ("" to differentiate `residual`).
    Values beyond a limit of the instrument enter by the tail of `z`, a standard normal, or Student's t with `freedom`
    degrees of freedom ("": such values cannot be). `information` is the expected ∂²nll/∂mu², of which standard errors
    are made ("" for the square of the derivative).
    """

    name: str
    residual: str
    nll: str = ""
    scale: Literal["none", "rms", "likelihood"] = "none"  # rms: sigma² = mean of residual²; likelihood: least Σ nll
    least_scale: float = 1e-150  # sigma is not sought below
    support: str = "1"
    derivative: str = ""
    z: str = ""
    freedom: float = float("inf")  # inf: normal
    information: str = ""
    rho: Literal["linear", "huber", "absolute"] = "linear"  # how squared residuals are summed
    delta: float = 1.0  # where huber turns linear, in units of the residual
    source: str = ""


@runtime_checkable
class Loss(Protocol):
    """Scores a fit channel by channel; missing values never reach it."""

    @property
    def name(self) -> str:
        """What the loss is called."""

    def pointwise(self, noise: str) -> Pointwise:
        """The formulas for a channel whose declared noise is `noise` ("gaussian" where nothing is declared)."""


@runtime_checkable
class TrialLoss(Protocol):
    """A loss that also looks at a whole trial (a point process, an ELBO); provisional.

    It is a Loss too: what `pointwise` says scores the fit, channel by channel, and what stands here is minimised. It
    has no residuals, so an optimizer that needs them is refused, and there are no standard errors.
    """

    @property
    def optimizer(self) -> str:
        """The name of the optimizer that suits it, where none is chosen."""

    def value(self, trial: Any) -> float:
        """The loss of a workbench.model.Trial; raises NoFiniteSolution."""

    def gradient(self, trial: Any) -> tuple[float, np.ndarray]:
        """The loss and its gradient by x (unknown,); raises NoFiniteSolution."""

    def score(self, trial: Any) -> float:
        """What a validation part is judged by, a mean over its values; inf where there is no finite solution."""


# --- fitting -----------------------------------------------------------------------------------------------------


class Linearization:
    """An objective to first order at x: value = ½‖residuals‖² + constant, and the Jacobian of the residuals.

    `jacobian` (residual, unknown) may be a function that forms it when somebody asks, and `gram` one that knows a
    shorter way to JᵀJ than the product. The value is what is minimised: with profiled scales the negative
    log-likelihood, not ½‖r‖².
    """

    def __init__(
        self,
        residuals: np.ndarray,  # (residual,)
        jacobian: np.ndarray | Callable[[], np.ndarray],
        value: float,
        gram: Callable[[], np.ndarray] | None = None,
        gradient: np.ndarray | None = None,
    ) -> None:
        self.residuals, self.value = residuals, value
        self._jacobian, self._gram, self._gradient = jacobian, gram, gradient

    @cached_property
    def jacobian(self) -> np.ndarray:
        """J (residual, unknown)."""
        return self._jacobian() if callable(self._jacobian) else self._jacobian

    @cached_property
    def gram(self) -> np.ndarray:
        """JᵀJ (unknown, unknown)."""
        return self.jacobian.T @ self.jacobian if self._gram is None else self._gram()

    @cached_property
    def gradient(self) -> np.ndarray:
        """Jᵀ residuals (unknown,)."""
        return self.vjp(self.residuals) if self._gradient is None else self._gradient

    def jvp(self, v: np.ndarray) -> np.ndarray:
        """J v (residual,)."""
        return self.jacobian @ v

    def vjp(self, w: np.ndarray) -> np.ndarray:
        """Jᵀ w (unknown,)."""
        return self.jacobian.T @ w


class Objective(Protocol):
    """What an optimizer sees: a function of the flat vector x (unknown,) within bounds. Not finite means refused.

    Optional, looked for by name: `linear` (unknown,) of booleans, the unbounded entries in which the residuals are
    linear together, whatever the others are. Least squares may then take each point at their best (variable
    projection). Where it is there, the entries are weights of networks, of one scale.
    """

    @property
    def lower(self) -> np.ndarray:
        """The lower bounds of x (unknown,)."""

    @property
    def upper(self) -> np.ndarray:
        """The upper bounds of x (unknown,)."""

    @property
    def least_squares(self) -> bool:
        """linearize() is available."""

    def value(self, x: np.ndarray) -> float:
        """The objective; inf where the model has no finite solution."""

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective and its gradient (unknown,)."""

    def linearize(self, x: np.ndarray) -> Linearization:
        """Residuals and Jacobian at x; raises NumericsError where the model has no finite solution."""

    def frozen(self, x: np.ndarray) -> Objective:
        """The objective with its weights (profiled scales, robust weights) held as they are at x: plain squares."""


@dataclass(frozen=True)
class Step:
    """One advance of a fit, for progress and history."""

    number: int
    rung: str  # which part of the strategy took it
    loss: float
    validation: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    event: str = ""  # a failure and what was done about it, a change of rung
    done: bool = False
    status: str = ""  # with done: converged, stalled (no step falls, yet the slope does), iterations, time, early_stop


class Budget(Protocol):
    """How much a fit may still use; the only clock that strategies see."""

    @property
    def iterations(self) -> int | None:
        """The number of advances allowed; None: any."""

    def exhausted(self, iteration: int) -> str:
        """Empty while there is budget, else the status to end with: iterations or time."""


@runtime_checkable
class Optimizer(Protocol):
    """Lowers an objective of x (unknown,), resumably: all that the next step depends on is in the state."""

    @property
    def least_squares(self) -> bool:
        """It needs Objective.linearize."""

    @property
    def opaque(self) -> bool:
        """One advance is a whole minimisation that cannot be interrupted."""

    def start(self, objective: Objective, x: np.ndarray) -> Tree:
        """The state before the first step at x; holds `x`, the point to report, at key "x"."""

    def advance(self, objective: Objective, state: Tree) -> tuple[Tree, Step]:
        """One step, from a state that may have been stored and read back; the bits are the same."""


class Task(Protocol):
    """What a strategy works on: the model's unknowns x (unknown,) and the objectives that can be made of it."""

    @property
    def optimizer(self) -> Optimizer:
        """The one that the user asked for, or the one that fits the model's shape."""

    @property
    def budget(self) -> Budget:
        """What may still be used."""

    @property
    def unknowns(self) -> Any:
        """The workbench.unknowns.Unknowns, at their start values."""

    @property
    def likelihood_values(self) -> int:
        """How many values the loss of the trajectory adds up as −log L; 0 where it is no likelihood."""

    def trajectory(self, horizon: float = 1.0) -> Objective:
        """The misfit of the solved trajectory to the training part, up to a share of each trajectory's span."""

    def defects(self) -> Sequence[Objective]:
        """Misfits of f to the slopes of curves through the training part, one a kind of curve; () where states are
        hidden or jump.
        """

    def windows(self, points: int = 0) -> Any:
        """The training part cut into windows of at least `points` times (0: twice as many values as states).

        A workbench.fitting.shooting.Shooting; provisional.
        """

    def stuck(self, x: np.ndarray) -> bool:
        """The trajectory at x misses the training part by far more than noise explains, and windows could help."""

    def restrict(
        self, objective: Objective, free: np.ndarray, x: np.ndarray, shrink: np.ndarray | None = None
    ) -> Objective:
        """The objective of the free entries (unknown,) of x, the others held, with a prior of precision `shrink`.

        Without `shrink` (unknown,) the prior is the one that the unknowns declare.
        """

    def shrinkage(self, objective: Objective, x: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The prior's precisions (unknown,) at x: as declared, and for undeclared weights as the evidence asks.

        `before` (unknown,) are those of the point before, if there was one.
        """

    def validation(self, x: np.ndarray) -> float | None:
        """The loss on the validation part; None if there is none."""


@runtime_checkable
class Strategy(Protocol):
    """The order in which a fit is attempted, resumably like an optimizer."""

    def start(self, task: Task, rng: np.random.Generator) -> Tree:
        """The state before the first advance; holds `x`."""

    def advance(self, task: Task, state: Tree) -> tuple[Tree, Step]:
        """One step; the last one has `done` set."""


# --- files and reports -------------------------------------------------------------------------------------------


@runtime_checkable
class Reader(Protocol):
    """Turns a file into a Table of columns; which column means what is decided by the core."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What its files end in, as ".csv"; lower case."""

    def read(self, path: Path) -> Any:
        """A workbench.dataset.Table; raises errors of the D family with file, line and column."""


@runtime_checkable
class Reporter(Protocol):
    """A view of finished runs."""

    def render(self, runs: Sequence[Any], out: Path | None) -> Sequence[Path] | str:
        """Text for standard output, or the files written at `out`."""


# --- experiments -------------------------------------------------------------------------------------------------


@runtime_checkable
class Experiment(Protocol):
    """A published experiment: arranges fits and solves, and says what it found beside what was published.

    Optional, looked for by name: `usual_seeds(quick, data)`, how many seeds it takes unless told (5, or 2 where quick).
    """

    def run(self, lab: Lab) -> Findings:
        """The findings; given `lab` the same, but for columns that say they vary. Draws, prints, stores nothing.

        torch has one thread here; whoever wants both cores starts processes.
        """
