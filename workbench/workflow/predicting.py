"""Where a fitted model goes from here: other times, other starts, other data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..dataset import TEST, Dataset
from ..diagnose.extrapolation import told
from ..diagnose.scoring import finite
from ..errors.counting import count
from ..errors.numerics import SolveFailed
from ..errors.usage import UsageError
from ..fitting.defect import measured
from ..model import Model, Selection, Trial
from ..unknowns import Block, Unknowns
from .bands import Band, covariance_bands, require_band
from .checks import region_of
from .reaching import reached

if TYPE_CHECKING:
    from ..runs import Run
    from ..system import System
    from .fitted import Fitted


@dataclass(frozen=True)
class Prediction:
    """States and channels at times; `metrics` where they could be compared with data."""

    trajectories: tuple[str, ...]
    ts: np.ndarray  # (trajectory, time), NaN-padded
    states: np.ndarray  # (trajectory, time, state)
    observed: np.ndarray  # (trajectory, time, channel)
    state_names: tuple[str, ...]
    channels: tuple[str, ...]
    time: str = "t"  # what the data call it
    lower: np.ndarray | None = None  # (trajectory, time, channel)
    upper: np.ndarray | None = None
    metrics: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    band: Mapping[str, Any] | None = None  # percent, of (curve or observation), from (covariance or ensemble)
    extrapolation: Mapping[str, Any] | None = None  # how far it leaves what training visited (see Region.left_by)
    weights: bool = False  # a network's made it
    compared: tuple[Dataset, np.ndarray] | None = field(default=None, repr=False)  # a new record and what was predicted

    @property
    def no_band(self) -> str:
        """Why a prediction that was asked for a band has none."""
        if self.weights:
            return "a network has no standard errors; workbench ensemble RUN, then --ensemble, gives one"
        return "standard errors are not known for this prediction"

    def document(self) -> dict[str, Any]:
        """The document `workbench/predict/1`; lists over trajectories where there are several."""
        items = [self._one(i) for i in range(len(self.ts))]
        keys = items[0].keys()
        joined = items[0] if len(items) == 1 else {key: [item[key] for item in items] for key in keys}
        names = {} if len(items) == 1 else {"trajectories": list(self.trajectories)}
        more = {
            "band": dict(self.band) if self.band else None,
            "metrics": self.metrics,
            "notes": list(self.notes),
            "extrapolation": self.extrapolation,
        }
        return {"schema": "workbench/predict/1", **names, **joined, **more}

    def _one(self, i: int) -> dict[str, Any]:
        real = np.isfinite(self.ts[i])
        bands = None
        if self.lower is not None and self.upper is not None:
            pairs = np.stack([self.lower[i, real], self.upper[i, real]], axis=-1)
            bands = {name: [_pair(pair) for pair in pairs[:, c]] for c, name in enumerate(self.channels)}
        return {
            "times": self.ts[i, real].tolist(),
            "observed": {name: list(map(finite, self.observed[i, real, c])) for c, name in enumerate(self.channels)},
            "states": {name: list(map(finite, self.states[i, real, s])) for s, name in enumerate(self.state_names)},
            "bands": bands,
        }


def _pair(pair: np.ndarray) -> list[float] | None:
    return [float(pair[0]), float(pair[1])] if np.isfinite(pair).all() else None


def predict(
    fitted: Fitted | Run | str | Path,
    *,
    times: Any = None,
    until: float | None = None,
    x0: Any = None,
    data: Dataset | str | Path | None = None,
    fit_initial: int = 1,
    interval: float | None = None,
    band: Band = "curve",
    ensemble: bool = False,
    store: str | Path = "runs",
    settings: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] = (),
    **meaning: Any,
) -> Prediction:
    """Solve a fitted model freely.

    At `times` (time,), or up to `until` on the mean spacing of the data, or at the data's own times; from the fitted
    initial values, or from `x0` ((state,) or {state: value}). With `data`, a new record: its inputs and covariates
    drive, its channels are compared, and each trajectory starts from its first `fit_initial` samples (one: the sample
    itself, or what the encoder of the fit makes of as many as it takes; more: the initial state that fits them best).
    `interval` (percent) adds a band: `band` "curve" for the expected value, "observation" for a new measurement. It
    comes from the covariance of the estimates (a start that was given, or taken from `data`, is without error) and is
    None where that is not known: see `bands.covariance_bands`. With `ensemble` the run's members (see `ensemble`)
    predict, their mean is the curve and their spread makes the band. A stored run is looked for in the folder `store`,
    with its `plugins` (files); `settings` are those of the reader of `data`, other keywords (`meaning`) say what its
    columns mean, as in `read`. Raises SolveFailed where the solution ends before the times do.
    """
    from .fitted import fitted_of

    if interval is not None:
        require_band(interval, band)
    fit = fitted_of(fitted, store, plugins)
    if ensemble:
        asked = {"times": times, "until": until, "x0": x0, "data": data, "fit_initial": fit_initial}
        return _by_members(fit, asked | {"settings": settings, **meaning}, interval, band, plugins)
    model, x = fit.session.model, fit.session.x
    notes: tuple[str, ...] = ()
    if data is not None:
        model, x, notes = _on_new_data(fit, data, fit_initial, settings or {}, meaning)
    if x0 is not None:
        model, x = _from(model, x, x0)
    rows = np.arange(model.data.n_trajectories)
    ts = _times(model, times, until)
    selection = Selection.at(rows, ts, model.data.n_channels)
    trial = model.trial(x, selection)
    bad = np.flatnonzero(~trial.trajectory.ok)
    if len(bad):
        raise SolveFailed(
            f"the prediction of trajectory {model.data.trajectories[bad[0]]} ended with "
            f"{trial.trajectory.status[bad[0]]}: {trial.trajectory.message[bad[0]]}",
            help="predict a shorter stretch, or try another start",
        )
    observed = trial.predicted.reshape(*ts.shape, -1)
    lower, upper = _bands(fit, trial, interval / 100, band) if interval is not None else (None, None)
    if lower is not None and data is not None and x0 is None and model.field.states:
        notes = (*notes, "the band takes the start that the data give for exact")
    compared = (model.data, reached(model.trial(x, Selection.of(model.data)))[1]) if data is not None else None
    metrics = _scores(compared, max(fit_initial, model.encodes)) if compared is not None else None
    extrapolation = _extrapolation(fit, model, ts, trial.trajectory.ys)
    if said := told(extrapolation or {}, "The prediction", model.data.time):
        notes = (*notes, said)
    return Prediction(
        model.data.trajectories,
        ts,
        trial.trajectory.ys,
        observed,
        model.field.states,
        model.data.channels,
        model.data.time,
        lower,
        upper,
        metrics,
        notes,
        _said(interval, band, "covariance") if lower is not None else None,
        extrapolation,
        bool(model.unknowns.mask("weights").any()),
        compared,
    )


def _said(interval: float | None, band: Band, source: str) -> dict[str, Any] | None:
    return None if interval is None else {"percent": interval, "of": band, "from": source}


def _by_members(
    fit: Fitted, asked: dict[str, Any], interval: float | None, band: Band, plugins: Iterable[str | Path]
) -> Prediction:
    """The mean of an ensemble's predictions, with the band of their spread; members without a solution are named."""
    from .ensembles import FEWEST, joined, members_of

    members, predictions = [], []
    counted, notes = members_of(fit, plugins)
    for member in counted:
        try:
            predictions.append(predict(member, **asked))
            members.append(member)
        except SolveFailed as error:
            notes.append(f"{member.name} is left out: {error.message}")
    if len(members) < FEWEST:
        raise SolveFailed(
            f"{count(len(members), 'member')} with a solution there, and a band needs {FEWEST}", help=notes[-1]
        )
    mean, (lower, upper) = joined(members, predictions, (interval or 95.0) / 100, band)
    first = predictions[0]
    notes = [f"the mean of {len(members)} members", *notes, *first.notes]
    states = np.mean([each.states for each in predictions], axis=0)
    compared = None
    if first.compared is not None:
        compared = first.compared[0], np.mean([each.compared[1] for each in predictions if each.compared], axis=0)
    together = replace(
        first,
        observed=mean,
        states=states,
        metrics=compared and _scores(compared, max(asked["fit_initial"], fit.session.model.encodes)),
        notes=tuple(notes),
        compared=compared,
    )
    if interval is None:
        return together
    return replace(together, lower=lower, upper=upper, band=_said(interval, band, "ensemble"))


