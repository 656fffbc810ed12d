"""Several dynamics on the same data, the same split, the same budget and several seeds, or several runs: one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dataset import TEST
from ..errors import WorkbenchError
from ..errors.usage import UsageError
from ..registry import installed
from .comparison import Comparison
from .comparison_rows import baseline_rows, best_first, failed_row, fitted_row
from .fitted import Fitted, fitted_of, opened
from .running import fit
from .sources import MEANING, open_source
from .truth import matching_truth, truth_recovery

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem
    from ..runs import Record, Run

ONE = "there is one model and one seed, and nothing to compare it with"


def compare(
    source: str | Path | Dataset | Problem | Sequence[Any],
    dynamics: Sequence[str] = (),
    *,
    seeds: int = 1,
    seed: int = 0,
    **options: Any,
) -> Comparison:
    """Fit each of `dynamics` with `seeds` seeds from `seed` on; options as in `fit`, each fit with the same limits.

    The source is opened once, so that data and split are the same. Of `settings`, an option of dynamics goes to those
    that have it. A fit that fails is a failure in the table, not an exception. With a list of runs in place of the
    source, and no dynamics, it is `compare_runs`. Raises UsageError where there is nothing to compare, UnknownName for
    dynamics that are not installed, and what `fit` raises where every fit fails.
    """
    if isinstance(source, list | tuple) and not dynamics:
        return compare_runs(source, **options)
    names = list(dict.fromkeys(dynamics))
    if seeds < 1 or len(names) * seeds < 2:
        raise UsageError(ONE, help="name several dynamics, as in -d equations -d mlp, or --seeds 3")
    settings, plugins = options.pop("settings", None) or {}, tuple(options.pop("plugins", None) or ())
    own = _settings(names, settings, plugins)
    question = _opened(source, settings, plugins, options)
    base, budget = options.pop("name", None), options.get("budget")
    fits: dict[str, list[Fitted]] = {name: [] for name in names}
    failures: dict[str, list[str]] = {}
    last: WorkbenchError | None = None
    for name, number in ((name, number) for name in names for number in range(seed, seed + seeds)):
        if budget is not None:
            budget.begin = budget.clock()  # limits are a fit's
        common: dict[str, Any] = {"settings": own[name], "plugins": plugins, "name": base and f"{base}-{name}-{number}"}
        try:
            fits[name].append(fit(question, dynamics=name, seed=number, **common, **options))
        except WorkbenchError as error:
            failures.setdefault(name, []).append(f"seed {number}: {error}")
            last = error
        if budget is not None and budget.stopped:
            break
    if last is not None and not any(fits.values()):
        raise last
    rows = []
    for name, found in fits.items():
        records, count = [one.run for one in found], f"{len(found)}/{seeds}"
        truths = [record.diagnostics.get("truth") for record in records]
        runs = [one.name for one in found if one.name]
        rows.append(fitted_row(name, records, runs, count, truths) if found else failed_row(name, count))
    rows += baseline_rows(next(found[0].run for found in fits.values() if found))
    return Comparison(best_first(rows), fits, failures)


def compare_runs(
    runs: Sequence[Fitted | Run | str | Path],
    *,
    store: str | Path = "runs",
    truth: str | Path | Problem | None = None,
    plugins: Iterable[str | Path] = (),
) -> Comparison:
    """Fitted models and stored runs (by name, prefix, path or @last) side by side, each a row.

    Stored ones are looked for in the folder `store`, their `plugins` are files.
    `truth` compares each with a problem's equations, for which its plugins are needed. Raises UsageError for fewer than
    two runs, and for runs of different data or with different held-out parts; other budgets are noted.
    """
    if len(runs) < 2:
        raise UsageError(
            f"{len(runs)} run is nothing to compare", help="give two runs or more: workbench runs lists them"
        )
    found = [one if isinstance(one, Fitted) else opened(one, store) for one in runs]
    records = [one.run if isinstance(one, Fitted) else one for one in found]
    names = [_name(one, i) for i, one in enumerate(found)]
    if len(set(names)) < len(names):
        raise UsageError("a run is named twice", help="name each run once")
    for name, record in zip(names[1:], records[1:], strict=True):
        _require_same(names[0], records[0], name, record)
    rows = []
    for name, one, record in zip(names, found, records, strict=True):
        known = record.diagnostics.get("truth") if truth is None else truth_of(one, truth, plugins)
        rows.append(fitted_row(name, [record], [one.name] if one.name else [], None, [known]))
    limits = [record.config.get("limits") for record in records]
    notes = () if all(one == limits[0] for one in limits) else ("the runs had different limits of iterations or time",)
    judged = next((record for record in records if record.metrics.get("baselines")), records[0])
    return Comparison(best_first([*rows, *baseline_rows(judged)]), notes=notes)


def _name(one: Fitted | Run, number: int) -> str:
    """What a run is called; one that is not stored by its dynamics and its place."""
    if isinstance(one, Fitted):
        return one.name or f"{one.run.config['choices']['dynamics']} {number + 1}"
    return one.name


def truth_of(
    run: Fitted | Run | str | Path,
    truth: str | Path | Problem,
    plugins: Iterable[str | Path] = (),
    store: str | Path = "runs",
) -> dict[str, Any]:
    """A fitted model or a stored run beside a problem's equations (see `truth_recovery`).

    A stored run is looked for in the folder `store`, with its `plugins` (files).
    Raises UsageError where the truth has other states than the model, or the run has no results yet.
    """
    fitted = fitted_of(run, store, plugins)
    model, record = fitted.session.model, fitted.run
    if record.states is None:
        raise UsageError("the run has no results to compare with a truth", help=f"workbench fit --resume {fitted.name}")
    found = matching_truth(model, truth, plugins)
    return truth_recovery(model, fitted.session.x, np.asarray(record.states), found, dict(record.parameters))


def _opened(
    source: Any, settings: Mapping[str, Any], plugins: tuple[str | Path, ...], options: dict[str, Any]
) -> Problem:
    """The question that every fit is put to; what only its opening needs is taken out of `options`."""
    meaning = {key: options.pop(key) for key in list(options) if key in MEANING}
    split = options.get("split")
    problem, say = options.pop("problem", None), options.pop("on_notes", None)
    question = open_source(source, problem, split=split, settings=settings, meaning=meaning, plugins=plugins)
    if say is not None and question.data is not None:
        say([*question.data.notes, *question.notes])
    return question


def _settings(
    names: Sequence[str], settings: Mapping[str, Any], plugins: tuple[str | Path, ...]
) -> dict[str, dict[str, Any]]:
    """The settings of each family: options of dynamics go to those that have them; one that none has goes to all.

    Raises UnknownName for dynamics that are not installed.
    """
    registry = installed(plugins)
    has = {name: {option.name for option in registry.entry("dynamics", name).options} for name in names}
    known = set().union(*has.values())

    def takes(name: str, key: str) -> bool:
        kind, _, option = key.partition(".")
        return kind != "dynamics" or option in has[name] or option not in known

    return {name: {key: value for key, value in settings.items() if takes(name, key)} for name in names}


def _require_same(first: str, one: Record, name: str, other: Record) -> None:
    """Raises UsageError unless both runs were fitted to the same observations, with the same ones held out."""
    a, b = one.dataset, other.dataset
    same = a.channels == b.channels and all(
        np.array_equal(x, y, equal_nan=True) for x, y in ((a.t, b.t), (a.values, b.values), (a.row_size, b.row_size))
    )
    if not same:
        raise UsageError(
            f"the runs {first} and {name} are of different data ({a.source or 'unnamed'}, {b.source or 'unnamed'})",
            help="compare runs of the same observations",
        )
    if not np.array_equal(np.asarray(one.part) == TEST, np.asarray(other.part) == TEST):
        raise UsageError(
            f"the runs {first} and {name} hold out different parts ({one.config['split']}, {other.config['split']})",
            help="fit both with the same --split",
        )
