"""Ask plugins what they offer, each behind a guard, and check what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import pluggy

from ..errors.base import WorkbenchError
from ..errors.nearest import did_you_mean
from ..errors.plugins import HookUnknown, OfferWrong
from ..offers import Offer
from .discovery import Plugin, reason
from .kinds import HOOKS
from .options import Option, options_of

NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


@dataclass(frozen=True)
class Listed:
    """One offer with its options and with whose it is."""

    kind: str
    name: str
    offer: Offer
    options: tuple[Option, ...]
    plugin: str
    distribution: str
    read_version: Callable[[], str]

    @property
    def version(self) -> str:
        """The version of the distribution; "" for a file."""
        return self.read_version()


@dataclass(frozen=True)
class Shelved:
    """One problem file with whose it is."""

    name: str
    file: Traversable
    plugin: str
    distribution: str


def register(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    """Enter a loaded plugin; one with a misspelt or unmarked hook is refused and says so in its `errors`."""
    begin = time.perf_counter()
    try:
        manager.register(plugin.module, plugin.name)
        _check_hooks(manager, plugin)
    except Exception as error:  # whatever a stranger's module brings, the others go on
        plugin.errors.append(_line(error))
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
    plugin.ms += 1e3 * (time.perf_counter() - begin)


def _check_hooks(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    known = set(HOOKS.values())
    marked = {caller.name for caller in manager.get_hookcallers(plugin.module) or ()}
    for name in sorted(marked - known):
        raise HookUnknown(f'there is no hook "{name}"', help=did_you_mean(name, known) or ", ".join(sorted(known)))
    for name in sorted(known - marked):
        if callable(getattr(plugin.module, name, None)):
            raise HookUnknown(f"the hook {name} is not marked", help="put @hookimpl above it")


def ask(manager: pluggy.PluginManager, plugins: dict[str, Plugin], kind: str) -> Iterator[tuple[Plugin, Any]]:
    """What each plugin's hook for `kind` returned, one item at a time; a failure goes to the plugin's `errors`.

    A plugin's solvers are those of its hook, then those of its tableau files.
    """
    hook = HOOKS[kind]
    implementations = {impl.plugin_name: impl.function for impl in getattr(manager.hook, hook).get_hookimpls()}
    for name, plugin in plugins.items():
        yield from _by_hook(plugin, hook, implementations[name]) if name in implementations else ()
        yield from _by_file(plugin) if kind == "solver" else ()


def _by_hook(plugin: Plugin, hook: str, implementation: Callable[[], Any]) -> Iterator[tuple[Plugin, Any]]:
    begin = time.perf_counter()
    try:
        answer = implementation()
    except Exception as error:  # as above
        plugin.errors.append(f"{hook}: {_line(error)}")
        return
    finally:
        plugin.ms += 1e3 * (time.perf_counter() - begin)
    if not isinstance(answer, (list, tuple)):
        plugin.errors.append(f"{hook} returned {type(answer).__name__}, a list was wanted")
        return
    for item in answer:
        yield plugin, item


def _by_file(plugin: Plugin) -> Iterator[tuple[Plugin, Offer]]:
    """One solver for each file; one that is wrong is among the plugin's errors, and the others are offered."""
    for file in plugin.tableaus:
        begin = time.perf_counter()
        try:
            offer = Offer.of_tableau_file(file)
        except Exception as error:  # as above
            plugin.errors.append(_line(error))
            continue
        finally:
            plugin.ms += 1e3 * (time.perf_counter() - begin)
        yield plugin, offer


def offers(manager: pluggy.PluginManager, plugins: dict[str, Plugin], kind: str) -> list[Listed]:
    """Every sound offer of a kind; the faults of the others are in their plugins' `errors`."""
    listed: list[Listed] = []
    for plugin, offer in ask(manager, plugins, kind):
        try:
            name = _checked(offer)
            options = options_of(offer.make)
        except WorkbenchError as error:
            plugin.errors.append(f"{kind} {_name_of(offer)}: {_line(error)}")
            continue
        source = plugin.distribution, plugin.read_version
        listed.append(Listed(kind, name, offer, options, plugin.name, *source))
    return listed


def problems(manager: pluggy.PluginManager, plugins: dict[str, Plugin]) -> list[Shelved]:
    """Every problem file on offer; its name is the file's stem."""
    found: list[Shelved] = []
    for plugin, file in ask(manager, plugins, "problem"):
        if not isinstance(file, Traversable) or not file.name.endswith(".toml"):
            plugin.errors.append(f"offer_problems returned {file!r}, paths of .toml files were wanted")
            continue
        found.append(Shelved(file.name.removesuffix(".toml"), file, plugin.name, plugin.distribution))
    return found


def _checked(offer: Any) -> str:
    if not isinstance(offer, Offer):
        raise OfferWrong(f"this is {offer!r}", help="return [Offer(name, make, summary), …]")
    if not (offer.name and offer.name[0].isalnum() and set(offer.name) <= NAME_LETTERS):
        raise OfferWrong("a name holds letters, digits, '.', '_' and '-', and starts with a letter or a digit")
    if not callable(offer.make):
        raise OfferWrong(f"make is {offer.make!r}, a factory was wanted")
    if not (isinstance(offer.summary, str) and offer.summary.strip()):
        raise OfferWrong("it has no summary", help="say in one line what it is")
    return offer.name


def _name_of(offer: Any) -> str:
    return f'"{offer.name}"' if isinstance(offer, Offer) else "offer"


def _line(error: BaseException) -> str:
    return str(error) if isinstance(error, WorkbenchError) else reason(error)
