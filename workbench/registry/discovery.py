"""Find plugins and load each behind a guard: a broken one is reported, and the rest go on."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors.plugins import PluginFileUnusable
from ..search_path import trusted_now

GROUP = "workbench"


@dataclass(frozen=True)
class Candidate:
    """A plugin before it is loaded: an entry point of an installed distribution, or a file."""

    name: str
    distribution: str
    load: Callable[[], Any]
    read_version: Callable[[], str]


@dataclass
class Plugin:
    """A candidate after the attempt to load it."""

    name: str
    distribution: str
    read_version: Callable[[], str]
    module: Any = None
    errors: list[str] = field(default_factory=list)
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
    """The plugin in one Python file (`--plugin FILE`); raises PluginFileUnusable if there is no such file."""
    if not path.is_file() or path.suffix != ".py":
        raise PluginFileUnusable(f"{path} is no Python file", help="give the path of a .py file with hooks in it")

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


def load(candidate: Candidate) -> Plugin:
    """The candidate loaded, or with the reason why it could not be; never raises for a fault of the plugin."""
    plugin = Plugin(candidate.name, candidate.distribution, candidate.read_version)
    begin = time.perf_counter()
    try:
        plugin.module = candidate.load()
    except (KeyboardInterrupt, MemoryError):
        raise
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
