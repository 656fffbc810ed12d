"""`workbench plot RUN`: figures of stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .configuration import ConfiguredCommand
from .options import output_option, run_options, settings_option
from .output import emit_json
from .store import run_argument


@click.command(cls=ConfiguredCommand)
@run_argument(nargs=-1, required=True)
@click.option("--kind", metavar="NAME", help="fit, phase, residuals, loss or all. [default: all]")
@click.option("--format", "format_", metavar="NAME", help="png, svg or pdf, where no file name says so. [default: png]")
@output_option
@settings_option
@run_options
def plot(
    run: tuple[str, ...],
    kind: str | None,
    format_: str | None,
    out: Path | None,
    settings: dict[str, Any],
    folder: Path,
    plugin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Draw RUN (one or more): the fit with its held-out part shaded, phase portrait, residuals, loss.

    \b
    Examples:
      workbench plot @last
      workbench plot brisk-otter --kind fit -o fit.svg
    """
    from ..runs import Run, resolve
    from .reporting import figures

    opened = [Run.open(resolve(name, folder)) for name in run]
    chosen = {"reporter.kind": kind, "reporter.format": format_}
    settings = settings | {key: value for key, value in chosen.items() if value is not None}
    written = figures(opened, out, settings, plugin_files)
    if as_json:
        emit_json({"schema": "workbench/plot/1", "files": [str(path) for path in written]})
    else:
        click.echo("\n".join(str(path) for path in written))
