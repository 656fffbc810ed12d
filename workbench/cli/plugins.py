"""`workbench plugins`: what is installed, what it offers, what failed and why; `plugins check` stands beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..registry import PluginInfo, installed
from .options import json_option, plugin_option
from .output import emit_json, hint, table
from .plugins_check import check


@click.group(invoke_without_command=True)
@json_option
@plugin_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """List plugins: the distribution of each, what it offers, and what failed to load and why.

    \b
    Examples:
      workbench plugins
      workbench plugins --plugin my_solver.py
      WORKBENCH_DISABLE_PLUGINS=workbench_scipy workbench plugins
    """
    if ctx.invoked_subcommand is None:
        _list(as_json, plugin_files)


@plugins.command("list")
@json_option
@plugin_option
def list_(as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """List plugins: the distribution of each, what it offers, and what failed to load and why."""
    _list(as_json, plugin_files)


plugins.add_command(check)


def _list(as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    registry = installed(plugin_files)
    infos = registry.plugins()
    if as_json:
        emit_json({"schema": "workbench/plugins/1", "plugins": [_describe(info) for info in infos]})
    else:
        header = ["plugin", "distribution", "version", "status", "ms", "offers"]
        click.echo(table(header, [_row(info) for info in infos], numeric=[4]))
    for failure in registry.failures():
        hint(f"failed: {failure}")
    for note in registry.notes:
        hint(f"note: {note}")


def status(info: PluginInfo) -> str:
    """ok, failed or disabled."""
    return "disabled" if info.disabled else "failed" if info.error else "ok"


def _describe(info: PluginInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "status": status(info),
        "error": info.error,
        "offers": {kind: list(names) for kind, names in info.offers.items()},
        "ms": info.ms,
    }


def _row(info: PluginInfo) -> list[str]:
    counted = [f"{kind}: {_some(names)}" for kind, names in info.offers.items()]
    return [info.name, info.distribution, info.version, status(info), f"{info.ms:.1f}", "; ".join(counted) or "–"]


def _some(names: tuple[str, ...], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
