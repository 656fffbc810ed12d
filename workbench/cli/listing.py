"""The listings of solvers, dynamics and losses: one table each, straight from the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..registry import HOOKS, Listed, installed, toml
from ..registry.kinds import LISTED_BY
from .options import json_option, plugin_option
from .output import emit_json, hint, table


def listing(kind: str, help: str) -> click.Command:
    """The command that lists everything offered of `kind`."""

    @click.command(name=LISTED_BY[kind], help=help)
    @json_option
    @plugin_option
    def command(as_json: bool, plugin_files: tuple[Path, ...]) -> None:
        registry = installed(plugin_files)
        listed = registry.offers(kind)
        if as_json:
            name = LISTED_BY[kind]
            emit_json({"schema": f"workbench/{name}/1", name: [describe(entry) for entry in listed]})
        else:
            click.echo(table(["name", "summary", "options", "plugin"], [_row(entry) for entry in listed]))
        for failure in registry.failures():
            hint(f"failed: {failure}")
        for clash in registry.clashes(kind):
            raise clash

    assert kind in HOOKS
    return command


def describe(entry: Listed) -> dict[str, Any]:
    """An offer as JSON: its options with types and defaults, its source and whose it is."""
    options = [{"name": o.name, "type": o.type_name, "default": o.default} for o in entry.options]
    return {
        "name": entry.name,
        "summary": entry.offer.summary,
        "source": entry.offer.source,
        "options": options,
        "plugin": entry.plugin,
        "distribution": entry.distribution,
        "version": entry.version,
    }


def _row(entry: Listed) -> list[str]:
    options = " ".join(f"{option.name}={toml(option.default)}" for option in entry.options)
    return [entry.name, entry.offer.summary, options, entry.plugin]
