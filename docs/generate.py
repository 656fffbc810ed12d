"""Write docs/generated/: the command line from click, the plugins from the registry, the problems from their files.

Run it as `python docs/generate.py`; a test says when it is due.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.group import LazyGroup
from workbench.registry import HOOKS, Listed, Registry, Shelved, toml

if TYPE_CHECKING:
    from workbench.system import System

FOLDER = Path(__file__).parent / "generated"
OURS = "dynamics-workbench"
WIDTH = 100


def pages() -> dict[str, str]:
    """File name → its text."""
    registry = Registry.load(disable=())
    return {"cli.md": cli(), "plugins.md": plugins(registry), "problems.md": problems(registry)}


# --- the command line --------------------------------------------------------------------------------------------


def cli() -> str:
    """Every command with its help."""
    group = LazyGroup("workbench")
    root = click.Context(group, info_name="workbench")
    parts = ["# Commands", "", "What `--help` says of each command."]
    for name in group.list_commands(root):
        command = group.get_command(root, name)
        assert command is not None
        for path, found in _with_subcommands(name, command):
            parts += ["", f"## {path}", "", "```text", _help(path, found), "```"]
    return "\n".join(parts) + "\n"


def _with_subcommands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield f"{path} {name}", inner


def _help(path: str, command: click.Command) -> str:
    context = click.Context(
        command,
        info_name=f"workbench {path}",
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


# --- plugins -----------------------------------------------------------------------------------------------------


def plugins(registry: Registry) -> str:
    """Every offer of this distribution, kind by kind."""
    parts = ["# Plugins", "", "What this distribution offers; `workbench plugins` lists what is installed beside it."]
    for kind in HOOKS:
        if kind == "problem":
            continue
        parts += ["", f"## {kind}", "", "| name | what it is | options | source |", "|---|---|---|---|"]
        parts += [_offer(listed) for listed in registry.offers(kind) if listed.distribution == OURS]
    return "\n".join(parts) + "\n"


def _offer(listed: Listed) -> str:
    options = "<br>".join(f"`{o.name} = {toml(o.default)}` {o.type_name}" for o in listed.options)
    cells = [f"`{listed.name}`", listed.offer.summary, options, listed.offer.source]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# --- problems ----------------------------------------------------------------------------------------------------


def problems(registry: Registry) -> str:
    """Every problem of the library: equations, values, source, and what makes it hard."""
    parts = [
        "# Problems",
        "",
        "The library of systems. `workbench fit NAME` and `workbench simulate NAME` take each of them.",
        "",
        "The pictures show each system at the values of its file, learned terms left out: its first four states "
        "against time, and the first two against each other from the dot on. Where a problem brings observations, "
        "they are the black dots, and the curve is where a fit starts. The solver is LSODA.",
    ]
    for shelved in registry.shelf():
        if shelved.distribution == OURS:
            parts += ["", *_problem(shelved)]
    return "\n".join(parts) + "\n"


def _problem(shelved: Shelved) -> Iterator[str]:
    from workbench.problem import read_problem

    problem = read_problem(shelved.file)
    system = problem.system
    assert system is not None
    yield from (f"## {shelved.name}", "", f"{system.title}. {system.source}.")
    yield from ("", f"![{shelved.name} against time](../figures/systems/{shelved.name}.svg)")
    yield from ("", "```text", *system.equations(), "", *_values(system), "```")
    if system.notes:
        yield from ("", system.notes.strip())
    if problem.data_file is not None:
        yield from ("", "Brings its observations.")


def _values(system: System) -> Iterator[str]:
    for state in system.states:
        yield f"{state.name}({system.time.start if system.time.start is not None else 't0'}) = {_number(state.initial)}"
    for event in system.events:
        yield f"{event.name} {event.when}: {event.then}"
    for parameter in system.parameters:
        yield f"{parameter.name} = {_number(parameter.value)}{' (fixed)' if parameter.fixed else ''}"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"


def main() -> None:
    """Write the pages and say which have changed."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        file = FOLDER / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
