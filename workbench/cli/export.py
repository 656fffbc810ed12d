"""`workbench export RUN FORMAT`: a fitted model in another language, its curves in another format."""

from __future__ import annotations

from pathlib import Path

import click

from .configuration import ConfiguredCommand
from .options import output_option, run_options
from .output import emit_json, hint, number
from .store import run_argument


def _complete_format(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from ..workflow.exported import SUFFIXES

    return [name for name in SUFFIXES if name.startswith(incomplete)]


@click.command(cls=ConfiguredCommand)
@run_argument()
@click.argument("format_", metavar="FORMAT", shell_complete=_complete_format)
@click.option(
    "--verify", is_flag=True, help="Read it back, solve with it, and compare with the run; status 1 if it differs."
)
@output_option
@run_options
def export(
    run: str, format_: str, verify: bool, out: Path | None, folder: Path, plugin_files: tuple[Path, ...], as_json: bool
) -> None:
    """Write RUN as FORMAT: python, c, torch, sympy, latex, csv or netcdf.

    Programs hold the right-hand side, what is observed and the fitted numbers, and need no part of the workbench.

    \b
    Examples:
      workbench export @last python -o ponds.py --verify
      workbench export brisk-otter c -o model.c
      workbench export brisk-otter latex
    """
    from .. import workflow

    made = workflow.export(run, format_, out, verify=verify, store=folder, plugins=plugin_files)
    if as_json:
        emit_json(made.document())
    elif made.path is None:
        click.echo(made.text, nl=False)
    else:
        click.echo(str(made.path))
    found = made.agreement
    if found is None:
        return
    if not as_json:
        solved = "" if found.solution is None else f", solved to {number(found.solution, 2)}"
        word = "agrees with" if found.holds else "DIFFERS from"
        hint(f"{word} the run: functions to {number(found.functions, 2)}{solved} (bound {number(found.bound, 2)})")
    if not found.holds:
        raise click.exceptions.Exit(1)
