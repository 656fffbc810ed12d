"""Solvers made of a method and the loop: from a tableau, or from a step function.

The loop and the steps of each kind of method are imported where they are first taken: compiled solves do without them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import Rhs, SolveOptions, Trajectory
from ..errors.numerics import GradientUnavailable
from .arrays import NumpyArrays, TorchArrays, library
from .control import Control
from .controllers import CONTROLLERS, Controller, ControllerName
from .flow import Flow
from .settings import require_settings

if TYPE_CHECKING:
    from .rosenbrock_tableau import RosenbrockTableau
    from .splitting_method import Splitting
    from .stages import Stages
    from .step_function import Step
    from .stepper import Stepper
    from .tableau import Tableau

Array = Any


@dataclass(frozen=True, kw_only=True)
class LoopSolver(ABC):
    """A method in the common loop (contracts.Solver), with the settings that all of them share.

    rtol, atol: the estimated error of a step stays below atol + rtol |y|, root mean square over the state; atol may be
    one number a component. step: above 0, equal steps of at most this length between observations; a method without an
    error estimate and without `step` takes one step per observation interval. first_step: 0 chooses it from f.
    min_step: a row that needs a smaller one fails; the rounding of time is the least in any case. max_step: above 0,
    the longest step. safety: of the step control, which is a `controller` by name (see `controllers`) or a Controller.
    """

    rtol: float = 1e-6
    atol: float | tuple[float, ...] = 1e-9
    step: float = 0.0
    first_step: float = 0.0
    min_step: float = 0.0
    max_step: float = 0.0
    safety: float = 0.9
    controller: ControllerName | Controller = "pi"

    differentiable = True

    def __post_init__(self) -> None:
        lengths = {name: getattr(self, name) for name in ("step", "first_step", "min_step", "max_step")}
        require_settings(self.rtol, self.atol, lengths)

    @property
    def stiff(self) -> bool:
        """It is made for stiff problems: stability does not hold its steps."""
        return False

    @property
    @abstractmethod
    def order(self) -> int:
        """The order of the solution that is carried on."""

    @property
    @abstractmethod
    def adaptive(self) -> bool:
        """It chooses its own steps."""

    @property
    @abstractmethod
    def error_power(self) -> int:
        """The error estimate is of size h to this power."""

    @abstractmethod
    def stepper(self, arrays: NumpyArrays | TorchArrays) -> Stepper:
        """One step of the method on such arrays."""

    def stages(self, stepper: Stepper, arrays: NumpyArrays) -> Stages:
        """How the slopes of its steps are differentiated; raises GradientUnavailable where they are not."""
        raise GradientUnavailable(
            f"{type(self).__name__} has no discrete gradient",
            help="take a solver made of a tableau, such as tsit5, or the gradient backprop, adjoint or forward",
        )

    def solve(self, f: Rhs, y0: Array, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        """y(t0) = y0 (rows, *state), followed to ts (rows, time), NaN-padded, increasing or decreasing."""
        arrays = library(y0, len(y0))
        with arrays.quietly():
            return self._solve(Flow(f, y0, t0, ts), arrays, options)

    def backprop(self, f: Rhs, y0: Array, t0: np.ndarray, ts: np.ndarray, options: SolveOptions) -> Trajectory:
        """`solve` from y0 (rows, *state) at t0 (rows,) to ts (rows, time), torch tensors, with torch's graph kept.

        The lengths of the steps are constants of that graph.
        """
        return self._solve(Flow(f, y0, t0, ts), library(y0, len(y0), graph=True), options)

    def _solve(self, flow: Flow, arrays: NumpyArrays | TorchArrays, options: SolveOptions) -> Trajectory:
        from .adaptive import Steps, adaptive
        from .equal_steps import equal_steps
        from .follow import follow
        from .march import March

        march = March(flow, arrays, self.stepper(arrays), options)
        with np.errstate(all="ignore"):  # what is not finite is looked for, and said
            if options.replay is not None:
                mesh = options.replay
                flow.reach(mesh.t[np.arange(flow.rows), mesh.n_steps])
                active = follow(march, mesh)
            elif self.adaptive:
                active = adaptive(march, self.control(flow), Steps(self.first_step, self.min_step, self.max_step))
            else:
                active = follow(march, equal_steps(flow, self.step, options.breaks))
            return march.trajectory(active)

    def control(self, flow: Flow) -> Control:
        """The norm of errors and the controller, for the states of a flow."""
        atol = np.array(np.broadcast_to(np.asarray(self.atol, dtype=float), flow.shape)).reshape(flow.entries)
        chosen = self.controller if isinstance(self.controller, Controller) else CONTROLLERS[self.controller]
        return Control(self.rtol, atol, self.error_power, self.safety, controller=chosen)


@dataclass(frozen=True)
class MethodSolver(LoopSolver):
    """A method that is given as data, in the common loop."""

    tableau: Tableau | RosenbrockTableau | Splitting

    @property
    def order(self) -> int:
        """The order of the solution that is carried on."""
        return self.tableau.order

    @property
    def adaptive(self) -> bool:
        """It chooses its own steps."""
        return self.tableau.adaptive and self.step <= 0

    @property
    def error_power(self) -> int:
        """The error estimate is of size h to this power."""
        return self.tableau.error_power if self.tableau.adaptive else 1


@dataclass(frozen=True)
class TableauSolver(MethodSolver):
    """A Runge–Kutta method, explicit or implicit, in the common loop."""

    tableau: Tableau

    @property
    def stiff(self) -> bool:
        """It is made for stiff problems: an implicit method."""
        return self.tableau.implicit

    def stepper(self, arrays: NumpyArrays | TorchArrays) -> Stepper:
        """One step of the method on such arrays."""
        from .stepper import TableauStepper

        if self.tableau.implicit:
            from .dirk import DirkStepper
            from .firk import FirkStepper
            from .newton import Newton

            full = self.tableau.fully_implicit
            newton = Newton(arrays, self.rtol, self.atol, counting=full)
            return (FirkStepper if full else DirkStepper)(self.tableau, arrays, newton)
        return TableauStepper(self.tableau, arrays)

    def stages(self, stepper: Stepper, arrays: NumpyArrays) -> Stages:
        """How the slopes of its steps are differentiated."""
        from .dirk import DirkStepper
        from .firk import FirkStepper
        from .firk_stages import FirkStages
        from .stages import RungeKuttaStages
        from .stepper import TableauStepper

        if isinstance(stepper, FirkStepper):
            return FirkStages(self.tableau, stepper, arrays)
        assert isinstance(stepper, TableauStepper | DirkStepper)
        return RungeKuttaStages(self.tableau, stepper, arrays)


@dataclass(frozen=True)
class RosenbrockSolver(MethodSolver):
    """A Rosenbrock method in the common loop: for stiff problems, one Jacobian a step and no iteration."""

    tableau: RosenbrockTableau

    @property
    def stiff(self) -> bool:
        """It is made for stiff problems: a linearly implicit method."""
        return True

    def stepper(self, arrays: NumpyArrays | TorchArrays) -> Stepper:
        """One step of the method on such arrays."""
        from .rosenbrock import RosenbrockStepper

        return RosenbrockStepper(self.tableau, arrays)

    def stages(self, stepper: Stepper, arrays: NumpyArrays) -> Stages:
        """How the slopes of its steps are differentiated."""
        from .rosenbrock_stages import RosenbrockStages

        return RosenbrockStages(self.tableau, arrays)


@dataclass(frozen=True)
class SplittingSolver(MethodSolver):
    """A splitting method in the common loop, of equal steps: for separable systems q' = f(p), p' = g(q) only."""

    tableau: Splitting

    separable = True

    def stepper(self, arrays: NumpyArrays | TorchArrays) -> Stepper:
        """One step of the method on such arrays."""
        from .splitting import SplittingStepper

        return SplittingStepper(self.tableau, arrays)

    def stages(self, stepper: Stepper, arrays: NumpyArrays) -> Stages:
        """How its steps are differentiated."""
        from .splitting import SplittingStages

        return SplittingStages(self.tableau, arrays)


@dataclass(frozen=True)
class StepSolver(LoopSolver):
    """A step function of some order in the common loop (see `step_function.Step`).

    Without `step` its error estimates choose the steps; `error_order` is the order of the solution that they are errors
    of, -1 for one less than the order. `dense_powers` is the number of dense coefficients, 0 for cubic Hermite
    interpolation.

    >>> def midpoint(f, t, y, h, carry):
    ...     return y + h * f(t + h / 2, y + h / 2 * f(t, y)), None, None, None, True
    >>> solver = StepSolver(midpoint, order=2, step=0.01)
    >>> solver.order, solver.adaptive
    (2, False)
    """

    function: Step
    order: int = 0  # given, where other solvers derive it
    error_order: int = -1
    dense_powers: int = 0

    differentiable = False  # torch can follow it (`backprop`), but there is no tableau to differentiate

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order < 1:
            raise ValueError("a step function has an order of at least 1: StepSolver(step, order=…)")

    @property
    def adaptive(self) -> bool:
        """It chooses its own steps."""
        return self.step <= 0

    @property
    def error_power(self) -> int:
        """The error estimate is of size h to this power."""
        return self.order if self.error_order < 0 else self.error_order + 1

    def stepper(self, arrays: NumpyArrays | TorchArrays) -> Stepper:
        """One step of the function on such arrays."""
        from .step_function import FunctionStepper

        return FunctionStepper(self.function, self.dense_powers, self.adaptive, arrays)
