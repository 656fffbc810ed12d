"""Ensembles: the same fit from several seeds, and what their spread says of a prediction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors.counting import count
from ..errors.numerics import NumericsError
from ..errors.usage import UsageError
from ..fitting import FitBudget
from .bands import Band, Ends, around, deviation_of_observations
from .choices import Choices, limits_of
from .devices import require_device
from .drawing import COUNTS, count_variance, kinds, training_selection
from .driving import OnStep
from .left_out import left_out, summary
from .session import Session

if TYPE_CHECKING:
    from ..runs import Run
    from .fitted import Fitted
    from .predicting import Prediction

FEWEST = 3  # members whose spread says anything


@dataclass(frozen=True)
class Ensemble:
    """Runs of the fit `of` from several seeds: the members that count, and those that do not."""

    of: str
    members: tuple[Fitted, ...]
    left_out: tuple[tuple[Fitted, str], ...] = ()  # with the reason, see `left_out.reasons`
    failed: tuple[str, ...] = ()  # names of members whose fit failed, with the reason

    @property
    def makes_a_band(self) -> bool:
        """There are enough members for their spread to say anything."""
        return len(self.members) >= FEWEST

    def document(self) -> dict[str, Any]:
        """The document `workbench/ensemble/1`."""
        return {
            "schema": "workbench/ensemble/1",
            "of": self.of,
            "members": [summary(member) for member in self.members],
            "left_out": [{**summary(member), "reason": reason} for member, reason in self.left_out],
            "failed": list(self.failed),
        }

    def plot(self, path: str | Path) -> Path:
        """A figure of the members' curves and the 95 % band of their spread; its suffix decides the format."""
        from .ensemble_figure import draw

        return draw(self, Path(path))


def name_of_member(name: str, seed: int) -> str:
    """The run of another seed."""
    return f"{name}-seed{seed}"


def ensemble(
    run: str | Path | Run,
    members: int = 5,
    *,
    store: str | Path = "runs",
    plugins: Iterable[str | Path] = (),
    max_time: float | None = None,
    on_step: OnStep | None = None,
    on_member: Callable[[str], None] | None = None,
) -> Ensemble:
    """Fit a stored run again, on its data and choices, with the seeds that follow its own: `members` runs in all.

    The run is looked for in the folder `store`, with its `plugins` (files); `on_step` is told each step of each fit,
    `on_member` the name of each member before it is fitted. The others are stored beside it as NAME-seedK; those that
    are there already are taken as they are. `max_time` (seconds) is for each, by default the run's own limit. A member
    whose fit fails is named and left out, and so is one that is stuck or far worse than the others (see
    `left_out.reasons`). Raises UsageError where a seed changes nothing, for no weights are drawn, and where no member
    counts.
    """
    from .fitted import load, opened, question_of
    from .running import run_session

    plugins = tuple(plugins)
    stored = opened(run, store)
    first = load(stored, plugins=plugins)
    assert first.name is not None
    if members < 2:
        raise UsageError("an ensemble has at least two members", help="-n 5")
    if not first.session.model.unknowns.mask("weights").any():
        raise UsageError(
            "the fit draws no weights, so that its seed changes nothing",
            help=f"workbench bootstrap {first.name} draws data instead",
        )
    limits, folder = limits_of(stored.config), Path(stored.path).parent
    found, failed = [first], []
    for seed in range(first.session.choices.seed + 1, first.session.choices.seed + members):
        name = name_of_member(first.name, seed)
        if (folder / f"{name}.h5").exists():
            found.append(load(str(folder / f"{name}.h5"), plugins=plugins))
            continue
        if on_member is not None:
            on_member(name)
        choices = replace(Choices.stored(stored.config, plugins), seed=seed)
        require_device(choices.device)
        budget = FitBudget(time.monotonic, limits["iterations"], max_time or limits["max_time"])
        try:
            session = Session(question_of(stored), choices, budget)
            config = {**stored.config, "choices": session.choices.document(), "ensemble": first.name}
            config["limits"] = {"iterations": budget.iterations, "max_time": budget.seconds}
            found.append(run_session(session, config, folder, name, on_step, 0.02))
        except NumericsError as error:
            failed.append(f"{name}: {error.message}")
            continue
        if found[-1].status == "interrupted":
            break
    apart = left_out(found)
    counted = tuple(member for member in found if member.name not in apart)
    if not counted:
        raise UsageError(
            f"each of {count(len(found), 'member')} is stuck", help="fit with other dynamics, or from several --starts"
        )
    without = tuple((member, apart[member.name]) for member in found if member.name in apart)
    return Ensemble(first.name, counted, without, tuple(failed))


