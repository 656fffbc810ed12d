"""What a list of problems shows of each: read with tomllib alone, so that listing stays light."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class Outline:
    """A problem file at a glance; nothing in it has been checked."""

    name: str
    title: str
    source: str
    tags: tuple[str, ...]
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    has_data: bool


def outline(file: Traversable) -> Outline:
    """The head of a problem file; one that cannot be read says so in its title."""
    name = file.name.removesuffix(".toml")
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return Outline(name, f"unreadable: {error}", "", (), (), (), has_data=False)
    return Outline(
        name=name,
        title=str(table.get("title", "")),
        source=str(table.get("source", "")),
        tags=tuple(str(tag) for tag in _list(table.get("tags"))),
        states=tuple(_table(table.get("states"))),
        parameters=tuple(_table(table.get("parameters"))),
        has_data="data" in table,
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
