"""`workbench doctor`: what is installed, what works and what is missed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..errors.usage import UsageError
from .options import json_option
from .output import emit_json, table
from .store import runs_option


@click.command()
@click.option("--cache", is_flag=True, help="Show where compiled models are kept, how many and how large.")
@click.option("--clear", is_flag=True, help="With --cache: remove them; they are compiled again when they are needed.")
@json_option
@runs_option
@click.pass_context
def doctor(ctx: click.Context, cache: bool, clear: bool, as_json: bool, folder: Path) -> None:
    """Check the installation: Python, packages, compiler, plugins, the runs folder; exits 1 if something fails.

    \b
    Examples:
      workbench doctor --json
      workbench doctor --cache --clear
    """
    if clear and not cache:
        raise UsageError(
            "--clear removes compiled models and goes with --cache", help="workbench doctor --cache --clear"
        )
    if cache:
        _show_cache(clear, as_json)
        return
    from .checkup import examine

    findings = examine(folder)
    if as_json:
        emit_json({"schema": "workbench/doctor/1", "checks": [finding.as_json() for finding in findings]})
    else:
        click.echo(table(["", "check", "finding"], [[f.verdict, f.check, f.text] for f in findings]))
    ctx.exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)


def _show_cache(clear: bool, as_json: bool) -> None:
    """Print what the cache of compiled models holds, or held before it was cleared."""
    from ..workflow import compiling

    try:
        held = compiling.clear() if clear else compiling.contents()
    except OSError as error:
        raise UsageError(f"the cache cannot be cleared: {error.strerror}: {error.filename}") from None
    if as_json:
        emit_json({"schema": "workbench/doctor-cache/1", **asdict(held), "folder": held.path, "cleared": clear})
        return
    rows = [
        ["folder", held.path or "none: WORKBENCH_CACHE=none"],
        ["models", f"{held.libraries}{' removed' if clear else ''}"],
        ["size", f"{held.bytes / 1e6:.1f} MB of at most {held.limit / 1e6:g} MB (WORKBENCH_CACHE_SIZE)"],
        *([["problem", held.problem]] if held.problem else []),
    ]
    click.echo(table(["cache", ""], rows))
