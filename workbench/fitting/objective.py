"""Objectives over x: the misfit of solved trajectories, or a loss on whole trials; entries held, priors added."""

from __future__ import annotations

import numpy as np

from ..contracts import Linearization, Objective, TrialLoss
from ..errors.numerics import NoFiniteSolution
from ..errors.usage import UsageError
from ..model import Model, Selection, Trial
from ..model.columns import run
from ..model.misfit import Weights

LARGEST_DENSE = 2000  # unknowns beyond which no dense Jacobian is formed


class TrajectoryObjective:
    """The loss of the solved trajectories on a selection.

    Raises nothing from `value`: a point without a finite solution is worth inf. The last two trials are kept.
    """

    def __init__(self, model: Model, selection: Selection, weights: Weights | None = None) -> None:
        self.model, self.selection, self._weights = model, selection, weights
        self.lower, self.upper = model.unknowns.lower, model.unknowns.upper
        self.least_squares = len(self.lower) <= LARGEST_DENSE
        self._trials: list[Trial] = []
        self._line: tuple[np.ndarray, Linearization] | None = None

    def trial(self, x: np.ndarray) -> Trial:
        """The trial at x, the same object while x is one of the last two points."""
        for trial in self._trials:
            if np.array_equal(trial.x, x):
                return trial
        trial = self.model.trial(x.copy(), self.selection)
        self._trials = [*self._trials[-1:], trial]
        return trial

    def value(self, x: np.ndarray) -> float:
        """The loss at x."""
        return self.trial(x).value(self._weights)

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient (unknown,); inf and NaN where there is no finite solution."""
        try:
            return self.trial(x).gradient(self._weights)
        except NoFiniteSolution:
            return float("inf"), np.full(len(x), np.nan)

    def linearize(self, x: np.ndarray) -> Linearization:
        """Residuals and their Jacobian (residual, unknown); those of the last x are kept."""
        if self._line is None or not np.array_equal(self._line[0], x):
            self._line = x.copy(), self.trial(x).linearize(self._weights)
        return self._line[1]

    def frozen(self, x: np.ndarray) -> TrajectoryObjective:
        """The same misfit with scales and robust weights as they are at x."""
        return TrajectoryObjective(self.model, self.selection, self.trial(x).weights())


class WholeObjective:
    """What a loss on whole trials says of a selection; it has no residuals. Not finite where there is no solution."""

    least_squares = False

    def __init__(self, model: Model, selection: Selection, loss: TrialLoss) -> None:
        self.model, self.selection, self.loss = model, selection, loss
        self.lower, self.upper = model.unknowns.lower, model.unknowns.upper

    def value(self, x: np.ndarray) -> float:
        """The loss at x."""
        try:
            return self.loss.value(self.model.trial(x, self.selection))
        except NoFiniteSolution:
            return float("inf")

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient (unknown,); inf and NaN where there is no finite solution."""
        try:
            return self.loss.gradient(self.model.trial(x, self.selection))
        except NoFiniteSolution:
            return float("inf"), np.full(len(x), np.nan)

    def linearize(self, x: np.ndarray) -> Linearization:
        """Raises UsageError: there are no residuals."""
        raise UsageError("this loss has no residuals, and the optimizer needs them", help="--optimizer lbfgs")

    def frozen(self, x: np.ndarray) -> WholeObjective:
        """The same: it has no weights."""
        return self


class Subspace:
    """An objective of some entries of x, the others held: z = x[free]."""

    def __init__(self, whole: Objective, free: np.ndarray, x: np.ndarray) -> None:
        self.whole, self.free, self.held = whole, free, np.array(x, dtype=float)
        self.lower, self.upper = whole.lower[free], whole.upper[free]
        self.least_squares = whole.least_squares
        linear = getattr(whole, "linear", None)
        self.linear = None if linear is None else linear[free]
        self._some = run(np.flatnonzero(free))

    def full(self, z: np.ndarray) -> np.ndarray:
        """x with z in its free entries."""
        x = self.held.copy()
        x[self.free] = z
        return x

    def value(self, z: np.ndarray) -> float:
        """The objective at z."""
        return self.whole.value(self.full(z))

    def gradient(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective and its gradient by z."""
        value, g = self.whole.gradient(self.full(z))
        return value, g[self.free]

    def linearize(self, z: np.ndarray) -> Linearization:
        """Residuals and their Jacobian by z."""
        line, some = self.whole.linearize(self.full(z)), self._some
        return Linearization(
            line.residuals,
            lambda: line.jacobian[:, some],
            line.value,
            lambda: line.gram[some][:, some],
            line.gradient[some],
        )

    def frozen(self, z: np.ndarray) -> Subspace:
        """The same with weights held at z."""
        return Subspace(self.whole.frozen(self.full(z)), self.free, self.held)


class Prior:
    """An objective plus ½·shrink·x²: a Gaussian prior of precision `shrink` (unknown,) around zero, a row each."""

    def __init__(self, data: Objective, shrink: np.ndarray) -> None:
        self.data, self.shrink = data, shrink
        self.lower, self.upper = data.lower, data.upper
        self.least_squares, self.linear = data.least_squares, getattr(data, "linear", None)

    def _cost(self, x: np.ndarray) -> float:
        return 0.5 * float(np.sum(self.shrink * x * x))

    def value(self, x: np.ndarray) -> float:
        """The sum of both."""
        return self.data.value(x) + self._cost(x)

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The sum of both, and its gradient."""
        value, g = self.data.gradient(x)
        return value + self._cost(x), g + self.shrink * x

    def linearize(self, x: np.ndarray) -> Linearization:
        """The residuals of the data, then √shrink·x of every entry that shrinks."""
        line, roots = self.data.linearize(x), np.sqrt(self.shrink)
        held = self.shrink > 0
        return Linearization(
            np.concatenate([line.residuals, (roots * x)[held]]),
            lambda: np.vstack([line.jacobian, np.diag(roots)[held]]),
            line.value + self._cost(x),
            lambda: line.gram + np.diag(self.shrink),
            line.gradient + self.shrink * x,
        )

    def frozen(self, x: np.ndarray) -> Prior:
        """The same with the data's weights held at x."""
        return Prior(self.data.frozen(x), self.shrink)
