"""From what a user names, a file or a problem of the library, to a Dataset or a Problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Where
from ..errors.data import DataError, FileMissing, FormatUnknown
from ..errors.nearest import did_you_mean
from ..errors.usage import UnknownName, UsageError
from ..registry import by_kind, installed

if TYPE_CHECKING:
    from ..dataset import Dataset, Table
    from ..problem import Problem

MEANING = (
    "time", "states", "inputs", "trajectory", "covariates", "map", "missing", "sort", "dedupe", "replicates", "start",
    "sample_time", "sigma",
)  # fmt: skip
"""What can be said of the columns of a file, as `dataset.assemble` takes it."""


def read(
    path: str | Path | Sequence[str | Path],
    *,
    settings: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] = (),
    **meaning: Any,
) -> Dataset:
    """The observations in a file, or in several that each bring trajectories, by the reader that the suffix asks for.

    `path` is one file or several, `plugins` are files with further readers. `settings` are the reader's
    (`reader.decimal`, `reader.units_row`); the other keywords (`meaning`) say what the columns mean:
    time, states, inputs, trajectory, covariates, map, missing, sort, dedupe, replicates, start, sample_time, sigma.
    Guesses are written to the dataset's `notes`. Raises errors of the D family with file, line and column.
    """
    from ..dataset.assemble import assemble
    from ..dataset.joining import joined

    paths = [path] if isinstance(path, str | Path) else list(path)
    said = {key: value for key, value in meaning.items() if value is not None}
    return joined([assemble(_table(Path(each), settings or {}, meaning, plugins), **said) for each in paths])


def _table(path: Path, settings: Mapping[str, Any], meaning: Mapping[str, Any], plugins: Iterable[str | Path]) -> Table:
    """The columns of a file, before anything is made of them."""
    options = dict(by_kind(settings)["reader"])
    if meaning.get("missing") is not None:
        options.setdefault("missing", meaning["missing"])
    table: Table = _reader(path, options, plugins).read(path)
    return table


def _reader(path: Path, options: Mapping[str, Any], plugins: Iterable[str | Path]) -> Any:
    registry = installed(tuple(plugins))
    suffixes: dict[str, str] = {}
    for listed in registry.offers("reader"):
        for suffix in registry.make("reader", listed.name).suffixes:
            suffixes.setdefault(suffix, listed.name)
    if not path.exists():
        near = did_you_mean(path.name, [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else [])
        raise FileMissing("there is no such file", help=near or "give the path of a data file", where=Where(str(path)))
    name = suffixes.get(path.suffix.lower())
    if path.is_dir() or name is None:
        kind = "this is a directory" if path.is_dir() else f"no reader takes files that end in {path.suffix!r}"
        raise FormatUnknown(
            kind, help=f"give a file that ends in {', '.join(sorted(suffixes))}", where=Where(str(path))
        )
    known = {option.name for option in registry.entry("reader", name).options}
    return registry.make(
        "reader", name, {key: value for key, value in options.items() if key in known or key != "missing"}
    )


def read_problem(source: str | Path, plugins: Iterable[str | Path] = ()) -> Problem:
    """The problem of a TOML file, or one of the library (or of the files `plugins`) by its name: the `source`."""
    from ..problem import read_problem as read_file

    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        return read_file(path)
    return read_file(installed(tuple(plugins)).problem(str(source)))


def open_source(
    source: str | Path | Sequence[str | Path] | Dataset | Problem,
    problem: str | Path | Problem | None,
    *,
    split: str | None,
    settings: Mapping[str, Any],
    meaning: Mapping[str, Any],
    plugins: Iterable[str | Path] = (),
    to_fit: bool = True,
) -> Problem:
    """The problem with its data: an existing file first, else a name of the library.

    A data file, or several with the same columns, is put to `problem`, or stands alone; a problem file brings its own
    observations, or simulates them. `to_fit` is false for files of which no more is asked than a start (`assemble`).
    """
    from ..dataset import Dataset
    from ..problem import Problem

    _require_meaning(source, meaning)
    asked = read_problem(problem, plugins) if isinstance(problem, str | Path) else problem
    if asked is not None and _brings_equations(source, plugins):
        raise UsageError(f"{source} brings its own equations", help="leave --problem out: it is for data files")
    if isinstance(source, Problem):
        return _with_observations(source, split, settings, meaning, plugins)
    if isinstance(source, Dataset):
        return _put(_begun(asked, meaning), source, split)
    if isinstance(source, str | Path) and _brings_equations(source, plugins):
        return _with_observations(read_problem(source, plugins), split, settings, meaning, plugins)
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(each) for each in source]
    for path in paths:
        if not path.exists() and path.suffix == "":
            raise _neither(str(path), plugins)
        if len(paths) > 1 and _brings_equations(path, plugins):
            raise UsageError(f"{path} is no data file, and only those can be several", help="give it alone")
    return _answered(_begun(asked, meaning), paths, False, split, settings, meaning, plugins, to_fit)


def _brings_equations(source: Any, plugins: Iterable[str | Path]) -> bool:
    """A Problem, a problem file, or a name of the library that is no file."""
    from ..problem import Problem

    if not isinstance(source, str | Path):
        return isinstance(source, Problem)
    path = Path(source)
    return path.suffix == ".toml" or (not path.exists() and str(source) in installed(tuple(plugins)).problems())


def _require_no_terms(problem: Problem) -> None:
    """Raises UsageError for a problem that would simulate its own data, and has terms that only data can tell."""
    names = [network.name for network in problem.system.networks] if problem.system is not None else []
    if names:
        raise UsageError(
            f"{problem.name} has no data of its own, and only data can tell its learned term {names[0]!r}",
            help=f"workbench fit DATA --problem {problem.name}",
        )


def _require_meaning(source: Any, meaning: Mapping[str, Any]) -> None:
    """Raises UsageError for a keyword that says nothing about columns, or where there are no columns any more."""
    from ..dataset import Dataset

    for key in meaning:
        if key not in MEANING:
            raise UsageError(f"there is no option {key!r}", help=did_you_mean(key, MEANING, "see help(workbench.fit)"))
    said = [key for key in _told({}, meaning) if key != "start"]
    if isinstance(source, Dataset) and said:
        raise UsageError(f"{said[0]} is about the columns of a file", help="say it to workbench.read")


def _answered(
    problem: Problem,
    paths: Sequence[Path],
    own_file: bool,
    split: str | None,
    settings: Mapping[str, Any],
    meaning: Mapping[str, Any],
    plugins: Iterable[str | Path],
    to_fit: bool = True,
) -> Problem:
    """The problem with the observations of files; the columns that it observes are told apart from others there."""
    from ..dataset.assemble import assemble
    from ..dataset.joining import joined

    told = _told(problem.assembly(own_file), meaning)
    renamed = told.get("map") or {}
    if isinstance(told.get("covariates"), Mapping):
        told["covariates"] = {name: renamed.get(name, column) for name, column in told["covariates"].items()}
    tables = [_table(path, settings, told, plugins) for path in paths]
    if problem.system is not None and not told.get("states"):
        columns = [renamed.get(name, name) for name in problem.system.observed_names]
        there = [column for column in columns if column in tables[0].columns]
        told |= {"states": there} if len(there) == len(columns) else {}
    return _put(problem, joined([assemble(table, **told, to_fit=to_fit) for table in tables]), split, told.get("map"))


def _told(known: Mapping[str, Any], meaning: Mapping[str, Any]) -> dict[str, Any]:
    """What the problem knows of the columns, overruled by what the caller says."""
    clock = {"time", "sample_time"}  # one of the two
    if any(meaning.get(key) is not None for key in clock):
        known = {key: value for key, value in known.items() if key not in clock}
    return {**known, **{key: value for key, value in meaning.items() if value not in (None, (), [], {}, "", False)}}


def _begun(problem: Problem | None, meaning: Mapping[str, Any]) -> Problem:
    """The problem with solves that begin where `start` says: a number, or time 0 of a clock that counts from a date."""
    from ..problem import Problem

    problem = problem or Problem("data")
    start = meaning.get("start")
    if start in (None, ""):
        return problem
    try:
        return replace(problem, start=float(start))
    except ValueError:
        return replace(problem, start=0.0)


def _neither(name: str, plugins: Iterable[str | Path]) -> UnknownName:
    known = [*installed(tuple(plugins)).problems(), *(path.name for path in Path().glob("*.*") if path.is_file())]
    help = did_you_mean(name, known) or "give a data file, a problem file, or a name from: workbench problems"
    return UnknownName(f'"{name}" is neither a file nor a problem of the library', help=help)


def _put(problem: Problem, data: Dataset, split: str | None, map: Mapping[str, str] | None = None) -> Problem:
    try:
        return _matched(problem, data, split, map)
    except DataError as error:
        if data.source:
            error.at(Where(data.source))
        raise


def _matched(problem: Problem, data: Dataset, split: str | None, map: Mapping[str, str] | None) -> Problem:
    if problem.system is None:
        named = replace(problem, name=Path(data.source).stem) if data.source else problem
        return named.with_data(data, split, map)
    asked = problem.with_data(data, split, map)
    assert asked.data is not None
    declared = {each.name: each.unit for each in problem.system.observed if each.unit}
    declared |= {asked.data.time: problem.system.time.unit} if problem.system.time.unit else {}
    return replace(asked, data=replace(asked.data, units={**declared, **asked.data.units}))


def _with_observations(
    problem: Problem,
    split: str | None,
    settings: Mapping[str, Any],
    meaning: Mapping[str, Any],
    plugins: Iterable[str | Path],
) -> Problem:
    if problem.data is not None:
        return problem
    if problem.data_file is None:
        from .simulating import simulate

        _require_no_terms(problem)
        return problem.with_data(simulate(problem, plugins=plugins).dataset(), split)
    return _answered(_begun(problem, meaning), [problem.data_file.path], True, split, settings, meaning, plugins)
