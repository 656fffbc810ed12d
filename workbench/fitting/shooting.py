"""Multiple shooting: the misfit of windows that begin at nodes of their own, and of the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts import Linearization, Task, Tree
from ..errors.numerics import NoFiniteSolution
from ..model import Model, Selection, Trial
from ..model.misfit import Weights
from .condensed import Condensed, Gaps, Rows
from .nodes import starting_nodes
from .priors import DeclaredPriors
from .stuck import constant
from .windows import cut, windowed

VALUES = 2  # values in a window for each state


@dataclass(frozen=True)
class ShootingLine:
    """The squares at x and the nodes to first order, and how they are valued with the weights of this point."""

    shooting: Shooting
    condensed: Condensed
    weights: Weights
    reference: float
    continuity: float
    size: np.ndarray
    loss: float
    """As the trajectory's is counted."""
    data: float
    """½‖residuals‖² of the observations, as a share of that of a constant."""
    gap: float
    """Root mean square of the gaps, in units of `size`; 0 where there are none."""

    @property
    def value(self) -> float:
        """The sum of squares here."""
        return self.condensed.value

    def value_at(self, x: np.ndarray, nodes: np.ndarray) -> float:
        """The sum of squares at another point with the weights of this one; inf where it has no finite solution."""
        return self.shooting._value(x, nodes, self)

    def whole(self, x: np.ndarray) -> float:
        """The misfit of the trajectories from their starts at x, with the weights and the unit of `data`."""
        return self.shooting._whole(x, self.weights) / self.reference


