"""Find plugins and load each behind a guard: a broken one is reported, and the rest go on.

A plugin is a module with hooks, a package that holds files `*.tableau.toml`, or both.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import importlib.util
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..errors.plugins import PluginFileUnusable
from ..offers import Offer
from ..search_path import trusted_now

GROUP = "workbench"
TABLEAU = "tableau.toml"


@dataclass(frozen=True)
class Candidate:
    """A plugin before it is loaded: an entry point of an installed distribution, or a file."""

    name: str
    distribution: str
    load: Callable[[], Any]
    read_version: Callable[[], str]
    tableaus: tuple[Traversable, ...] | None = None  # None: those beside the module, if it is a package


@dataclass
class Plugin:
    """A candidate after the attempt to load it."""

    name: str
    distribution: str
    read_version: Callable[[], str]
    module: Any = None
    tableaus: tuple[Traversable, ...] = ()  # files of methods, one solver each
    errors: list[str] = field(default_factory=list)
    fault: PluginFileUnusable | None = None  # the error that says in which line or key of its file it is wrong
    ms: float = 0.0


def installed() -> Iterator[Candidate]:
    """The entry points of the group `workbench`, of every distribution on the trusted search path, by name."""
    seen: set[str] = set()
    found: list[Candidate] = []
    for distribution in importlib.metadata.distributions(path=trusted_now()):
        entry_points = [point for point in distribution.entry_points if point.group == GROUP]
        if not entry_points:
            continue
        name = distribution.metadata["Name"] or "unnamed"
        if name.lower().replace("_", "-") in seen:  # shadowed by an earlier folder of the path, as for imports
            continue
        seen.add(name.lower().replace("_", "-"))
        found += [Candidate(point.name, name, point.load, _version_of(distribution)) for point in entry_points]
    yield from sorted(found, key=lambda candidate: (candidate.name, candidate.distribution))


def _version_of(distribution: importlib.metadata.Distribution) -> Callable[[], str]:
    return lambda: distribution.version


def from_file(path: Path) -> Candidate:
    """The plugin in a Python or tableau file (`--plugin FILE`); raises PluginFileUnusable if there is no such file."""
    if not path.is_file() or path.suffix not in (".py", ".toml"):
        raise PluginFileUnusable(
            f"{path} is no Python file and no tableau file",
            help="give the path of a .py file with hooks in it, or of a .toml file with a method in it",
        )
    if path.suffix == ".toml":
        return _from_tableau(path)

    def load() -> Any:
        name = f"workbench_plugin_file_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path.resolve())
        if spec is None or spec.loader is None:
            raise PluginFileUnusable(f"{path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and typing look their module up there
        spec.loader.exec_module(module)
        return module

    return Candidate(path.stem, str(path), load, lambda: "")


def _from_tableau(path: Path) -> Candidate:
    """A plugin of one method and no code; it was asked for by name, so it is read at once."""
    name = path.name.removesuffix(".toml").removesuffix(".tableau")

    def load() -> Any:
        Offer.of_tableau_file(path)
        return types.ModuleType(f"workbench_tableau_file_{name}")

    return Candidate(name, str(path), load, lambda: "", (path,))


def tableaus_of(module: Any) -> tuple[Traversable, ...]:
    """The files `tableau.toml` and `*.tableau.toml` of a package, by name; none where the module is no package."""
    if not hasattr(module, "__path__"):
        return ()
    files = importlib.resources.files(module).iterdir()
    mine = (file for file in files if file.name == TABLEAU or file.name.endswith(f".{TABLEAU}"))
    return tuple(sorted(mine, key=lambda file: file.name))


def load(candidate: Candidate) -> Plugin:
    """The candidate loaded, or with the reason why it could not be; never raises for a fault of the plugin."""
    plugin = Plugin(candidate.name, candidate.distribution, candidate.read_version)
    begin = time.perf_counter()
    try:
        plugin.module = candidate.load()
        plugin.tableaus = tableaus_of(plugin.module) if candidate.tableaus is None else candidate.tableaus
    except (KeyboardInterrupt, MemoryError):
        raise
    except PluginFileUnusable as error:
        plugin.errors, plugin.fault = [str(error)], error
    except BaseException as error:  # a stranger's module may also call sys.exit()
        plugin.errors = [reason(error)]
    plugin.ms = 1e3 * (time.perf_counter() - begin)
    return plugin


def reason(error: BaseException) -> str:
    """What went wrong, in one line.

    >>> reason(KeyError("x"))
    "KeyError: 'x'"
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
