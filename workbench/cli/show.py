"""`workbench show RUN`: a stored run, read without the plugins that made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors.usage import UsageError
from .options import run_options, truth_option
from .output import emit_json
from .store import run_argument

if TYPE_CHECKING:
    from ..runs import Reproduction


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

    Of a file that `reproduce` wrote: tables, claims and notes.

    \b
    Examples:
      workbench show @last
      workbench show brisk-otter --json
      workbench show brisk-otter --truth lorenz
      workbench show brisk-otter --config > again.toml
    """
    from ..runs import Run, open_file, resolve

    opened = open_file(resolve(run, folder))
    if not isinstance(opened, Run):
        _show_findings(opened, truth is not None or as_config or as_problem, as_json)
        return
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


def _show_findings(reproduction: Reproduction, asked_of_a_fit: bool, as_json: bool) -> None:
    if asked_of_a_fit:
        raise UsageError(
            f"{reproduction.path} holds what an experiment found, not a fit",
            help=f"workbench show {reproduction.path}",
        )
    if as_json:
        from ..workflow import findings_document

        emit_json(findings_document(reproduction))
    else:
        from .findings_card import findings_card

        click.echo(findings_card(reproduction), nl=False)
