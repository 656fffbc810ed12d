"""`prepare`: a handle that solves one right-hand side again and again; what can be done once is done once."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

from ..contracts import GradientMode, Solver
from ..errors.problems import NotLowerable
from ..errors.usage import CompilerUnavailable, UsageError
from ..graph import Graph
from .callables import GraphCall
from .compiled import CompiledSolve, require_lowerable
from .door import Asked, Backwards, Task
from .solution import Solution

if TYPE_CHECKING:
    from ..unknowns import Transform
    from .least_squares import Bounds, Fitter, LeastSquares

Array = Any
EngineName = Literal["auto", "torch", "compiled"]


class Engine(Protocol):
    """A solve made ready for starts of one kind (shape, precision, device)."""

    def __call__(self, y0: Array) -> Solution:
        """The solution from y0; differentiable where y0 or f is."""


def prepare(
    f: Callable[..., Array],
    ts: Array,
    solver: Solver,
    *,
    engine: EngineName = "auto",
    gradient: GradientMode = "discrete",
    checkpoints: bool = False,
    adjoint_norm: Literal["state", "full"] = "state",
    **options: Any,
) -> Prepared:
    """A handle `ready`: ready(y0) is `solve(f, y0, ts, solver, …)`, for many starts and parameters that change.

    f is read once for every kind of start (its shape, precision and device), and not again: it must go on to mean the
    same. Its parameters may change between calls, and so may what it closes over. `options` are those of `solve`,
    and so are `gradient`, `checkpoints` and `adjoint_norm`;
    `engine` says what computes: "compiled" graphs and modules that can be lowered to one (generated C, see
    `workbench.from_module`), "torch" any callable or module, "auto" the fastest that can. The times `ts` are (time,) or
    (trajectory, time). Raises TypeError for an unknown option and UsageError for an unknown engine.

    >>> from workbench_runge_kutta.classical import RK4
    >>> from workbench.engine import TableauSolver
    >>> ready = prepare(lambda t, y: -y, np.linspace(0.0, 1.0, 11), TableauSolver(RK4))
    >>> [round(float(ready(np.array([start])).ys[-1, 0]), 4) for start in (1.0, 2.0)]
    [0.3679, 0.7358]
    """
    unknown = set(options) - {each.name for each in dataclasses.fields(Asked)}
    if unknown:
        raise TypeError(f"prepare() has no option {sorted(unknown)[0]!r}")
    if engine not in get_args(EngineName):
        raise UsageError(f"there is no engine {engine!r}", help='engine="auto", "compiled" or "torch"')
    f = GraphCall(f) if isinstance(f, Graph) else f
    if engine == "compiled":
        require_lowerable(f)
    return Prepared(Asked(f, ts, solver, Backwards(gradient, checkpoints, adjoint_norm), **options), engine)


class Prepared:
    """`ready(y0)`: the solution from y0, as `solve` gives it; see `prepare`."""

    def __init__(self, asked: Asked, engine: EngineName) -> None:
        self._asked, self._wanted = asked, engine
        self._kind: Any = None
        self._engine: Engine | None = None
        self._fitter: Fitter | None = None

    def __call__(self, y0: Array, params: Array | None = None) -> Solution:
        """The solution from y0 (*state) or (trajectory, *state), with `params` in place of those of `prepare`."""
        engine = self._ready(y0)
        if params is None:
            return engine(y0)
        if isinstance(engine, CompiledSolve):
            return engine(y0, params)
        asked = dataclasses.replace(self._asked, params=params)
        return asked.run(asked.task(y0))

    def _ready(self, y0: Array, fitting: bool = False) -> Engine:
        kind = _kind(y0)
        if self._engine is None or kind != self._kind:
            self._engine, self._kind = made(self._wanted, self._asked, self._asked.task(y0), fitting), kind
        return self._engine

    def least_squares(
        self,
        values: Array,
        y0: Array,
        params: Array | None = None,
        *,
        free: Sequence[str] | None = None,
        bounds: Bounds | None = None,
        transform: Mapping[str, Transform] | None = None,
        per: Literal["", "trajectory"] = "trajectory",
        weights: Array | None = None,
        starts: int | Array = 1,
        seed: int = 0,
        max_iterations: int = 200,
        ftol: float = 1e-10,
        xtol: float = 1e-10,
        gtol: float = 1e-10,
        damping: float = 0.1,
        deadline: float | None = None,
        threads: int | None = None,
    ) -> LeastSquares:
        """The parameters and initial values with the least Σ (weight · (mu − value))², by Levenberg–Marquardt.

        `values` (time, channel) or (trajectory, time, channel), NaN where missing, are of the channels of the graph's
        group "observed", or of its states; `weights` (1/σ) broadcast against them. `params` (parameter,), those of
        `prepare` unless given, and y0 (*state) or (trajectory, *state) say where the fit starts and what is held.
        `free` names the unknowns: parameters by their names (all of them, unless given), the initial value of a state
        x as "x(0)", one for each trajectory or, with per="", one for all. `bounds` {name: (lower, upper)} and
        `transform` {name: "log" or "logit"} go by name too.

        `starts` is how many fits there are, the first from the given start and others from points drawn with `seed`
        (evenly between bounds, in the logarithm where that is the transform; unbounded ones normal around the start
        with its size, or one e-fold), or the starts themselves (start, unknown); `threads` share them and change
        nothing. A fit ends when its cost or x falls or moves twice by less than `ftol` or `xtol` relative, when no more
        is foreseen, when the residuals' cosine with every column of J is below `gtol`, after `max_iterations`, or when
        `deadline` seconds have passed. A trial point whose solve fails is refused.

        Raises NotLowerable where the compiled engine cannot solve this, CompilerUnavailable without a compiler,
        BoundsExclude for a start outside its bounds, UsageError for names, shapes and weights that fit nothing.

        Sources: Levenberg (1944), Q. Appl. Math. 2, 164–168; Marquardt (1963), J. SIAM 11, 431–441; Moré (1978), LNM
        630, 105–116; Nielsen (1999), IMM-REP-1999-05.

        >>> import numpy as np, sympy
        >>> from workbench.graph import from_sympy
        >>> from workbench_runge_kutta.classical import RK4
        >>> from workbench.engine import TableauSolver
        >>> x, k = sympy.symbols("x k")
        >>> decay = from_sympy({"rhs": [-k * x]}, states=["x"], parameters=["k"])
        >>> ts = np.linspace(0.0, 1.0, 11)
        >>> ready = prepare(decay, ts, TableauSolver(RK4), params=np.array([1.0]))
        >>> fit = ready.least_squares(3.0 * np.exp(-2.0 * ts)[:, None], np.array([2.0]), free=["k", "x(0)"])
        >>> fit.labels, fit.solution.round(4).tolist(), fit.converged
        (('k', 'x(0)'), [2.0, 3.0], True)
        """
        from .least_squares import Fitter, Settings, least_squares

        engine = self._ready(y0, fitting=True)
        if not isinstance(engine, CompiledSolve):
            engine = CompiledSolve(self._asked, self._asked.task(y0))  # says what it lacks
        if self._fitter is None or self._fitter.solve is not engine:
            self._fitter = Fitter(engine)
        settings = Settings(ftol, xtol, gtol, damping, max_iterations)
        return least_squares(
            self._fitter, values, y0, params, free=free, bounds=bounds, transform=transform, per=per, weights=weights,
            starts=starts, seed=seed, settings=settings, deadline=deadline, threads=threads,
        )  # fmt: skip


def made(wanted: EngineName, asked: Asked, task: Task, fitting: bool = False) -> Engine:
    """The engine for starts like the task's: the one place where it is chosen."""
    if wanted != "torch":
        try:
            return CompiledSolve(asked, task, fitting)
        except NotLowerable:
            if wanted == "compiled":
                raise
        except CompilerUnavailable as error:
            if wanted == "compiled":
                raise
            warnings.warn(f"{error}; the torch engine solves instead", RuntimeWarning, stacklevel=4)
    if task.torch and not Sequential(asked, task).afresh:
        from .parallel import ParallelInTime, fits

        if fits(asked, task):
            return ParallelInTime(asked, task)
    return Sequential(asked, task)


class Sequential:
    """One step after the other, with f read beforehand."""

    def __init__(self, asked: Asked, task: Task) -> None:
        self._asked, self._task = asked, task
        values = getattr(asked.inputs, "values", None)
        self.afresh = bool(getattr(values, "requires_grad", False))  # a spline is made of them when the task is

    def __call__(self, y0: Array) -> Solution:
        """The solution by the loop over steps."""
        return counted(self._asked.run(self._asked.task(y0) if self.afresh else self._task.again(y0)), 0)


def counted(solution: Solution, newton: int) -> Solution:
    """The solution, with the evaluations of all steps at once (0: there were none) among its stats."""
    stats = {**solution.trajectory.stats, "newton": np.array(newton)}
    return dataclasses.replace(solution, trajectory=dataclasses.replace(solution.trajectory, stats=stats))


def _kind(y0: Array) -> tuple[Any, ...]:
    """What must not change for a solve to be the same but for its start."""
    if not hasattr(y0, "dtype"):
        y0 = np.asarray(y0)
    return type(y0), y0.shape, y0.dtype, getattr(y0, "device", None)
