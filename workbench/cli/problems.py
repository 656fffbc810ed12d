"""`workbench problems`: the library of systems, listed without importing SymPy."""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..registry import installed
from .options import complete_source, json_option, plugin_option
from .output import emit_json, hint, table

if TYPE_CHECKING:
    from ..problem import Problem


@click.group(invoke_without_command=True)
@json_option
@plugin_option
@click.pass_context
def problems(ctx: click.Context, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """List the library of problems, show one or check a file.

    \b
    Examples:
      workbench problems
      workbench problems show lotka_volterra
      workbench problems check my_model.toml
    """
    if ctx.invoked_subcommand is None:
        _list(as_json, plugin_files)


@problems.command("list")
@json_option
@plugin_option
def list_(as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """List every problem that plugins bring, with its title."""
    _list(as_json, plugin_files)


@problems.command()
@click.argument("name", shell_complete=complete_source)
@json_option
@plugin_option
def show(name: str, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """Show the equations, parameters and source of a problem of the library or of a file."""
    from .problem_card import card, describe

    problem = _read(name, plugin_files)
    if as_json:
        emit_json(describe(problem))
    else:
        click.echo(card(problem))


@problems.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check a problem file: every key, every formula, every unit of meaning.

    Exits 0 if the file can be used; a mistake is reported with its file, line and key.
    """
    from .problem_card import check_file

    document, text = check_file(file)
    emit_json(document) if as_json else click.echo(text)


def _list(as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    registry = installed(plugin_files)
    entries = [
        {"name": shelved.name, **heading(shelved.file), "plugin": shelved.plugin, "distribution": shelved.distribution}
        for shelved in registry.shelf()
    ]
    if as_json:
        emit_json({"schema": "workbench/problems/1", "problems": entries})
    else:
        click.echo(
            table(["name", "title", "data"], [[e["name"], e["title"], "yes" if e["data"] else ""] for e in entries])
        )
    for failure in registry.failures():
        hint(f"failed: {failure}")
    for clash in registry.clashes("problem"):
        raise clash


def heading(file: Traversable) -> dict[str, Any]:
    """The title, source and tags of a problem file and whether it brings data; only the top of the file is parsed."""
    text = file.read_text(encoding="utf-8")
    top = text if text.startswith("[") else text.partition("\n[")[0]
    try:
        keys = tomllib.loads(top) if not top.startswith("[") else {}
    except tomllib.TOMLDecodeError as error:
        return {"title": f"(not TOML: {error})", "source": "", "tags": [], "data": False}
    has_data = "\n[data]" in text
    return {
        "title": keys.get("title", ""),
        "source": keys.get("source", ""),
        "tags": keys.get("tags", []),
        "data": has_data,
    }


def _read(name: str, plugin_files: tuple[Path, ...]) -> Problem:
    from ..workflow import read_problem

    return read_problem(name, plugin_files)