class Shooting:
    """Windows over the wanted observations (observation,), each with at least twice as many values as states.

    Or, where `points` are asked for, with as many values as these times have in all channels.

    The squares are those of the loss with its weights as they are at the point of linearization, those of declared
    priors, and continuity · reference · mean((gap/size)²): `reference` is half the squares that a constant leaves, so
    that continuity 1 weighs a gap of a state's whole spread as the loss weighs the whole spread of the data.
    """

    def __init__(self, model: Model, wanted: np.ndarray, priors: DeclaredPriors, points: int = 0) -> None:
        channels = model.data.n_channels
        self.model, self.wanted, self._priors = model, wanted, priors
        values = points * channels if points else VALUES * len(model.field.states)
        self.windows = cut(model, wanted, max(values, 2))
        self.inside = windowed(model, self.windows)
        self.selection = Selection.of(self.windows.data, np.ones(len(self.windows.data.t), dtype=bool))
        self._constant = constant(self.selection.values)
        self._of_trajectories = Selection.of(model.data, wanted)
        self._trials: list[Trial] = []

    @property
    def several(self) -> bool:
        """Some trajectory has more than one window."""
        return bool((~self.windows.first).any())

    def shrinkage(self, task: Task, state: Tree) -> np.ndarray:
        """The prior's precisions (unknown,) at the `x`, `nodes`, `size` and `continuity` of a state (see `Task`)."""
        held = _HeldNodes(self, state["nodes"], state["size"], state["continuity"])
        return task.shrinkage(held, state["x"], state["shrink"])  # type: ignore[arg-type]  # linearize is all it asks for

    def start(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nodes (window, state) to start from at x, and the size of each state (state,)."""
        return starting_nodes(self.model, self.windows, self.wanted, x)

    def _joined(self, x: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """z: the windows that begin a trajectory begin where the model at x does."""
        first = self.windows.first
        whole = nodes.copy()
        whole[first] = self.model.initial(x)[0][self.windows.trajectory[first]]
        return np.append(x, whole.ravel())

    def trial(self, x: np.ndarray, nodes: np.ndarray) -> Trial:
        """The windows solved at x and the nodes; the last two are kept."""
        z = self._joined(x, nodes)
        for trial in self._trials:
            if np.array_equal(trial.x, z):
                return trial
        self.inside.deadline = self.model.deadline
        self._trials = [*self._trials[-1:], self.inside.trial(z, self.selection)]
        return self._trials[-1]

    def _value(self, x: np.ndarray, nodes: np.ndarray, at: ShootingLine) -> float:
        trial = self.trial(x, nodes)
        data = trial.value(at.weights)
        if not np.isfinite(data):
            return float("inf")
        r = self.model.misfit.residuals(self.selection.values, trial.predicted, at.weights, self.selection.sd)
        c, _ = self._gaps(trial, nodes, at.continuity, at.reference, at.size)
        known, _, _ = self._priors.rows(x)
        with np.errstate(over="ignore"):
            value = 0.5 * float(r @ r + known @ known + np.sum(c * c) + np.sum(at.condensed.shrink * x * x))
        return value if np.isfinite(value) else float("inf")

    def _whole(self, x: np.ndarray, weights: Weights) -> float:
        trial = self.model.trial(x, self._of_trajectories)
        try:
            whole = self._of_trajectories
            r = self.model.misfit.residuals(whole.values, trial.predicted, weights, whole.sd)
        except NoFiniteSolution:
            return float("inf")
        with np.errstate(over="ignore", invalid="ignore"):
            value = 0.5 * float(r @ r)
        return value if np.isfinite(value) else float("inf")

    def _gaps(
        self, trial: Trial, nodes: np.ndarray, continuity: float, reference: float, size: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weighted gaps (gap, state), and their weights (state,)."""
        windows = self.windows
        n = max(len(windows.nodes) * len(size), 1)
        w = np.sqrt(2.0 * continuity * reference / n) / size
        return (trial.states[windows.end[windows.before]] - nodes[windows.nodes]) * w, w

    def linearize(
        self, x: np.ndarray, nodes: np.ndarray, size: np.ndarray, continuity: float, shrink: np.ndarray
    ) -> ShootingLine:
        """The squares to first order, with a prior of precision `shrink` (unknown,); raises NoFiniteSolution."""
        trial, misfit = self.trial(x, nodes), self.model.misfit
        values, sd = self.selection.values, self.selection.sd
        misfit.check(values, trial.predicted)
        weights = misfit.weights(values, trial.predicted, sd)
        against = misfit.residuals(values, self._constant, weights, sd)
        reference = max(0.5 * float(against @ against), 1e-300)
        if not np.isfinite(reference):
            reference = 1.0
        with np.errstate(all="ignore"):
            rows = self._rows(trial, x, weights)
            gaps = self._linear_gaps(trial, x, nodes, continuity, reference, size)
            rows, gaps = self._from_the_start(rows, gaps, x)
            known, slope, _ = self._priors.rows(x)
            every = rows.and_of_x(known, self._priors.spread(slope))
            condensed = Condensed(every, gaps, ~self.windows.first, shrink, x)
        if not condensed.finite:
            raise NoFiniteSolution("the windows or their derivatives are not finite, or too large to square")
        gap = gaps.c / gaps.w / size
        return ShootingLine(
            self,
            condensed,
            weights,
            reference,
            continuity,
            size,
            trial.value(),
            0.5 * float(rows.r @ rows.r) / reference,
            float(np.sqrt(np.mean(gap**2))) if gap.size else 0.0,
        )

    def _by_x(self, by_p: np.ndarray, window: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Lines of derivatives by parameters (line, parameter) as ones by x (line, unknown)."""
        columns = self.model.columns
        by_q = np.zeros((len(by_p), columns.n_parameters + len(columns.initial_states)))
        by_q[:, : columns.n_parameters] = by_p
        return columns.by_unknowns(by_q, self.windows.trajectory[window], x)

    def _rows(self, trial: Trial, x: np.ndarray, weights: Weights) -> Rows:
        selection, inside = self.selection, self.inside
        by_y0, by_p = trial.sensitivities
        numbers = selection.rows[selection.row]
        times = selection.ts[selection.row, selection.column]
        mu_y, mu_p = inside.observe_jacobians(trial.x, times, trial.states, numbers)
        r, slope, observation, channel = self.model.misfit.linear(
            selection.values, trial.predicted, weights, selection.sd
        )
        order = np.argsort(numbers[observation], kind="stable")
        observation, channel, slope = observation[order], channel[order], slope[order, None]
        at = (selection.row[observation], selection.column[observation])
        by_state = mu_y[observation, channel][:, None, :]
        by_node = (by_state @ by_y0[at])[:, 0] * slope
        by_parameter = (by_state @ by_p[at])[:, 0]
        if mu_p is not None:
            by_parameter = by_parameter + mu_p[observation, channel]
        window = numbers[observation]
        return Rows(r[order], self._by_x(by_parameter * slope, window, x), by_node, window)

    def _linear_gaps(
        self, trial: Trial, x: np.ndarray, nodes: np.ndarray, continuity: float, reference: float, size: np.ndarray
    ) -> Gaps:
        by_y0, by_p = trial.sensitivities
        window = self.windows.before
        end = self.windows.end[window]
        at = (self.selection.row[end], self.selection.column[end])
        c, w = self._gaps(trial, nodes, continuity, reference, size)
        n, d = c.shape
        lines = (by_p[at] * w[:, None]).reshape(n * d, -1)
        by_x = self._by_x(lines, np.repeat(window, d), x).reshape(n, d, -1)
        return Gaps(c, by_x, by_y0[at] * w[:, None], w, window)

    def _from_the_start(self, rows: Rows, gaps: Gaps, x: np.ndarray) -> tuple[Rows, Gaps]:
        """The rows of first windows by x alone, through the initial state."""
        start = self._start_by_x(x)
        first, trajectory = self.windows.first, self.windows.trajectory
        inside = first[rows.window]
        by_x = rows.by_x
        by_x[inside] += np.einsum("rd,rdx->rx", rows.by_node[inside], start[trajectory[rows.window[inside]]])
        own = first[gaps.window]
        gap_by_x = gaps.by_x
        gap_by_x[own] += gaps.by_node[own] @ start[trajectory[gaps.window[own]]]
        return (
            Rows(rows.r, by_x, np.where(inside[:, None], 0.0, rows.by_node), rows.window),
            Gaps(gaps.c, gap_by_x, np.where(own[:, None, None], 0.0, gaps.by_node), gaps.w, gaps.window),
        )

    def _start_by_x(self, x: np.ndarray) -> np.ndarray:
        """∂y0/∂x (trajectory, state, unknown)."""
        model, columns = self.model, self.model.columns
        y0, y0_p = model.initial(x)
        n, d = y0.shape
        by_q = np.zeros((n, d, columns.n_parameters + len(columns.initial_states)))
        if y0_p is not None:
            by_q[:, :, : columns.n_parameters] = y0_p
        by_q[:, columns.initial_states, columns.n_parameters + np.arange(len(columns.initial_states))] = 1.0
        return columns.by_unknowns(by_q.reshape(n * d, -1), np.repeat(np.arange(n), d), x).reshape(n, d, -1)


class _HeldNodes:
    """The squares as a function of x alone: what the evidence for a prior of weights is read from."""

    least_squares = True

    def __init__(self, shooting: Shooting, nodes: np.ndarray, size: np.ndarray, continuity: float) -> None:
        self.shooting, self.nodes, self.size, self.continuity = shooting, nodes, size, continuity

    def linearize(self, x: np.ndarray) -> Linearization:
        """Residuals and gaps, and their Jacobian by x."""
        line = self.shooting.linearize(x, self.nodes, self.size, self.continuity, np.zeros(len(x)))
        rows, gaps = line.condensed.rows, line.condensed.gaps
        r = np.append(rows.r, gaps.c.ravel())
        return Linearization(r, np.vstack([rows.by_x, gaps.by_x.reshape(-1, len(x))]), line.value)
