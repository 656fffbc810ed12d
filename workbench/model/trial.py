"""One candidate: the model at one x on one selection of observations; each thing is computed when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..contracts import GradientMode, Linearization, SolveOptions, Trajectory
from ..engine import LoopSolver
from ..errors.numerics import NoFiniteSolution
from .derivatives import mode_for, pulled, sensitivities
from .finite import with_finite_squares
from .misfit import Weights
from .selection import Selection

if TYPE_CHECKING:
    from ..compiled import Solved
    from .backprop import Unrolled
    from .model import Model
    from .pieces import TrialChain


class Trial:
    """The model at x (unknown,), solved over a selection; axes as in Selection."""

    def __init__(self, model: Model, x: np.ndarray, selection: Selection) -> None:
        self.model, self.x, self.selection = model, x, selection
        self.reverse_error: float | None = None  # of the last gradient by the continuous adjoint
        self._kept: tuple[Weights | None, float] | None = None  # the loss, and the weights that it was asked for with

    @cached_property
    def y0(self) -> np.ndarray:
        """Initial states of the selected trajectories (row, state)."""
        return self.model.initial(self.x)[0][self.selection.rows]

    @cached_property
    def t0(self) -> np.ndarray:
        """Where the solves of the selected trajectories begin (row,)."""
        return self.model.t0[self.selection.rows]

    @cached_property
    def chain(self) -> TrialChain | None:
        """The solution piece by piece, where the model has events."""
        if not self.model.events:
            return None
        self._require_start()
        return self.model.chain(self)

    @cached_property
    def rhs(self):  # type: ignore[no-untyped-def]  # contracts.LinearRhs
        """f on the selected trajectories."""
        return self.model.rhs(self.x, self.selection.rows)

    @property
    def mode(self) -> GradientMode:
        """How this trial is differentiated."""
        return mode_for(self.model.gradient, self.model.solver)

    @cached_property
    def compiled(self) -> Solved | None:
        """The solution by the compiled engine, where the model has one."""
        if self.model.compiled is None or self.chain is not None:
            return None
        self._require_start()
        rows, options = self.selection.rows, self.options(keep=True)
        return self.model.compiled.solve(self.x, self.y0, self.t0, rows, self.selection.ts, options)

    def _require_start(self) -> None:
        if not np.isfinite(self.y0).all():
            raise NoFiniteSolution("the initial state is not finite")

    @cached_property
    def trajectory(self) -> Trajectory:
        """The solution at the selection's times; its steps are kept where its derivative is that of the steps."""
        if self.chain is not None:
            return self.chain.trajectory
        if self.compiled is not None:
            return self.compiled.trajectory()
        self._require_start()
        model = self.model
        with np.errstate(all="ignore"):  # a trial that leaves the numbers ends in a status, not in a warning
            options = self.options(keep=self.mode == "discrete")
            return model.solver.solve(self.rhs, self.y0, self.t0, self.selection.ts, options)

    def options(self, keep: bool) -> SolveOptions:
        """The caps and breaks of this trial's solves."""
        return SolveOptions(
            max_steps=self.model.patience(self.selection.ts),
            breaks=self.model.breaks(self.selection.rows),
            keep=keep,
            deadline=self.model.deadline,
        )

    @cached_property
    def unrolled(self) -> Unrolled:
        """The same steps in torch's graph."""
        from .backprop import Unrolled

        solver = self.model.solver
        assert isinstance(solver, LoopSolver), "only they have this mode"
        return Unrolled.of(solver, self.rhs, self.y0, self.t0, self.trajectory, self.options(keep=False))

    @cached_property
    def states(self) -> np.ndarray:
        """y at each selected observation (observation, state); raises NoFiniteSolution if a row did not arrive."""
        found = self.compiled or self.trajectory
        bad = np.flatnonzero(~found.ok)
        if len(bad):
            name = self.model.data.trajectories[self.selection.rows[bad[0]]]
            raise NoFiniteSolution(
                f"the solution of trajectory {name} ended early: {self.trajectory.message[bad[0]]}",
                help="start from other values (--set), give bounds in the problem file, or try --solver rodas5p",
            )
        states = found.ys[self.selection.row, self.selection.column]
        if self.chain is not None:
            self._require_reached(states)
        return states

    def _require_reached(self, states: np.ndarray) -> None:
        """No trajectory was ended by an event before its last observation."""
        for row in np.unique(self.selection.row[np.isfinite(self._times) & np.isnan(states).any(axis=1)]):
            name = self.model.data.trajectories[self.selection.rows[row]]
            raise NoFiniteSolution(
                f"the solution of trajectory {name} ends before its last observation: {self.trajectory.message[row]}",
                help="let the event change states instead of terminate, or fit what was observed before it",
            )

    @cached_property
    def predicted(self) -> np.ndarray:
        """mu at each selected observation (observation, channel)."""
        with np.errstate(all="ignore"):
            return self.model.observe(self.x, self._times, self.states, self._trajectory_numbers)

    @property
    def _trajectory_numbers(self) -> np.ndarray:
        return self.selection.rows[self.selection.row]

    @property
    def _times(self) -> np.ndarray:
        return self.selection.ts[self.selection.row, self.selection.column]

    def value(self, weights: Weights | None = None) -> float:
        """The loss; inf where there is no finite admissible solution."""
        try:
            return self._value(weights)
        except NoFiniteSolution:
            return float("inf")

    def _value(self, weights: Weights | None) -> float:
        """The loss of the prediction; asked for once to try a point and once more to go on from it, and so kept."""
        if self._kept is None or self._kept[0] is not weights:
            self._kept = weights, self._misfit_value(weights)
        return self._kept[1]

    def _misfit_value(self, weights: Weights | None) -> float:
        return self.model.misfit.value(self.selection.values, self.predicted, weights, self.selection.sd)

    def weights(self) -> Weights:
        """Profiled scales and robust weights at this trial's prediction."""
        self.model.misfit.check(self.selection.values, self.predicted)
        return self.model.misfit.weights(self.selection.values, self.predicted, self.selection.sd)

    def linearize(self, weights: Weights | None = None) -> Linearization:
        """Residuals and their Jacobian by x; raises NoFiniteSolution or GradientUnavailable."""
        values, misfit = self.selection.values, self.model.misfit
        misfit.check(values, self.predicted)
        used = weights or misfit.weights(values, self.predicted, self.selection.sd)
        r, slope, observation, channel = misfit.linear(values, self.predicted, used, self.selection.sd)
        with np.errstate(all="ignore"):
            by_x = self.predicted_by_x()[observation, channel]
            by_x *= slope[:, None]
        line = Linearization(r, by_x, self._value(weights))
        return with_finite_squares(line, np.vdot(by_x, by_x), "the solution or its derivative")

    def sharpened(self) -> Linearization:
        """Rows of √information·∂mu/∂x, whose JᵀJ is the information of a likelihood about x; each residual is 1.

        So ‖r‖² is the number of values, as it is of gaussian ones whose scale is profiled. Raises like `linearize`.
        """
        selection, misfit = self.selection, self.model.misfit
        root = misfit.sharpness(selection.values, self.predicted, self.weights(), selection.sd)
        channel, observation = np.nonzero(selection.mask.T)
        with np.errstate(all="ignore"):
            by_x = -self.predicted_by_x()[observation, channel] * root[:, None]
        line = Linearization(np.ones(len(root)), by_x, self._value(None))
        return with_finite_squares(line, np.vdot(by_x, by_x), "the solution or its derivative")

    def predicted_by_x(self) -> np.ndarray:
        """∂mu/∂x (observation, channel, unknown)."""
        by_y0, by_p = self.sensitivities
        at = (self.selection.row, self.selection.column)
        model, numbers = self.model, self._trajectory_numbers
        with np.errstate(all="ignore"):
            _, y0_p = model.initial(self.x)
            full = by_p[at] if y0_p is None else by_p[at] + by_y0[at] @ y0_p[numbers]
            by_q = np.concatenate([full, by_y0[at][:, :, model.columns.initial_states]], axis=2)
            mu_q = self._observed(by_q)
        n, channels, q = mu_q.shape
        lines = model.columns.by_unknowns(mu_q.reshape(n * channels, q), np.repeat(numbers, channels), self.x)
        return lines.reshape(n, channels, -1)

    def _observed(self, by_q: np.ndarray) -> np.ndarray:
        """∂mu/∂q (observation, channel, q) of states with ∂y/∂q (observation, state, q)."""
        model, states = self.model, self.model.states_seen
        if states is not None:
            return by_q if np.array_equal(states, np.arange(by_q.shape[1])) else by_q[:, states]
        mu_y, mu_p = model.observe_jacobians(self.x, self._times, self.states, self._trajectory_numbers)
        mu_q = mu_y @ by_q
        if mu_p is not None:
            mu_q[:, :, : mu_p.shape[2]] += mu_p
        return mu_q

    @cached_property
    def sensitivities(self) -> tuple[np.ndarray, np.ndarray]:
        """∂y/∂y0 (row, time, state, state) and ∂y/∂p (row, time, state, parameter)."""
        return sensitivities(self)

    def gradient(self, weights: Weights | None = None) -> tuple[float, np.ndarray]:
        """The loss and its gradient by x (unknown,), by the model's gradient mode."""
        if self.mode == "forward":
            line = self.linearize(weights)
            return line.value, line.vjp(line.residuals)
        values, misfit, model = self.selection.values, self.model.misfit, self.model
        misfit.check(values, self.predicted)
        used = weights or misfit.weights(values, self.predicted, self.selection.sd)
        r, slope, observation, channel = misfit.linear(values, self.predicted, used, self.selection.sd)
        g_mu = np.zeros_like(self.predicted)
        g_mu[observation, channel] = r * slope
        g_y0, g_x = self.back(g_mu)
        return self._value(weights), g_x + model.pull(self.x, self.selection.rows, g_y0, np.zeros((1, 0)))

    @cached_property
    def slopes(self) -> np.ndarray:
        """dy/dt at each selected observation (observation, state)."""
        with np.errstate(all="ignore"):
            found: np.ndarray = self.rhs(self._times, self.states, self.selection.row, self._times)
        return found

    def beginning(self, y0: np.ndarray) -> Trial:
        """The trial whose trajectories begin at y0 (row, state) instead."""
        other = Trial(self.model, self.x, self.selection)
        other.y0 = y0
        return other

    def back(self, g_mu: np.ndarray, g_slopes: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """A gradient by mu (observation, channel) and by `slopes` (observation, state), as one by y0 and one by x.

        That by x (unknown,) is through parameters and weights alone; that by y0 (row, state) is left to who knows what
        y0 is made of, `model.pull` for the model's own.
        """
        model, numbers, rows = self.model, self._trajectory_numbers, self.selection.rows
        mu_y, mu_p = model.observe_jacobians(self.x, self._times, self.states, numbers)
        g_states = np.einsum("nc,ncd->nd", g_mu, mu_y)
        g_x = np.zeros(len(self.x))
        none = np.zeros((len(rows), len(model.field.states)))
        if g_slopes is not None:
            by_y, by_p = self.rhs.pullback(self._times, self.states, self.selection.row, self._times, g_slopes)
            g_states = g_states + by_y
            g_x += model.pull(self.x, rows, none, by_p)
        gys = np.zeros_like((self.compiled or self.trajectory).ys)
        np.add.at(gys, (self.selection.row, self.selection.column), g_states)
        g_y0, g_p = pulled(self, gys)
        g_x += model.pull(self.x, rows, none, g_p)
        if mu_p is not None:
            lines = np.einsum("nc,ncp->np", g_mu, mu_p)
            padded = np.zeros((len(lines), model.columns.n_parameters + len(model.columns.initial_states)))
            padded[:, : lines.shape[1]] = lines
            g_x += model.columns.pull_unknowns(padded, numbers, self.x)
        return g_y0, g_x
