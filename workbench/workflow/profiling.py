"""Profiles of a fitted model's unknowns: intervals that follow the loss, and what the data cannot determine."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import diagnose
from ..contracts import Objective, Optimizer
from ..diagnose.profiles import FLAT, Reach, Statistic, judged, threshold
from ..errors import WorkbenchError
from ..errors.nearest import did_you_mean
from ..errors.numerics import NoFiniteSolution
from ..errors.usage import UsageError
from ..fitting.objective import LARGEST_DENSE
from ..fitting.profile import Limits, Point, Side, side
from ..fitting.refit import refit
from .drawing import training_selection
from .estimates import uncertainty_of
from .profiles import Profile, Profiles
from .threads import one_thread
from .units import meanings

if TYPE_CHECKING:
    from ..runs import Run
    from .fitted import Fitted
    from .session import Session

DECADES = float(np.log(1e4))  # how far a log or logit unknown is followed, in its fitted scale
FOLDS = 1e3  # how far another one is followed, in its own size or standard error
FIRST = 0.2  # first step in standard errors
MOVED = 0.01  # relative change from which another unknown counts as following
RESTARTS = 3


def profile(
    fitted: Fitted | Run | str | Path,
    names: Sequence[str] = (),
    *,
    level: float = 0.95,
    statistic: Statistic = "t",
    max_time: float = 60.0,
    store: str | Path = "runs",
    plugins: Iterable[str | Path] = (),
) -> Profiles:
    """Move each unknown away from its estimate while all others are fitted again, and see how far the loss lets it go.

    `names` are labels such as "k", "k[2]" or "x(0)"; by default every unknown but a network's weights. An interval ends
    where the loss has risen by `diagnose.profiles.threshold`, at a bound, or where the way was too long (a factor of
    10⁴ for a log or logit unknown, else 1000 times its size): the verdict says which. `max_time` is in seconds and for
    one unknown. The interval is one of `level` by the `statistic` "t" (Student) or "chi2". A stored run is looked for
    in the folder `store`, with its `plugins` (files). The training part is what is fitted, as in the fit. Raises
    UsageError for names that are no unknowns and for losses that are neither squares nor a likelihood,
    NoFiniteSolution.
    """
    from .fitted import fitted_of

    fit = fitted_of(fitted, store, plugins)
    session = fit.session
    require_level(level)
    wanted = _wanted(session, names)
    deadline = session.model.deadline
    try:
        session.model.deadline = None
        with one_thread(session.model.graph is None):
            return _Profiler(session, level, statistic, max_time).all(fit.name, wanted)
    finally:
        session.model.deadline = deadline


def _wanted(session: Session, names: Sequence[str]) -> list[int]:
    """Places in x of the names."""
    unknowns, labels = session.model.unknowns, list(session.model.unknowns.labels)
    for name in names:
        if name not in labels:
            if name in _held(session):
                raise UsageError(f"{name!r} is held, not fitted", help=f"fit it: --free {name}")
            help = did_you_mean(name, labels, f"there are {', '.join(labels[:20])}")
            raise UsageError(f"{name!r} is no unknown of this fit", help=help)
    weights = unknowns.mask("weights", "encoder")
    for name in names:
        if weights[labels.index(name)]:
            raise UsageError(
                f"{name!r} is a weight, which no data identify: others make up for it",
                help="name a parameter or an initial value; for networks: workbench ensemble RUN",
            )
    found = [labels.index(name) for name in names] or [int(i) for i in np.flatnonzero(~weights)]
    if not found:
        raise UsageError(
            "there is nothing to profile: the unknowns are a network's weights",
            help="for networks: workbench ensemble RUN, or workbench bootstrap RUN",
        )
    return found


def require_level(level: float) -> None:
    """Raises UsageError for a confidence level that is none."""
    if not 0 < level < 1:
        meant = level / 100 if 1 < level < 100 else 0.95
        raise UsageError(f"a confidence level of {level:g} was asked for", help=f"as a share: level={meant:g}")


def require_least_squares(objective: Objective) -> None:
    """Raises UsageError for a model of too many unknowns to fit again and again, or a loss without residuals."""
    if not objective.least_squares:
        n = len(objective.lower)
        what = f"{n} unknowns are too many for" if n > LARGEST_DENSE else "the loss has no residuals for"
        raise UsageError(f"{what} a dense Jacobian", help="workbench ensemble RUN fits again without one")


def _held(session: Session) -> set[str]:
    """Names of parameters and initial values that the fit holds."""
    blocks = session.model.unknowns.blocks
    return {f"{label}(0)" if block.name == "initial" else label for block in blocks for label in block.labels}


class _Profiler:
    """The profiles of one fit."""

    def __init__(self, session: Session, level: float, statistic: Statistic, max_time: float) -> None:
        from ..registry import installed

        self.session, self.model = session, session.model
        self.level, self.statistic, self.max_time = level, statistic, max_time
        misfit = self.model.misfit
        if any(formulas.loss.rho != "linear" for formulas in misfit.formulas):
            raise UsageError(
                f"the loss {session.choices.loss!r} has no profile: it is neither squares nor a likelihood",
                help="fit with --loss mse or --loss likelihood",
            )
        whole = session.task.trajectory()
        require_least_squares(whole)
        start = session.x
        everything = np.ones(len(start), dtype=bool)
        shrink = session.task.shrinkage(whole, start)
        self.objective: Objective = session.task.restrict(whole, everything, start, shrink)
        self.optimizer: Optimizer = installed().make("optimizer", "levenberg-marquardt")
        self.labels, self.meanings = self.model.unknowns.labels, meanings(self.model)
        self.selection = training_selection(self.model)
        self.n = int(self.selection.mask.sum())
        self.notes: list[str] = []
        self.best = Point(start, self.objective.value(start))
        stopped = "its weights had been left before their optimum"
        network = bool(self.model.unknowns.mask("weights").any())
        self._settle(start, stopped if network else "the fit had not converged")

    def _settle(self, x: np.ndarray, why: str) -> None:
        """Start from the optimum near x, said aloud where it lies noticeably lower than what was the best."""
        found = refit(self.objective, self.optimizer, x)
        if found is None:
            raise NoFiniteSolution("the loss of the fitted values is not finite", help="fit again")
        before, self.best = self.best.value, Point(found.x, found.value)
        self.uncertainty = uncertainty_of(self.model, found.x, self.model.trial(found.x, self.selection))
        misfit = self.model.misfit
        self.rise = threshold(
            self.level,
            found.value,
            self.n,
            self.uncertainty.rank,
            likelihood=misfit.is_likelihood,
            scales_known=misfit.scales_known,
            statistic=self.statistic,
        )
        if not self.rise > 0:
            raise UsageError(
                f"there is no threshold for a profile: {self.n} values, {self.uncertainty.rank} unknowns, "
                f"loss {found.value:.3g}",
                help="fit to more values than there are unknowns, and to values with noise",
            )
        if before - found.value > FLAT * self.rise:
            fell = f"the loss fell from {before:.6g} to {found.value:.6g}"
            self.notes.append(f"{why}: {fell}; profiles start there, fit again")

    def all(self, run: str | None, wanted: list[int]) -> Profiles:
        """Every profile that is wanted, all from one estimate: where one comes to a better fit, all start there."""
        restarts, found = 0, dict[str, Profile]()
        while len(found) < len(wanted):
            made, lowest = self._one(wanted[len(found)])
            if self.best.value - lowest.value > FLAT * self.rise and restarts < RESTARTS:
                restarts, found = restarts + 1, {}
                self._settle(lowest.x, "a profile came to a better fit")
                continue
            found[made.name] = made
        return Profiles(run, self.level, self._said(), self.best.value, self.rise, found, tuple(self.notes))

    def _said(self) -> str:
        misfit = self.model.misfit
        normal = self.statistic == "chi2" or (misfit.is_likelihood and misfit.scales_known)
        return "chi2" if normal else "t"

    def _one(self, i: int) -> tuple[Profile, Point]:
        """The profile of unknown i, and the lowest point on it."""
        began = time.monotonic()
        se = float(self.uncertainty.stderr[i])
        sides = []
        for sign in (-1.0, 1.0):
            limits = Limits(
                float(self.best.x[i] + sign * self._reach(i, se)), lambda: time.monotonic() - began > self.max_time
            )
            step, slope = sign * self._first(i, se), self._slope(i)
            sides.append(side(self.objective, self.optimizer, self.best, i, step, slope, self._height, limits))
        points = [point for each in sides for point in each.points]
        return self._described(i, sides, time.monotonic() - began), min(points, key=lambda point: point.value)

    def _height(self, value: float) -> float:
        """The loss, 0 at the estimate and 1 at the threshold."""
        return (value - self.best.value) / self.rise

    def _size(self, i: int) -> float:
        """The scale of unknown i in which steps are sensible where it has no standard error."""
        return 1.0 if self.model.unknowns.kind[i] != "identity" else abs(float(self.best.x[i])) or 1.0

    def _reach(self, i: int, se: float) -> float:
        """How far unknown i is followed, in the fitted scale."""
        if self.model.unknowns.kind[i] != "identity":
            return DECADES
        return FOLDS * max(self._size(i), se if np.isfinite(se) else 0.0)

    def _first(self, i: int, se: float) -> float:
        known = np.isfinite(se) and se > 0
        return min(FIRST * se, self._reach(i, se) / 4) if known else 0.1 * self._size(i)

    def _slope(self, i: int) -> np.ndarray:
        """How the others follow unknown i near the estimate: the regression of each on it, by the covariance."""
        spread = self.uncertainty.spread
        slope = spread[:, i] / spread[i, i] if spread[i, i] > 0 else np.zeros(len(spread))
        slope[i] = 1.0
        return np.nan_to_num(slope)

    def _described(self, i: int, sides: list[Side], seconds: float) -> Profile:
        unknowns = self.model.unknowns
        points = [*reversed(sides[0].points[1:]), *sides[1].points]
        x = np.array([point.x for point in points])
        physical = np.array([unknowns.physical(row)[0] for row in x])
        ends = [self._crossing(i, each) for each in sides]
        following = self._following(i, sides)
        reaches = [
            Reach(
                each.end,
                float(unknowns.physical(each.points[-1].x)[0][i]),
                self._flat(each) is not None,
                "up to" if up else "down to",
            )
            for up, each in enumerate(sides)
        ]
        flat_ends = [point for each in sides if (point := self._flat(each)) is not None]
        undetermined = all(self._open(i, point) for point in (self.best, *flat_ends))
        verdict, reason = judged(reaches, following, undetermined)
        z = self.uncertainty.quantile(self.level) * float(self.uncertainty.stderr[i])
        return Profile(
            name=self.labels[i],
            value=float(unknowns.physical(self.best.x)[0][i]),
            interval=(ends[0], ends[1]),
            gauss_newton=(self._physical(i, self.best.x[i] - z), self._physical(i, self.best.x[i] + z))
            if np.isfinite(z)
            else None,
            verdict=verdict,
            reason=reason,
            at=physical[:, i],
            loss=np.array([point.value for point in points]),
            others={name: physical[:, j] for j, name in enumerate(self.labels) if j != i},
            seconds=seconds,
            lower_end=sides[0].end,
            upper_end=sides[1].end,
            **self.meanings.get(self.labels[i], {}),
        )

    def _physical(self, i: int, value: float) -> float:
        x = self.best.x.copy()
        x[i] = value
        return float(self.model.unknowns.physical(x)[0][i])

    def _crossing(self, i: int, each: Side) -> float | None:
        return None if each.crossing is None else self._physical(i, each.crossing)

    def _flat(self, each: Side) -> Point | None:
        """The farthest point up to which a side is flat, the estimate left out; None where it rises at once."""
        flat = None
        for point in each.points[1:]:
            if abs(point.value - self.best.value) > FLAT * self.rise:
                break
            flat = point
        return flat

    def _open(self, i: int, point: Point) -> bool:
        """Whether the data do not determine unknown i at a point, by the rank of the Jacobian there."""
        lower, upper = self.objective.lower, self.objective.upper
        held = [n for j, n in enumerate(self.labels) if j != i and not lower[j] < point.x[j] < upper[j]]
        try:
            line = self.model.trial(point.x, self.selection).linearize()
        except WorkbenchError:
            return False
        found = diagnose.standard_errors(line.residuals, line.jacobian, self.labels, at_bound=held, dispersion=1.0)
        return bool(np.any(found.undetermined[:, i] != 0))

    def _following(self, i: int, sides: list[Side]) -> list[str]:
        """Unknowns that change along the flat part of the path."""
        physical = self.model.unknowns.physical
        here, found = physical(self.best.x)[0], []
        ends = [physical(point.x)[0] for each in sides if (point := self._flat(each)) is not None]
        for j, name in enumerate(self.labels):
            if j != i and any(abs(end[j] - here[j]) > MOVED * max(abs(here[j]), 1e-300) for end in ends):
                found.append(name)
        return found