def members_of(fitted: Fitted, plugins: Iterable[str | Path] = ()) -> tuple[list[Fitted], list[str]]:
    """The members of a stored run that count, finished ones by seed, and a note on each that does not.

    Raises UsageError where too few count.
    """
    from ..runs import Run
    from .fitted import load

    if not fitted.session.model.unknowns.mask("weights").any():
        raise UsageError(
            "the fit draws no weights, so that it has no ensemble", help="--interval 95 without --ensemble"
        )
    if fitted.path is None:
        raise UsageError("a run that is not stored has no ensemble", help="workbench ensemble RUN -n 5")
    found = [fitted]
    for path in sorted(fitted.path.parent.glob(f"{fitted.path.stem}-seed*.h5"), key=lambda p: (len(p.stem), p.stem)):
        stored = Run.open(path)
        if (
            stored.config.get("ensemble") == fitted.path.stem
            and stored.status != "running"
            and stored.prediction is not None
        ):
            found.append(load(stored, plugins=plugins))
    apart = left_out(found)
    counted = [member for member in found if member.name not in apart]
    if len(counted) < FEWEST:
        more = f" that {'counts' if len(counted) == 1 else 'count'}" if apart else ""
        raise UsageError(
            f"the ensemble of {fitted.name} has {count(len(counted), 'member')}{more}, and a band needs {FEWEST}",
            help=f"workbench ensemble {fitted.name} -n {max(5, len(found) + FEWEST)}",
        )
    return counted, [f"{name} is left out: {why}" for name, why in apart.items()]


def joined(members: list[Fitted], predictions: list[Prediction], level: float, band: Band) -> tuple[np.ndarray, Ends]:
    """The members' mean (trajectory, time, channel), and the band around it.

    Members are taken for draws from one normal distribution of fits: the curve of another lies within
    t(M − 1)·√(1 + 1/M)·s of the mean of M (Lakshminarayanan et al. 2017, NeurIPS, take the spread alike, with s).
    "observation" adds the root mean square of the training residuals, averaged over members. In logarithms where
    noise is lognormal.
    """
    from scipy.special import ndtri, stdtrit

    model, m = members[0].session.model, len(predictions)
    noise = kinds(model)
    relative = np.array([kind == "lognormal" for kind in noise])
    with np.errstate(all="ignore"):
        curves = np.array([np.where(relative, np.log(p.observed), p.observed) for p in predictions])
    mean, spread = curves.mean(axis=0), curves.std(axis=0, ddof=1)
    reach = float(stdtrit(m - 1, (1 + level) / 2)) * np.sqrt(1 + 1 / m) * spread
    mean = np.where(relative, np.exp(mean), mean)
    if band == "observation":
        squares = [_noise(member) ** 2 for member in members]
        extra = np.broadcast_to(np.mean(squares, axis=0), mean.shape).copy()
        for c, kind in enumerate(noise):
            if kind in COUNTS:
                extra[..., c] = count_variance(kind, mean[..., c], float(np.sqrt(extra[..., c].flat[0])))
        reach = np.sqrt(reach**2 + float(ndtri((1 + level) / 2)) ** 2 * extra)
    return mean, around(mean, reach, noise)


def _noise(member: Fitted) -> np.ndarray:
    model, x = member.session.model, member.session.x
    found = deviation_of_observations(model, model.trial(x, training_selection(model)), 0)
    return np.nan_to_num(found)
