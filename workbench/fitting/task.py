"""What a strategy works on: the model and the objectives that can be made of it and of the parts it may see."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np

from ..contracts import Budget, Objective, Optimizer, TrialLoss
from ..dataset import TRAIN, VALIDATION
from ..errors.usage import UsageError
from ..model import Model, Selection
from .defect import defect_objectives
from .evidence import precision
from .objective import Prior, Subspace, TrajectoryObjective, WholeObjective
from .priors import DeclaredPriors, Posterior
from .shooting import Shooting
from .stuck import stuck


class FitTask:
    """A model with its training and validation parts; the test part is out of reach here."""

    def __init__(self, model: Model, optimizer: Optimizer, budget: Budget) -> None:
        self.model, self.optimizer, self.budget = model, optimizer, budget
        part = np.asarray(model.problem.part)
        self._train, self._held = part == TRAIN, part == VALIDATION
        self._objectives: dict[float, TrajectoryObjective | WholeObjective] = {}
        self._windows: dict[int, Shooting] = {}
        self._start: np.ndarray | None = None
        self._root = self
        self._priors = DeclaredPriors(model.unknowns)
        if len(self._priors.places) and not model.misfit.is_likelihood:
            raise UsageError(
                f"parameters have priors, and the loss {model.loss.name!r} is no likelihood to weigh them against",
                help="--loss likelihood, or take the priors out",
            )

    @property
    def unknowns(self):  # type: ignore[no-untyped-def]  # workbench.unknowns.Unknowns
        """The model's unknowns at their start values."""
        return self.model.unknowns if self._start is None else self.model.unknowns.starting(self._start)

    def starting(self, x: np.ndarray) -> FitTask:
        """The same task from other start values x (unknown,)."""
        other = copy(self)
        other._start = x
        return other

    @property
    def likelihood_values(self) -> int:
        """How many training values −log L adds up; 0 where the loss is no likelihood."""
        return int(self.model.data.mask[self._train].sum()) if self.model.misfit.is_likelihood else 0

    def trajectory(self, horizon: float = 1.0) -> Objective:
        """The misfit of the training part up to a share of each trajectory's span, the whole of it by default.

        Declared priors are part of it.
        """
        return self.posterior(self._data(horizon))

    def posterior(self, data: Objective) -> Objective:
        """The objective of some data with the declared priors."""
        return Posterior(data, self._priors) if len(self._priors.places) else data

    def _data(self, horizon: float) -> TrajectoryObjective | WholeObjective:
        if horizon not in self._objectives:
            selection = Selection.of(self.model.data, self._train & self._within(horizon))
            self._objectives[horizon] = self._objective(selection)
        return self._objectives[horizon]

    def _objective(self, selection: Selection) -> TrajectoryObjective | WholeObjective:
        loss = self.model.loss
        if isinstance(loss, TrialLoss):
            return WholeObjective(self.model, selection, loss)
        return TrajectoryObjective(self.model, selection)

    def _within(self, horizon: float) -> np.ndarray:
        if horizon >= 1.0:
            return np.ones(len(self._train), dtype=bool)
        data = self.model.data
        begin = self.model.t0[data.trajectory_of]
        end = np.full(data.n_trajectories, -np.inf)
        np.maximum.at(end, data.trajectory_of[self._train], data.t[self._train])
        share = begin + horizon * (end[data.trajectory_of] - begin)
        return data.t <= share

    @cached_property
    def _defects(self) -> tuple[Objective, ...]:
        return defect_objectives(self.model, self._train)

    def defects(self) -> tuple[Objective, ...]:
        """The misfits of f to the slopes of curves through the training part."""
        return () if isinstance(self.model.loss, TrialLoss) else self._root._defects

    def windows(self, points: int = 0) -> Shooting:
        """The training part cut into windows of at least `points` times, by default of twice as many values as states.

        Raises UsageError where there are more unknowns than a dense Jacobian has columns.
        """
        if self._triggered:
            raise UsageError(
                "windows of multiple shooting go through events at given times, and not through triggered ones",
                help="--strategy ladder",
            )
        if isinstance(self.model.loss, TrialLoss):
            raise UsageError(
                f"multiple shooting forms the Jacobian of residuals, and the loss {self.model.loss.name!r} has none",
                help="--strategy single",
            )
        if not self.trajectory().least_squares:
            raise UsageError(
                f"multiple shooting forms the Jacobian, and {len(self.unknowns.start)} unknowns are too many for one",
                help="--strategy ladder or --strategy horizon",
            )
        if points not in self._windows:
            self._windows[points] = Shooting(self.model, self._train, self._priors, points)
        return self._windows[points]

    @property
    def _triggered(self) -> bool:
        """The state says when an event happens, so that a window does not know which of them it begins after."""
        return any(event.trigger for event in self.model.events)

    def stuck(self, x: np.ndarray) -> bool:
        """The trajectory at x misses the training part by far more than noise explains, and windows could help."""
        if self._triggered:
            return False
        training = self._data(1.0)
        return (
            isinstance(training, TrajectoryObjective)
            and training.least_squares
            and stuck(self.model, training.selection, x)
            and self.windows().several
        )

    def restrict(
        self, objective: Objective, free: np.ndarray, x: np.ndarray, shrink: np.ndarray | None = None
    ) -> Objective:
        """The objective of the free entries (unknown,) of x, the others held, with the prior of precision `shrink`.

        Without `shrink` (unknown,) the prior is the one that the unknowns declare.
        """
        shrink = self.unknowns.shrink if shrink is None else shrink
        with_prior = Prior(objective, shrink) if (shrink > 0).any() else objective
        return with_prior if free.all() else Subspace(with_prior, free, x)

    def shrinkage(self, objective: Objective, x: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """The prior's precisions (unknown,) at x: as declared, and for undeclared weights as the evidence asks.

        Those of the right-hand side and those of an encoder have one each. `before` are those of the point before. What
        is declared is kept by networks beyond a dense Jacobian, and by optimizers that form none: they remember slopes
        of the objective as it was.
        """
        found = self.unknowns.shrink
        groups = [self.unknowns.mask(name) & (found == 0) for name in ("weights", "encoder")]
        if not np.any(groups) or not objective.least_squares or not self.optimizer.least_squares:
            return found
        for group in filter(np.any, groups):
            start = 0.0 if before is None else float(before[group][0])
            found = np.where(group, precision(objective, x, group, start), found)
        return found

    @cached_property
    def _validation(self) -> Selection | None:
        return Selection.of(self.model.data, self._held) if self._held.any() else None

    def validation(self, x: np.ndarray) -> float | None:
        """The loss on the validation part, its scales profiled on itself; inf where there is no solution.

        With the scales of the training part, a better fit there would make the same forecast worse.
        """
        if self._validation is None:
            return None
        trial = self.model.trial(x, self._validation)
        if isinstance(self.model.loss, TrialLoss):
            return self.model.loss.score(trial)
        value = trial.value()
        return value / max(int(self._validation.mask.sum()), 1) if self.model.misfit.is_likelihood else value
