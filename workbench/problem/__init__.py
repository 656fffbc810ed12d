"""The question: a Problem, and the files that put one; each name is loaded on first use, so that listing is light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..on_first_use import on_first_use

if TYPE_CHECKING:
    from .problem import DataFile as DataFile
    from .problem import Problem as Problem
    from .reading import read_problem as read_problem

_ROOMS = {
    "DataFile": ".problem",
    "Problem": ".problem",
    "read_problem": ".reading",
}

__all__ = ["DataFile", "Problem", "read_problem"]

__getattr__, __dir__ = on_first_use(__name__, _ROOMS)
