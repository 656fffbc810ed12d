"""From what a user names, a file or a problem of the library, to a Dataset or a Problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Where
from ..errors.data import FileMissing, FormatUnknown
from ..errors.nearest import did_you_mean
from ..errors.usage import UnknownName
from ..registry import by_kind, installed

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem

ASSEMBLY = (
    "time", "states", "inputs", "trajectory", "covariates", "map", "missing", "sort", "dedupe", "replicates", "start",
)  # fmt: skip
"""The keywords of `read` that say what columns mean, as `dataset.assemble` takes them."""


def read(
    path: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] = (),
    **meaning: Any,
) -> Dataset:
    """The observations in a file, by the reader that its suffix asks for.

    `settings` are the reader's (`reader.decimal`, `reader.units_row`); the other keywords say what the columns mean:
    time, states, inputs, trajectory, covariates, map, missing, sort, dedupe, replicates, start. Guesses are written to
    the dataset's `notes`. Raises errors of the D family with file, line and column.
    """
    from ..dataset.assemble import assemble

    path = Path(path)
    options = dict(by_kind(settings or {})["reader"])
    if meaning.get("missing") is not None:
        options.setdefault("missing", meaning["missing"])
    table = _reader(path, options, plugins).read(path)
    return assemble(table, **{key: value for key, value in meaning.items() if value is not None})


def _reader(path: Path, options: Mapping[str, Any], plugins: Iterable[str | Path]) -> Any:
    registry = installed(tuple(plugins))
    suffixes: dict[str, str] = {}
    for listed in registry.offers("reader"):
        for suffix in registry.make("reader", listed.name).suffixes:
            suffixes.setdefault(suffix, listed.name)
    if not path.exists():
        near = did_you_mean(path.name, [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else [])
        raise FileMissing("there is no such file", help=near, where=Where(str(path)))
    name = suffixes.get(path.suffix.lower())
    if path.is_dir() or name is None:
        kind = "this is a directory" if path.is_dir() else f"no reader takes files that end in {path.suffix!r}"
        raise FormatUnknown(kind, help=f"give a file that ends in {', '.join(sorted(suffixes))}", where=Where(str(path)))
    known = {option.name for option in registry.entry("reader", name).options}
    return registry.make("reader", name, {key: value for key, value in options.items() if key in known or key != "missing"})


def read_problem(source: str | Path, plugins: Iterable[str | Path] = ()) -> Problem:
    """The problem of a TOML file, or one of the library by its name."""
    from ..problem import read_problem as read_file

    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        return read_file(path)
    return read_file(installed(tuple(plugins)).problem(str(source)))


def open_source(
    source: str | Path | Dataset | Problem,
    problem: str | Path | Problem | None,
    *,
    split: str,
    settings: Mapping[str, Any],
    meaning: Mapping[str, Any],
    plugins: Iterable[str | Path] = (),
    seed: int = 0,
) -> Problem:
    """The problem with its data: an existing file first, else a name of the library.

    A data file is put to `problem`, or stands alone; a problem file brings its own observations, or simulates them.
    """
    from ..dataset import Dataset
    from ..problem import Problem

    asked = read_problem(problem, plugins) if isinstance(problem, str | Path) else problem
    if isinstance(source, Problem):
        return _with_observations(source, split, settings, meaning, plugins, seed)
    if isinstance(source, Dataset):
        return _put(source, asked, split)
    path = Path(source)
    if path.suffix == ".toml" or (not path.exists() and str(source) in installed(tuple(plugins)).problems()):
        return _with_observations(read_problem(source, plugins), split, settings, meaning, plugins, seed)
    if not path.exists() and path.suffix == "":
        raise _neither(str(source), plugins)
    meaning = dict(meaning)
    if asked is not None and asked.system is not None:
        meaning = _with_drives(meaning, asked)
    return _put(read(path, settings=settings, plugins=plugins, **meaning), asked, split, meaning.get("map"))


def _with_drives(meaning: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """The columns that the equations need as inputs and covariates, where the caller has not named them."""
    assert problem.system is not None
    if not meaning.get("inputs") and problem.inputs:
        wanted = {**(problem.data_file.map if problem.data_file else {}), **(meaning.get("map") or {})}
        meaning["inputs"] = [wanted.get(name, name) for name in problem.inputs]
    if not meaning.get("covariates") and problem.covariates:
        meaning["covariates"] = [covariate.column for covariate in problem.system.covariates]
    return meaning


def _neither(name: str, plugins: Iterable[str | Path]) -> UnknownName:
    known = [*installed(tuple(plugins)).problems(), *(path.name for path in Path().glob("*.*") if path.is_file())]
    help = did_you_mean(name, known) or "give a data file, a problem file, or a name from: workbench problems"
    return UnknownName(f'"{name}" is neither a file nor a problem of the library', help=help)


def _put(data: Dataset, problem: Problem | None, split: str, map: Mapping[str, str] | None = None) -> Problem:
    from ..problem import Problem

    name = Path(data.source).stem if data.source else "data"
    return (problem or Problem(name)).with_data(data, split, map)


def _with_observations(
    problem: Problem,
    split: str,
    settings: Mapping[str, Any],
    meaning: Mapping[str, Any],
    plugins: Iterable[str | Path],
    seed: int,
) -> Problem:
    if problem.data is not None:
        return problem
    file = problem.data_file
    if file is None:
        from .simulating import simulate

        return problem.with_data(simulate(problem, seed=seed, plugins=plugins).dataset(), split)
    declared = {
        "time": file.time, "trajectory": file.trajectory, "inputs": list(file.inputs) or None,
        "start": file.start, "missing": file.missing,
    }  # fmt: skip
    chosen = {**declared, **{key: value for key, value in meaning.items() if value not in (None, (), [], {})}}
    chosen = _with_drives(chosen, problem)
    if not chosen.get("states"):
        from ..system import System

        assert isinstance(problem.system, System)
        columns = [file.map.get(name, name) for name in problem.system.observed_names]
        chosen["states"] = columns
    chosen.pop("map", None)
    data = read(file.path, settings=settings, plugins=plugins, **chosen)
    return problem.with_data(data, split, meaning.get("map"))
