"""The registry: every plugin there is, what it offers, and what became of those that failed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pluggy

from .. import hookspecs
from ..errors.base import WorkbenchError
from ..errors.nearest import did_you_mean
from ..errors.plugins import NameClash, NothingInstalled, NotMade, PluginFileUnusable
from ..errors.usage import UnknownName
from ..offers import Offer
from . import discovery, gathering
from .gathering import Listed, Shelved
from .kinds import HOOKS, LISTED_BY, hook_of
from .options import Option, fill, options_of

DISABLE = "WORKBENCH_DISABLE_PLUGINS"


@dataclass(frozen=True)
class PluginInfo:
    """One plugin as `workbench plugins` shows it."""

    name: str
    distribution: str
    version: str
    offers: Mapping[str, tuple[str, ...]]  # kind → names
    error: str  # "" if all is well
    disabled: bool
    ms: float  # that loading it and asking it took


class Registry:
    """Plugins by name. Loading one is guarded, and a hook is called when its kind is first asked for."""

    def __init__(
        self,
        plugins: Sequence[discovery.Plugin],
        disabled: Sequence[discovery.Candidate] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.notes = tuple(notes)  # to be said aloud
        self._plugins = tuple(plugins)
        self._disabled = tuple(disabled)
        self._manager = pluggy.PluginManager("workbench")
        self._manager.add_hookspecs(hookspecs)
        self._by_name: dict[str, discovery.Plugin] = {}
        self._listed: dict[str, list[Listed]] = {}
        self._shelved: list[Shelved] | None = None
        for plugin in plugins:
            self._enter(plugin)

    @classmethod
    def load(cls, disable: Iterable[str] | None = None, plugin_files: Iterable[str | Path] = ()) -> Registry:
        """Load what is installed and the given files, without the plugins or distributions named in `disable`.

        `disable` is read from WORKBENCH_DISABLE_PLUGINS (a comma list) unless given. Raises PluginFileUnusable for a
        file that does not load, for it was asked for; an installed plugin that does not is kept with its error.
        """
        names = os.environ.get(DISABLE, "").split(",") if disable is None else disable
        unwanted = {name.strip() for name in names if name.strip()}
        wanted: list[discovery.Candidate] = []
        left_out: list[discovery.Candidate] = []
        for candidate in discovery.installed():
            (left_out if {candidate.name, candidate.distribution} & unwanted else wanted).append(candidate)
        wanted += [discovery.from_file(Path(file)) for file in plugin_files]
        known = {name for candidate in (*wanted, *left_out) for name in (candidate.name, candidate.distribution)}
        notes = [
            f'{DISABLE} names "{name}", which is not installed; {did_you_mean(name, known)}'.rstrip("; ")
            for name in sorted(unwanted - known)
        ]
        registry = cls([discovery.load(candidate) for candidate in wanted], left_out, notes)
        for file in map(str, plugin_files):
            registry._require_file(file)
        return registry

    def _enter(self, plugin: discovery.Plugin) -> None:
        other = self._by_name.get(plugin.name)
        if other is not None:
            plugin.errors.append(f'the plugin name "{plugin.name}" is taken by {other.distribution} already')
        elif not plugin.errors:
            gathering.register(self._manager, plugin)
            self._by_name[plugin.name] = plugin

    def _require_file(self, file: str) -> None:
        for plugin in self._plugins:
            if plugin.distribution == file and plugin.fault:
                raise plugin.fault
            if plugin.distribution == file and plugin.errors:
                raise PluginFileUnusable(f"{file} cannot be loaded: {'; '.join(plugin.errors)}")

    # --- what there is -------------------------------------------------------------------------------------------

    def offers(self, kind: str) -> list[Listed]:
        """Everything offered of a kind (not problems), in the order of plugins' names and of each one's list."""
        hook_of(kind)
        if kind not in self._listed:
            self._listed[kind] = gathering.offers(self._manager, self._by_name, kind)
        return list(self._listed[kind])

    def shelf(self) -> list[Shelved]:
        """Every problem file that is offered, with whose it is, by name."""
        if self._shelved is None:
            self._shelved = gathering.problems(self._manager, self._by_name)
        return sorted(self._shelved, key=lambda problem: problem.name)

    def problems(self) -> dict[str, Traversable]:
        """Name → problem file; raises NameClash where two plugins bring the same name."""
        for clash in self.clashes("problem"):
            raise clash
        return {problem.name: problem.file for problem in self.shelf()}

    def plugins(self) -> list[PluginInfo]:
        """Every plugin: loaded, failed or disabled, with all that it offers."""
        names: dict[tuple[str, str], list[str]] = {}
        for kind in HOOKS:
            things: Sequence[Listed | Shelved] = self.shelf() if kind == "problem" else self.offers(kind)
            for thing in things:
                names.setdefault((thing.plugin, kind), []).append(thing.name)
        return [self._info(plugin, names) for plugin in self._plugins] + [
            PluginInfo(c.name, c.distribution, c.read_version(), {}, "", True, 0.0) for c in self._disabled
        ]

    def _info(self, plugin: discovery.Plugin, names: Mapping[tuple[str, str], list[str]]) -> PluginInfo:
        entered = self._by_name.get(plugin.name) is plugin
        offers = {kind: tuple(names[plugin.name, kind]) for kind in HOOKS if entered and (plugin.name, kind) in names}
        error = "; ".join(plugin.errors)
        return PluginInfo(
            plugin.name, plugin.distribution, plugin.read_version(), offers, error, False, round(plugin.ms, 1)
        )

    def failures(self) -> list[str]:
        """One line for each plugin that failed so far: its name, its distribution and why."""
        return [f"{p.name} ({p.distribution}): {'; '.join(p.errors)}" for p in self._plugins if p.errors]

    def clashes(self, kind: str) -> list[NameClash]:
        """One NameClash for each name of a kind that is offered more than once."""
        by_name: dict[str, list[Listed | Shelved]] = {}
        for thing in self.shelf() if kind == "problem" else self.offers(kind):
            by_name.setdefault(thing.name, []).append(thing)
        return [_clash(kind, things) for _, things in sorted(by_name.items()) if len(things) > 1]

    # --- one of them ---------------------------------------------------------------------------------------------

    def entry(self, kind: str, name: str) -> Listed:
        """The offer of this name with its options and owner; raises UnknownName or NameClash."""
        found = [listed for listed in self.offers(kind) if listed.name == name]
        if len(found) > 1:
            raise _clash(kind, found)
        if not found:
            raise self._unknown(kind, name, [listed.name for listed in self.offers(kind)])
        return found[0]

    def find(self, kind: str, name: str) -> Offer:
        """The offer of this name; raises UnknownName with the nearest one, or NameClash."""
        return self.entry(kind, name).offer

    def problem(self, name: str) -> Traversable:
        """The problem file of this name; raises UnknownName with the nearest one, or NameClash."""
        problems = self.problems()
        if name not in problems:
            raise self._unknown("problem", name, list(problems))
        return problems[name]

    def make(self, kind: str, name: str, settings: Mapping[str, Any] | None = None) -> Any:
        """The plugin's object, made with `settings` (option → value, or text as on the command line).

        Raises UnknownName, UnknownSetting, SettingOfWrongType, or NotMade if the plugin's own code fails.
        """
        entry = self.entry(kind, name)
        arguments = self.arguments(kind, name, settings)
        try:
            return entry.offer.make(**arguments)
        except WorkbenchError:
            raise
        except Exception as error:  # a stranger's code: named as theirs, never as a traceback of ours
            raise NotMade(
                f'{kind} "{name}" of {entry.distribution} could not be made: {discovery.reason(error)}',
                help="check its options and what it needs: workbench plugins",
            ) from error

    def arguments(self, kind: str, name: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Every option of the offer with its value, as provenance keeps it; raises as `make` does."""
        return fill(self.entry(kind, name).options, settings or {}, f'{kind} "{name}"', kind)

    def options(self, offer: Offer) -> list[Option]:
        """The options of an offer, in the order of its signature."""
        return list(options_of(offer.make))

    def _unknown(self, kind: str, name: str, known: Sequence[str]) -> WorkbenchError:
        if not self._plugins and not self._disabled:
            return NothingInstalled("no plugin is installed", help="python -m pip install -c constraints.txt -e .")
        failed = self.failures()
        hints = [did_you_mean(name, known), f"list them: workbench {LISTED_BY[kind]}"]
        hints += [f"a plugin that failed may have it: {'; '.join(failed)}"] if failed else []
        return UnknownName(f'no {kind} is named "{name}"', help="; ".join(filter(None, hints)))


def _clash(kind: str, things: Sequence[Listed | Shelved]) -> NameClash:
    whose = " and by ".join(f"{thing.distribution} (plugin {thing.plugin})" for thing in things)
    help = f"leave one plugin out: {DISABLE}=PLUGIN"
    return NameClash(f'{kind} "{things[0].name}" is offered by {whose}', help=help)
