"""The question: a Problem, and the files that put one; each name is loaded on first use, so that listing is light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .problem import DataFile as DataFile
    from .problem import Problem as Problem
    from .reading import read_problem as read_problem

_ROOMS = {
    "DataFile": "problem",
    "Problem": "problem",
    "read_problem": "reading",
}

__all__ = ["DataFile", "Problem", "read_problem"]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
