"""`workbench runs`: what is stored, and whether it is whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import json_option
from .output import emit_json, hint, number, table
from .store import complete_run, runs_option

if TYPE_CHECKING:
    from ..runs import Summary


@click.group(invoke_without_command=True)
@json_option
@runs_option
@click.pass_context
def runs(ctx: click.Context, as_json: bool, folder: Path) -> None:
    """List stored runs, the newest last, or verify their seals.

    \b
    Examples:
      workbench runs
      workbench runs verify
    """
    if ctx.invoked_subcommand is None:
        _list(as_json, folder)


@runs.command("list")
@json_option
@runs_option
def list_(as_json: bool, folder: Path) -> None:
    """List stored runs, the newest last."""
    _list(as_json, folder)


@runs.command("verify")
@click.argument("names", metavar="[RUN]...", nargs=-1, shell_complete=complete_run)
@json_option
@runs_option
@click.pass_context
def verify_(ctx: click.Context, names: tuple[str, ...], as_json: bool, folder: Path) -> None:
    """Check the seal and the layout of runs, of every .h5 file unless some are named; exits 1 if one is not whole."""
    from ..errors.base import WorkbenchError
    from ..runs import open_file, resolve

    stored = sorted(path for path in folder.glob("*.h5") if not path.name.startswith("."))  # however damaged
    paths = [resolve(name, folder) for name in names] or stored
    checked: list[dict[str, Any]] = []
    for path in paths:
        try:
            open_file(path)
        except WorkbenchError as error:
            checked.append({"run": str(path), "whole": False, "error": error.as_json()})
            hint(str(error))
        else:
            checked.append({"run": str(path), "whole": True, "error": None})
    if as_json:
        emit_json({"schema": "workbench/runs-verify/1", "runs": checked})
    else:
        click.echo("\n".join(f"{'whole  ' if one['whole'] else 'DAMAGED'}  {one['run']}" for one in checked))
    ctx.exit(0 if all(one["whole"] for one in checked) else 1)


def _list(as_json: bool, folder: Path) -> None:
    from ..runs import catalog

    summaries = catalog(folder)
    if as_json:
        emit_json({"schema": "workbench/runs/1", "runs": [_describe(summary) for summary in summaries]})
        return
    header = ["run", "status", "dynamics", "data", "held-out fit %", "changed"]
    click.echo(table(header, [_row(summary) for summary in summaries], numeric=[4]))
    for summary in summaries:
        if summary.error is not None:
            hint(str(summary.error))
    if not summaries:
        hint(f"no runs in {folder}; help: workbench fit DATA")


def _describe(summary: Summary) -> dict[str, Any]:
    return {
        "run": summary.name,
        "path": str(summary.path),
        "status": summary.status,
        "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(summary.modified)),
        "bytes": summary.size,
        "run_id": summary.run_id,
        "writer": summary.writer or None,
        "about": dict(summary.about),
        "error": summary.error.as_json() if summary.error is not None else None,
    }


def _row(summary: Summary) -> list[str]:
    about = summary.about
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.modified))
    status = f"{summary.status} (process {summary.writer})" if summary.writer else summary.status
    dynamics, data = str(about.get("dynamics") or about.get("experiment") or ""), str(about.get("data") or "")
    return [summary.name, status, dynamics, data, number(about.get("fit_percent")), changed]
