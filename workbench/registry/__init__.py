"""Every plugin by name: found, loaded behind a guard, checked, and explained where it failed."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from .gathering import Listed, Shelved
from .kinds import HOOKS
from .options import Option
from .registry import DISABLE, PluginInfo, Registry
from .settings import by_kind, parse_settings
from .values import toml

__all__ = [
    "HOOKS",
    "Listed",
    "Option",
    "PluginInfo",
    "Registry",
    "Shelved",
    "by_kind",
    "installed",
    "parse_settings",
    "toml",
]


def installed(plugin_files: Iterable[str | Path] = ()) -> Registry:
    """The registry of this process, with the `plugin_files`; loaded again only where what it depends on has changed."""
    return _loaded(tuple(str(file) for file in plugin_files), os.environ.get(DISABLE, ""), tuple(sys.path))


@functools.lru_cache(maxsize=4)
def _loaded(plugin_files: tuple[str, ...], disable: str, path: tuple[str, ...]) -> Registry:
    return Registry.load(disable.split(","), plugin_files)
