"""`workbench show RUN`: a stored run, read without the plugins that made it."""

from __future__ import annotations

from pathlib import Path

import click

from .options import run_options, truth_option
from .output import emit_json
from .store import run_argument


@click.command()
@run_argument()
@click.option(
    "--config", "as_config", is_flag=True, help="Print the TOML that fits it again: workbench fit SOURCE --config FILE."
)
@click.option("--problem", "as_problem", is_flag=True, help="Print the problem file that was fitted.")
@truth_option
@run_options
def show(
    run: str,
    as_config: bool,
    as_problem: bool,
    truth: str | None,
    folder: Path,
    plugin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Show RUN (a name, the beginning of one, a path or @last): data, parameters, equations, metrics, checks.

    \b
    Examples:
      workbench show @last
      workbench show brisk-otter --json
      workbench show brisk-otter --truth lorenz
      workbench show brisk-otter --config > again.toml
    """
    from ..runs import Run, resolve

    opened = Run.open(resolve(run, folder))
    if truth is not None:
        from ..workflow import truth_of

        opened.diagnostics = {**opened.diagnostics, "truth": truth_of(opened, truth, plugin_files)}
    if as_config:
        from .recipe import recipe

        click.echo(recipe(opened.config), nl=False)
    elif as_problem:
        click.echo(opened.problem_text, nl=False)
    elif as_json:
        from ..workflow import fit_document

        emit_json(fit_document(opened, opened.path))
    else:
        from .reporting import card

        click.echo(card(opened, opened.path, plugin_files), nl=False)
