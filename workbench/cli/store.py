"""Where runs are kept, and finding one by what was typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

runs_option = click.option(
    "--runs",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    envvar="WORKBENCH_RUNS",
    help="The folder in which runs are kept.",
)


def complete_run(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs for the shell, `@last` among them."""
    from ..runs import catalog

    names = ["@last", *(summary.name for summary in catalog(ctx.params.get("folder") or Path("runs")))]
    return [name for name in names if name.startswith(incomplete)]


def run_argument(**settings: Any) -> Any:
    """The argument RUN: a name, the beginning of one, a path or `@last`."""
    return click.argument("run", shell_complete=complete_run, **settings)