def _extrapolation(fit: Fitted, model: Model, ts: np.ndarray, ys: np.ndarray) -> dict[str, Any] | None:
    """How far states (trajectory, time, state) at ts (trajectory, time), and the inputs there, leave the training part.

    None for a run without results.
    """
    old, states = fit.session, fit.run.states
    if states is None or not model.field.states:
        return None
    there = np.isfinite(ts)
    t, numbers = ts[there], np.broadcast_to(np.arange(len(ts))[:, None], ts.shape)[there]
    u = None if model.inputs is None else np.asarray(model.inputs(t, numbers, t))
    return region_of(old.model, np.asarray(old.problem.part), np.asarray(states)).left_by(t, ys[there], u)


def _times(model: Model, times: Any, until: float | None) -> np.ndarray:
    data = model.data
    if times is not None:
        ts = np.atleast_1d(np.asarray(times, dtype=float))
        if ts.ndim != 1 or not np.isfinite(ts).all() or (np.diff(ts) <= 0).any():
            raise UsageError("the times of a prediction increase and are finite", help="--times 0,0.5,1")
        if ts[0] < model.t0.max():
            raise UsageError(f"{ts[0]:g} lies before the start of the solution at {model.t0.max():g}")
        return np.tile(ts, (data.n_trajectories, 1))
    ts, _, _ = data.padded()
    if until is None:
        return ts
    last = float(data.t[data.starts].max())
    if not (np.isfinite(until) and until > last):
        raise UsageError(
            f"--until {until:g} is no time after {last:g}, where the last trajectory begins",
            help=f"--until {float(data.t.max()):g} or later",
        )
    steps = np.diff(ts, axis=1)
    spacing = float(np.nanmedian(steps[steps > 0])) if (steps > 0).any() else (until - float(data.t.min())) / 100
    digits = 12 - int(np.ceil(np.log10(max(abs(until), spacing))))  # binary rounding shows from the 15th on
    grids = []
    for row in ts:
        begin = float(row[0])
        count = int(np.floor((until - begin) / spacing + 1e-9))
        grid = np.round(begin + spacing * np.arange(count + 1), digits)
        grid[0] = begin
        grids.append(np.append(grid, until) if until - grid[-1] > 1e-9 * spacing else grid)
    width = max(map(len, grids))
    return np.array([np.pad(grid, (0, width - len(grid)), constant_values=np.nan) for grid in grids])


