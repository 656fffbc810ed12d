"""Where plugins may come from: what is installed, never the working directory."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Collection, Sequence


def trusted(path: Sequence[str], here: str, installed: Collection[str]) -> list[str]:
    """`path` without the working directory `here` and without entries that are relative to it.

    Python puts the working directory first (`python -m`, `python -c`, an empty or relative PYTHONPATH entry), so that
    whatever lies there would be imported, or discovered as a plugin, before what is installed. An entry behind the
    first of the folders `installed` (site-packages) stays even where it is the working directory: only an editable
    install writes one there, and whoever develops a plugin stands in its folder.

    >>> trusted(["", "/here", "/lib", "/site", "/here"], "/here", ["/site"])
    ['/lib', '/site', '/here']
    """
    here = os.path.realpath(here)
    places = {os.path.realpath(folder) for folder in installed}
    standard_library = os.path.realpath(os.path.dirname(os.__file__))
    kept: list[str] = []
    behind = False
    for entry in path:
        real = os.path.realpath(entry) if os.path.isabs(entry) else here
        behind = behind or real in places
        if behind or real != here or real == standard_library:
            kept.append(entry)
    return kept


def trusted_now() -> list[str]:
    """This process's `sys.path` as far as it is trusted; `sys.path` itself is left alone."""
    try:
        here = os.getcwd()
    except FileNotFoundError:  # the working directory has been removed: nothing can be imported from it
        here = os.devnull
    return trusted(sys.path, here, (*site.getsitepackages(), site.getusersitepackages()))
