"""`workbench report RUN…`: stored runs as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .configuration import ConfiguredCommand
from .options import run_options, settings_option
from .output import emit_json
from .store import run_argument


@click.command(cls=ConfiguredCommand)
@run_argument(nargs=-1, required=True)
@click.option("--reporter", metavar="NAME", default="html", show_default=True, help="html, text, or a plugin's.")
@click.option(
    "-o",
    "--output",
    "out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to this file. [default: report.html for html; standard output for text]",
)
@settings_option
@run_options
def report(
    run: tuple[str, ...],
    reporter: str,
    out: Path | None,
    settings: dict[str, Any],
    folder: Path,
    plugin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write RUN (one or more, side by side) as one self-contained page: no script, no network.

    \b
    Examples:
      workbench report @last -o report.html
      workbench report net known -o both.html
    """
    from ..runs import Run, resolve
    from .reporting import rendered

    opened = [Run.open(resolve(name, folder)) for name in run]
    place = Path("report.html") if out is None and reporter == "html" else out
    found = rendered(opened, reporter, place, settings, plugin_files)
    if as_json:
        files = [] if isinstance(found, str) else [str(path) for path in found]
        emit_json({"schema": "workbench/report/1", "files": files, "text": found if isinstance(found, str) else None})
    else:
        click.echo(found if isinstance(found, str) else "\n".join(str(path) for path in found))