def _from(model: Model, x: np.ndarray, x0: Any) -> tuple[Model, np.ndarray]:
    """The model with every trajectory starting at x0."""
    states = model.field.states
    y0 = model.initial(x)[0].copy()
    if isinstance(x0, Mapping):
        unknown = [name for name in x0 if name not in states]
        if unknown:
            raise UsageError(f"there is no state {unknown[0]!r}", help=f"the states are {', '.join(states)}")
        for name, value in x0.items():
            y0[:, states.index(name)] = float(value)
    else:
        given: Sequence[float] = np.asarray(x0, dtype=float)  # type: ignore[assignment]
        if np.shape(given)[-1] != len(states):
            raise UsageError(
                f"x0 has {count(np.shape(given)[-1], 'value')}", help=f"give one for each of {', '.join(states)}"
            )
        y0[:] = given
    return _Started(model, y0), x


class _Started(Model):
    """A model whose initial states are given numbers."""

    def __init__(self, model: Model, y0: np.ndarray) -> None:
        self.__dict__.update(model.__dict__)
        self._y0 = y0

    def initial(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The given y0, which no unknown changes."""
        return self._y0, None


def _on_new_data(
    fit: Fitted, data: Dataset | str | Path, samples: int, settings: Mapping[str, Any], meaning: Mapping[str, Any]
) -> tuple[Model, np.ndarray, tuple[str, ...]]:
    from .sources import open_source

    old = fit.session
    asked = replace(old.problem, data=None, part=None, notes=(), system=_without_deviations(old.problem.system))
    if asked.system is None and not isinstance(data, Dataset):
        meaning = {**_roles(old.model.data), **meaning}
    question = open_source(data, asked, split="none", settings=settings, meaning=meaning, to_fit=False)
    assert question.data is not None
    if question.system is None:
        question = replace(question, data=_like(question.data, old.model.data))
    record = question.data
    assert record is not None
    blocks = [_carried(block, old, record) for block in old.model.unknowns.blocks]
    model = Model(question, old.field, old.model.solver, old.model.loss, old.choices.gradient, Unknowns(blocks))  # type: ignore[arg-type]
    model.compile_if_long(old.model)
    model = _started_from_data(model, samples)
    hidden = [model.field.states[i] for i in model.columns.initial_states if measured(model)[i] < 0]
    at_mean = hidden and samples == 1 and not model.encodes
    said = [f"not measured, so started at the fitted values' mean: {', '.join(hidden)}"] if at_mean else []
    return model, model.unknowns.start, (*question.notes, *said)


def _roles(fitted: Dataset) -> dict[str, Any]:
    """What the columns of a file mean that is like the data of the fit."""
    inputs, covariates = _drives(fitted)
    return {"states": fitted.channels, "inputs": inputs, "covariates": covariates}


def _without_deviations(system: System | None) -> System | None:
    """The system with nothing said of columns of standard deviations, which a new record need not have."""
    return system and replace(system, observed=tuple(replace(each, sigma="") for each in system.observed))


def _like(data: Dataset, fitted: Dataset) -> Dataset:
    """The new record with the channels, in the order, that the model was fitted to; its drives must be the same."""
    for kind, wanted, found in zip(("inputs", "covariates"), _drives(fitted), _drives(data), strict=True):
        if wanted != found:
            raise UsageError(
                f"the model was fitted with the {kind} {', '.join(wanted) or 'none'}, "
                f"and the new data have {', '.join(found) or 'none'}",
                help=f"--{kind} {','.join(wanted)}" if wanted else f"leave --{kind} out",
            )
    return data.with_channels(fitted.channels)


def _drives(data: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of inputs and covariates, in order."""
    return (data.inputs.names if data.inputs is not None else ()), tuple(data.covariates)


def _carried(block: Block, old: Any, data: Dataset) -> Block:
    """A block at its fitted values, everything held; trajectories' own values become the mean of the fitted ones."""
    values = old.model.unknowns.values(old.x)[block.name]
    if values.ndim == 2:
        values = np.tile(values.mean(axis=0), (data.n_trajectories, 1))
    return replace(block, value=values, free=False)


def _started_from_data(model: Model, samples: int) -> Model:
    """Initial values at the first observation of each observed state, or fitted to the first samples.

    Those that an encoder makes are left as they are, unless they are to be fitted.
    """
    blocks = {block.name: block for block in model.unknowns.blocks}
    if model.encodes:
        if samples == 1:
            return model
        encoded = model.initial(model.unknowns.start)[0]
        blocks["initial"] = Block("initial", model.field.states, encoded, free=False, per="trajectory")
    elif "initial" in blocks:
        blocks["initial"] = _at_first_observations(model, blocks["initial"])
    else:
        return model
    block = blocks.pop("initial")
    if samples > 1:
        value = _fitted_start(model, [*blocks.values(), replace(block, free=True)], samples)
        block = replace(block, value=value)
    model.use(Unknowns([*blocks.values(), block]))
    return model


def _at_first_observations(model: Model, block: Block) -> Block:
    data, value = model.data, block.value.copy()
    firsts = data.values[data.starts]
    channel, at_start = measured(model), data.t[data.starts] == model.t0
    for j, state in enumerate(model.columns.initial_states):
        if channel[state] >= 0:
            first = firsts[:, channel[state]]
            value[:, j] = np.where(np.isfinite(first) & at_start, first, value[:, j])
    return replace(block, value=value)


def _fitted_start(model: Model, blocks: list[Block], samples: int) -> np.ndarray:
    from ..fitting.objective import TrajectoryObjective
    from ..registry import installed

    model.use(Unknowns(blocks))
    data = model.data
    rank = np.arange(len(data.t)) - data.starts[data.trajectory_of]
    objective = TrajectoryObjective(model, Selection.of(data, rank < samples))
    optimizer = installed().make("optimizer", "levenberg-marquardt")
    state = optimizer.start(objective, model.unknowns.start)
    for _ in range(50):
        state, step = optimizer.advance(objective, state)
        if step.done:
            break
    if step.status.startswith("failed"):
        raise SolveFailed(
            f"no initial state fits the first {samples} samples: {step.event}", help="--fit-initial 1, or give --x0"
        )
    return model.unknowns.values(state["x"])["initial"]


def _scores(compared: tuple[Dataset, np.ndarray], samples: int) -> Mapping[str, Any] | None:
    """Scores on the new record, the values that gave its start left out."""
    data, prediction = compared
    part = np.full(len(data.t), TEST, dtype=np.int8)
    return diagnose.metrics(data, part, prediction, samples=samples)["holdout"]


def _bands(fit: Fitted, trial: Trial, level: float, band: Band) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Ends (trajectory, time, channel); a start that was given, or taken from a new record, is without error."""
    old = fit.session
    given = isinstance(trial.model, _Started) or trial.model.data is not old.model.data
    held = old.model.unknowns.starts if given else None
    found = None
    if trial.model.data is old.model.data:
        found = covariance_bands(old.model, old.x, trial, level, band, held)
    elif (freed := _with_freed(fit, trial.model)) is not None:
        again = freed.trial(freed.unknowns.start, trial.selection)
        places = [old.model.unknowns.labels.index(label) for label in freed.unknowns.labels]
        found = covariance_bands(old.model, old.x, again, level, band, held, places)
    if found is None:
        return None, None
    shape = (*trial.selection.ts.shape, -1)
    return found[0].reshape(shape), found[1].reshape(shape)


def _with_freed(fit: Fitted, model: Model) -> Model | None:
    """The model on a new record with what trajectories share as unknowns; None where each has unknowns of its own."""
    old = fit.session
    fitted = {block.name: block for block in old.model.unknowns.blocks}
    own = [block for block in fitted.values() if block.value.ndim == 2 and block.name != "initial"]
    if any(block.spread("free").any() for block in own):
        return None
    blocks = [
        replace(block, free=fitted[block.name].free) if block.value.ndim == 1 else block
        for block in model.unknowns.blocks
    ]
    made = Model(model.problem, old.field, old.model.solver, old.model.loss, old.choices.gradient, Unknowns(blocks))  # type: ignore[arg-type]
    if isinstance(model, _Started):
        return _Started(made, model.initial(model.unknowns.start)[0])
    return made
