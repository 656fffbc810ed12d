"""`workbench new plugin` and `workbench new problem`: a distribution to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from .options import json_option
from .output import emit_json, hint

folder_option = click.option(
    "-o", "--output", "out", metavar="FOLDER", type=click.Path(path_type=Path), help="Write into this folder instead."
)


@click.group()
def new() -> None:
    """Write a plugin or a problem to begin with: a distribution that installs, and whose tests pass as they come.

    \b
    Examples:
      workbench new plugin my_method
      workbench new problem my_reactor
    """


@new.command()
@click.argument("name")
@click.option(
    "--kind", metavar="KIND", default="solver", show_default=True, help="solver, dynamics, loss, optimizer, …"
)
@click.option("--tableau", is_flag=True, help="A solver as a file of coefficients, without code.")
@folder_option
@json_option
def plugin(name: str, kind: str, tableau: bool, out: Path | None, as_json: bool) -> None:
    """Write a plugin NAME of a kind: solver, dynamics, loss, optimizer, strategy, reader or reporter.

    \b
    Examples:
      workbench new plugin my_method
      workbench new plugin my_tableau --tableau
      workbench new plugin quadratic --kind dynamics
    """
    _write(name, kind, tableau, out, as_json)


@new.command()
@click.argument("name")
@folder_option
@json_option
def problem(name: str, out: Path | None, as_json: bool) -> None:
    """Write a package with the problem file NAME.toml, which then is a problem of the library.

    \b
    Examples:
      workbench new problem my_reactor
    """
    _write(name, "problem", False, out, as_json)


def _write(name: str, kind: str, tableau: bool, out: Path | None, as_json: bool) -> None:
    from ..workflow import new

    made = new(name, kind, tableau=tableau, out=out)
    if as_json:
        files = [str(path) for path in made.files]
        emit_json({"schema": "workbench/new/1", "folder": str(made.folder), "files": files, "next": list(made.next)})
        return
    click.echo("\n".join(str(path) for path in made.files))
    hint("\n".join(["next:", *(f"  {line}" for line in made.next)]))
