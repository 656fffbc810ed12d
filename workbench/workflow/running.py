"""Fit a model to data, from scratch or from where a run stands."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled.compiler import find_compiler
from ..errors.usage import UsageError
from ..fitting import FitBudget
from .asked import changes_of, require_counts
from .changes import Changes
from .choices import Choices, choose, limits_of
from .devices import require_device
from .driving import OnNotes, OnStep, drive, require_success
from .fitted import Fitted
from .remarks import remarks
from .session import Session
from .sources import MEANING, open_source
from .truth import matching_truth, stored_truth

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem
    from ..runs import Run


def fit(
    source: str | Path | Sequence[str | Path] | Dataset | Problem,
    *,
    dynamics: str | None = None,
    problem: str | Path | Problem | None = None,
    solver: str | None = None,
    loss: str | None = None,
    optimizer: str | None = None,
    strategy: str | None = None,
    gradient: str = "discrete",
    engine: str = "auto",
    split: str | None = None,
    noise: Mapping[str, str] | None = None,
    scales: Mapping[str, float | str] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
    start_values: Mapping[str, float] | None = None,
    free: Sequence[str] = (),
    fix: Sequence[str] = (),
    iterations: int | None = None,
    max_time: float | None = None,
    seed: int = 0,
    starts: int = 1,
    device: str = "cpu",
    settings: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] = (),
    name: str | None = None,
    store: str | Path | None = None,
    on_step: OnStep | None = None,
    on_notes: OnNotes | None = None,
    budget: FitBudget | None = None,
    commit_share: float = 0.02,
    truth: str | Path | Problem | None = None,
    **meaning: Any,
) -> Fitted:
    """Fit dynamics to observations and judge the result.

    `source` is a Dataset, a Problem, a data file or several that each bring trajectories, a problem file or a name of
    the library, for data alone with the equations of `problem`. The names `dynamics`, `solver`, `loss`, `optimizer` and
    `strategy` are of plugins (`plugins` are files to load besides), `gradient` is discrete, backprop, adjoint or
    forward, `engine` auto, compiled, numpy or torch. Names left open are decided by rule and recorded, `seed` draws all
    that is random, `iterations` bounds the steps; `noise` is channel → kind, `scales` channel → known scale of its
    noise (or "fit"), `limits` channel → what it can show, beyond which values are censored; `settings` are options as
    `{"solver.rtol": 1e-8}`; `split` is "last:20%" by default, and "none" for a curve; `start_values` replace
    parameters' starts, `free` and `fix` name parameters, or initial values as `x(0)`, to be fitted or held against what
    the file says; `max_time` is in seconds; of several `starts` the best counts, and `Fitted.starts` is the table of
    their ends. With `store` (a folder) the run is committed to `store/name.h5` as it goes, as often as `commit_share`
    of the time pays for. A network is called on `device` ("cuda", "cuda:1"); all else stays on the CPU, and so does
    what is done with the run later. `truth` is a problem whose equations the data came from: what was found is compared
    with it (data that a problem has simulated for itself are compared with that problem). `on_step` is told each step,
    `on_notes` what was guessed before the first; `budget` replaces `iterations` and `max_time`. Other keywords
    (`meaning`) say what the columns of a data file mean, as in `read`. Raises WorkbenchError; a result is always
    finite.
    """
    settings = dict(settings or {})
    _require_here(engine)
    require_device(device)
    require_counts(seed=seed, starts=starts, iterations=iterations, max_time=max_time)
    changes = changes_of(noise, start_values, free, fix, scales, limits)
    question = open_source(source, problem, split=split, settings=settings, meaning=meaning, plugins=plugins)
    question = changes.made_to(question)
    if on_notes is not None and question.data is not None:
        on_notes([*question.data.notes, *question.notes])
    choices = choose(
        question,
        dynamics=dynamics,
        solver=solver,
        loss=loss,
        optimizer=optimizer,
        strategy=strategy,
        gradient=gradient,
        engine=engine,
        seed=seed,
        settings=settings,
        plugins=plugins,
        starts=starts,
        device=device,
    )
    if said := remarks(question, changes, choices):
        question = replace(question, notes=(*question.notes, *said))
        if on_notes is not None:
            on_notes(said)
    budget = budget or FitBudget(time.monotonic, iterations, max_time)
    session = Session(question, choices, budget)
    if on_notes is not None and session.model.said:
        on_notes(session.model.said)
    session.truth = None if truth is None else matching_truth(session.model, truth, plugins)
    config = _config(session, split or question.own_split, changes, budget) | {
        "columns": _said(meaning),
        "asked_of_file": problem is not None,
    }
    return run_session(session, config, store, name, on_step, commit_share)


def fit_each(
    source: str | Path | Sequence[str | Path] | Dataset | Problem, *, name: str | None = None, **options: Any
) -> list[Fitted]:
    """Fit every trajectory of the source by itself, one run each, called `name`-TRAJECTORY; `options` as in `fit`."""
    opening = {key: options.pop(key) for key in list(options) if key in _OPENING}
    settings, plugins = dict(opening.get("settings") or {}), opening.get("plugins") or ()
    meaning = {key: options.pop(key) for key in list(options) if key in MEANING}
    split = opening.get("split")
    whole = open_source(
        source, opening.get("problem"), split="none", settings=settings, meaning=meaning, plugins=plugins
    )
    assert whole.data is not None
    say = options.pop("on_notes", None)
    if say is not None:
        say([*whole.data.notes, *whole.notes])
    fits = []
    budget = options.get("budget")
    for i, trajectory in enumerate(whole.data.trajectories):
        if budget is not None:
            budget.begin = budget.clock()  # limits are a run's, as it stores them
        one = replace(whole, notes=()).with_data(whole.data.select([i]), split)
        named = f"{name}-{trajectory}" if name else None
        fits.append(fit(one, settings=settings, plugins=plugins, split=split, name=named, **options))
        if fits[-1].status == "interrupted":
            break
    return fits


_OPENING = ("problem", "split", "settings", "plugins")


def resume(
    run: str | Path | Run,
    *,
    store: str | Path = "runs",
    iterations: int | None = None,
    max_time: float | None = None,
    plugins: Iterable[str | Path] = (),
    on_step: OnStep | None = None,
    budget: FitBudget | None = None,
    commit_share: float = 0.02,
) -> Fitted:
    """Go on with a run from its last commit, on the data and choices stored in it; a finished run is left as it is.

    A run that ended for lack of iterations or time goes on only if it is given more; limits that are not given are
    those that it was started with: `iterations` in all, `max_time` in seconds, or a `budget` for both. The run is
    looked for in the folder `store`, with its `plugins` (files); `on_step` and `commit_share` are as in `fit`. Raises
    FitFailed (N011) for a run that has failed.
    """
    from ..runs import Run, RunWriter, tidy
    from .fitted import load, opened, question_of, state_of

    stored = opened(run, store)
    require_success(stored.status, [str(event) for event in stored.history.get("event", ())])
    more = iterations is not None or max_time is not None
    if not _goes_on(stored.status, more):
        tidy(stored.path)  # its writer may have died between the last commit and the end of its lock
        return load(stored, plugins=plugins)
    with RunWriter(stored.path, "continue", share=commit_share) as writer:
        stored = Run.open(stored.path)  # once more: until we held the lock, another process may have gone on with it
        limits = limits_of(stored.config)
        budget = budget or FitBudget(time.monotonic)
        budget.iterations = limits["iterations"] if iterations is None else iterations
        budget.seconds = limits["max_time"] if max_time is None else max_time
        choices = Choices.stored(stored.config, plugins)
        require_device(choices.device)
        session = Session(question_of(stored), choices, budget)
        session.truth = stored_truth(stored.config)
        history = {column: list(values) for column, values in stored.history.items()}
        session.resume(state_of(stored, session), history, float(stored.timings.get("seconds", 0.0)))
        config = {**stored.config, "limits": {"iterations": budget.iterations, "max_time": budget.seconds}}
        return Fitted(drive(session, config, writer, on_step), session, writer.path)


def _goes_on(status: str, more: bool) -> bool:
    return status in ("running", "interrupted") or (more and status in ("iterations", "time"))


def _require_here(engine: str) -> None:
    if engine not in ("auto", "compiled", "numpy", "torch"):
        raise UsageError(f"there is no engine {engine!r}", help="--engine auto, compiled, numpy or torch")
    if engine == "compiled":
        find_compiler()  # raises where there is none


def _said(meaning: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of the data file's columns, as JSON can hold it."""
    said = {key: value for key, value in meaning.items() if value not in (None, False, "", (), [], {})}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}


