"""Fit a model to data, from scratch or from where a run stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts import Step
from ..errors.numerics import FitFailed
from ..errors.usage import UsageError
from ..fitting import FitBudget
from .changes import Changes
from .choices import Choices, choose
from .fitted import Fitted
from .results import results
from .session import Session
from .sources import open_source

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem
    from ..runs import Run, RunWriter

OnStep = Callable[[Step], None]


def fit(
    source: str | Path | Dataset | Problem,
    *,
    dynamics: str | None = None,
    problem: str | Path | Problem | None = None,
    solver: str | None = None,
    loss: str | None = None,
    optimizer: str | None = None,
    strategy: str | None = None,
    gradient: str = "discrete",
    engine: str = "auto",
    split: str = "last:20%",
    noise: Mapping[str, str] | None = None,
    start_values: Mapping[str, float] | None = None,
    free: Sequence[str] = (),
    fix: Sequence[str] = (),
    iterations: int | None = None,
    max_time: float | None = None,
    seed: int = 0,
    device: str = "cpu",
    settings: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] = (),
    name: str | None = None,
    store: str | Path | None = None,
    on_step: OnStep | None = None,
    budget: FitBudget | None = None,
    **meaning: Any,
) -> Fitted:
    """Fit dynamics to observations and judge the result.

    `source` is a Dataset, a Problem, a data file, a problem file or a name of the library. Names left open are decided
    by rule and recorded; `settings` are options as `{"solver.rtol": 1e-8}`; `start_values` replace parameters' starts,
    `free` and `fix` name parameters, or initial values as `x(0)`, to be fitted or held against what the file says;
    `max_time` is in seconds. With `store` (a folder) the run is committed to `store/name.h5` as it goes. Other keywords
    say what the columns of a data file mean, as in `read`. Raises WorkbenchError; a result is always finite.
    """
    settings = dict(settings or {})
    _require_here(engine, device)
    question = open_source(source, problem, split=split, settings=settings, meaning=meaning, plugins=plugins, seed=seed)
    changes = Changes(dict(noise or {}), {k: float(v) for k, v in (start_values or {}).items()}, tuple(free), tuple(fix))
    question = changes.made_to(question)
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
    )
    budget = budget or FitBudget(time.monotonic, iterations, max_time)
    session = Session(question, choices, budget)
    config = _config(session, split, changes, budget)
    return _run(session, config, store, name, on_step)


def fit_each(source: str | Path | Dataset | Problem, *, name: str | None = None, **options: Any) -> list[Fitted]:
    """Fit every trajectory of the source by itself, one run each; options as in `fit`."""
    opening = {key: options.pop(key) for key in list(options) if key in _OPENING}
    settings, plugins = dict(opening.get("settings") or {}), opening.get("plugins") or ()
    meaning = {key: options.pop(key) for key in list(options) if key in _MEANING}
    split = opening.get("split") or "last:20%"
    whole = open_source(
        source, opening.get("problem"), split="none", settings=settings, meaning=meaning, plugins=plugins
    )
    assert whole.data is not None
    fits = []
    for i, trajectory in enumerate(whole.data.trajectories):
        one = whole.with_data(whole.data.select([i]), split)
        one = replace(one, notes=whole.notes if i == 0 else ())
        named = f"{name}-{trajectory}" if name else None
        fits.append(fit(one, settings=settings, plugins=plugins, split=split, name=named, **options))
    return fits


_OPENING = ("problem", "split", "settings", "plugins")
_MEANING = (
    "time", "states", "inputs", "trajectory", "covariates", "map", "missing", "sort", "dedupe", "replicates", "start",
)  # fmt: skip


def resume(
    run: str | Path | Run,
    *,
    store: str | Path = "runs",
    iterations: int | None = None,
    max_time: float | None = None,
    on_step: OnStep | None = None,
    budget: FitBudget | None = None,
) -> Fitted:
    """Go on with a run from its last commit, on the data and choices stored in it; a finished run is left as it is.

    A run that ended for lack of iterations or time goes on only if it is given more.
    """
    from ..runs import RunWriter
    from .fitted import load, opened

    stored = opened(run, store)
    more = iterations is not None or max_time is not None
    if not _goes_on(stored.status, more):
        return load(stored)
    limits = stored.config["limits"]
    budget = budget or FitBudget(
        time.monotonic, limits["iterations"] if iterations is None else iterations, limits["max_time"] if max_time is None else max_time
    )
    session = _restored(stored, budget)
    history = {column: list(values) for column, values in stored.history.items()}
    session.resume(stored.checkpoint, history, float(stored.timings.get("seconds", 0.0)))
    config = dict(stored.config)
    if more:
        config["limits"] = {"iterations": budget.iterations, "max_time": budget.seconds}
    with RunWriter(stored.path, "continue") as writer:
        return _stored(session, config, writer, on_step)


def _goes_on(status: str, more: bool) -> bool:
    return status in ("running", "interrupted") or (more and status in ("iterations", "time"))


def _restored(stored: Run, budget: FitBudget) -> Session:
    from .fitted import question_of

    choices = Choices(**{**stored.config["choices"], "settings": stored.config["settings"], "plugins": tuple(stored.config["plugins"])})
    return Session(question_of(stored), choices, budget)


def _require_here(engine: str, device: str) -> None:
    if engine not in ("auto", "numpy", "torch"):
        raise UsageError(f"there is no engine {engine!r}", help="--engine auto, numpy or torch")
    if device != "cpu":
        raise UsageError(f"a fit runs on the cpu, not on {device!r}", help="leave --device out")


def _config(session: Session, split: str, changes: Changes, budget: FitBudget) -> dict[str, Any]:
    """All that re-runs the fit on the data stored beside it."""
    problem = session.problem
    assert problem.data is not None
    return {
        "source": {"file": problem.data.source, "sha256": problem.data.sha256},
        "problem": problem.name if problem.system is not None else None,
        "split": split,
        "noise": dict(problem.noise),
        "set": changes.values,
        "free": list(changes.free),
        "fix": list(changes.fix),
        "start": problem.start,
        "choices": session.choices.document(),
        "settings": {key: list(v) if isinstance(v, tuple) else v for key, v in session.choices.settings.items()},
        "plugins": list(session.choices.plugins),
        "limits": {"iterations": budget.iterations, "max_time": budget.seconds},
        "notes": [*problem.data.notes, *problem.notes],
    }


def _run(session: Session, config: dict[str, Any], store: str | Path | None, name: str | None, on_step: OnStep | None) -> Fitted:
    """Drive the session to its end, committing where there is a store."""
    say = on_step or (lambda step: None)
    if store is None:
        for step in session.steps():
            say(step)
        return Fitted(_finished(session, config), session, None)
    from ..runs import RunWriter, new_run, path_of

    with RunWriter(path_of(name, store)) if name else new_run(store, np.random.default_rng()) as writer:
        writer.commit(session.record(config))
        return _stored(session, config, writer, say)


def _stored(session: Session, config: dict[str, Any], writer: RunWriter, say: OnStep | None) -> Fitted:
    for step in session.steps():
        writer.commit_if_due(lambda: session.record(config))
        if say:
            say(step)
    record = _finished(session, config)
    writer.commit(record)
    return Fitted(record, session, writer.path)


def _finished(session: Session, config: dict[str, Any]):  # type: ignore[no-untyped-def]  # a Record
    if session.status.startswith("failed"):
        event = next((event for event in reversed(session.history["event"]) if event), "")
        raise FitFailed(
            f"the fit found no finite solution: {event}",
            help="start from other values (--set NAME=VALUE), bound the parameters, or try --solver scipy_radau",
        )
    found = results(session)
    if found["metrics"]["train"] is None or found["metrics"]["train"].get("sse") is None:
        raise FitFailed(
            "the fit ended without a finite prediction of its training part",
            help="give it more --iterations or --max-time, or try --solver scipy_radau",
        )
    return session.record(config, **found)
