"""A click group that imports a command only when it is run."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from .boundary import guarded
from .commands import COMMANDS

COMPLETE = "_WORKBENCH_COMPLETE"
"""The variable by which a shell asks what may come next."""


class LazyGroup(click.Group):
    """The group of all commands: known by name and summary, imported when used, run inside the error boundary.

    `commands` holds stand-ins with the summaries; click looks there for what may have been meant by a misspelt name.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.commands = {name: click.Command(name, short_help=summary) for name, summary in COMMANDS.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table, which is the order of use."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        if cmd_name not in self.commands:
            return None
        module = importlib.import_module(f".{cmd_name}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from the stand-ins."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.short_help or "") for name, command in self.commands.items()])

    def main(  # type: ignore[override]  # it never returns: click's other mode has no use here
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **settings: Any
    ) -> NoReturn:
        """Run the command line and exit with its status; every error has become one line."""
        words = list(sys.argv[1:] if args is None else args)
        name = prog_name or "workbench"
        if instruction := os.environ.get(COMPLETE):
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, {}, name, COMPLETE, instruction))

        def run() -> None:
            with self.make_context(name, list(words)) as context:
                self.invoke(context)

        sys.exit(guarded(run, words))