def _config(session: Session, split: str, changes: Changes, budget: FitBudget) -> dict[str, Any]:
    """All that re-runs the fit on the data stored beside it."""
    problem, truth = session.problem, session.truth
    assert problem.data is not None
    return {
        "source": {"file": problem.data.source, "sha256": problem.data.sha256},
        "problem": problem.name if problem.system is not None else None,
        "split": split,
        "noise": dict(problem.noise),
        **changes.document(),
        "start": problem.start,
        "truth": truth and {"name": truth.name, "text": truth.system.text if truth.system else ""},
        "choices": session.choices.document(),
        "settings": {key: list(v) if isinstance(v, tuple) else v for key, v in session.choices.settings.items()},
        "limits": {"iterations": budget.iterations, "max_time": budget.seconds},
        "notes": [*problem.data.notes, *problem.notes],
    }


def run_session(
    session: Session,
    config: dict[str, Any],
    store: str | Path | None,
    name: str | None,
    on_step: OnStep | None,
    commit_share: float,
) -> Fitted:
    """Drive the session to its end, committing where there is a store."""
    if store is None:
        return Fitted(drive(session, config, None, on_step), session, None)
    from ..runs import RunWriter, new_run, path_of

    with (
        RunWriter(path_of(name, store), share=commit_share)
        if name
        else new_run(store, np.random.default_rng(), share=commit_share)
    ) as writer:
        return Fitted(drive(session, config, writer, on_step), session, writer.path)
