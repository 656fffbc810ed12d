"""`workbench doctor`: what is installed, what works and what is missed."""

from __future__ import annotations

from pathlib import Path

import click

from .options import json_option
from .output import emit_json, table
from .store import runs_option


@click.command()
@json_option
@runs_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, folder: Path) -> None:
    """Check the installation: Python, packages, compiler, plugins, the runs folder; exits 1 if something fails.

    \b
    Example:
      workbench doctor --json
    """
    from .checkup import examine

    findings = examine(folder)
    if as_json:
        emit_json({"schema": "workbench/doctor/1", "checks": [finding.as_json() for finding in findings]})
    else:
        click.echo(table(["", "check", "finding"], [[f.verdict, f.check, f.text] for f in findings]))
    ctx.exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)
