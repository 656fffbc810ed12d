"""`workbench reproduce NAME`: a published experiment, its numbers beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors.usage import UsageError
from ..registry.settings import by_kind, parse_settings
from .configuration import SETTINGS, ConfiguredCommand
from .options import complete_offers, json_option, plugin_option
from .output import emit_json, hint, table

EXPERIMENT = "experiment"


def _settings(ctx: click.Context, parameter: click.Parameter, typed: tuple[str, ...]) -> dict[str, Any]:
    """Settings of the experiment; its own options need no `experiment.` before them."""
    named = [text if "." in text.partition("=")[0] else f"{EXPERIMENT}.{text}" for text in typed]
    given = parse_settings(named)
    by_kind(given, [EXPERIMENT])
    from_files = ctx.meta.get(SETTINGS, {})
    return {key: value for key, value in from_files.items() if key.startswith(f"{EXPERIMENT}.")} | given


@click.command(cls=ConfiguredCommand)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_offers(EXPERIMENT))
@click.option("--list", "as_list", is_flag=True, help="List the experiments.")
@click.option("--quick", is_flag=True, help="Run the small form, which takes under a minute.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="How many seeds, from 0. [default: 5, or 2 with --quick; fewer where one takes long]",
)
@click.option(
    "--data", metavar="FOLDER", type=click.Path(path_type=Path), help="A folder of data that the experiment reads."
)
@click.option(
    "-S",
    "--setting",
    "settings",
    metavar="OPTION=VALUE",
    multiple=True,
    callback=_settings,
    help="Set an option of the experiment, as in -S steps=300 (repeatable; values are TOML).",
)
@click.option(
    "-o", "--output", "out", metavar="FOLDER", type=click.Path(path_type=Path), help="[default: reproduced/NAME]"
)
@click.option("--format", "picture_format", type=click.Choice(["png", "svg"]), default="png", show_default=True)
@plugin_option
@json_option
def reproduce(name: str | None, as_list: bool, **options: Any) -> None:
    """Run a published experiment: a table with the published numbers beside ours, claims, pictures and a run file.

    \b
    Examples:
      workbench reproduce --list
      workbench reproduce spiral --quick
      workbench reproduce spiral --seeds 10 -o spiral-10
    """
    as_json, plugin_files = options["as_json"], options["plugin_files"]
    if as_list:
        _list(plugin_files, as_json)
        return
    if name is None:
        raise UsageError("no experiment is named", help="list them: workbench reproduce --list")
    from .. import workflow
    from .findings_card import findings_card

    found = workflow.reproduce(
        name,
        **{key: options[key] for key in ("quick", "seeds", "data", "settings", "out")},
        format=options["picture_format"],
        plugins=plugin_files,
        say=hint,
    )
    emit_json(found.document()) if as_json else click.echo(findings_card(found.reproduction), nl=False)
    hint(f"kept in {found.folder}: {', '.join(sorted(path.name for path in found.files))}")


def _list(plugin_files: tuple[Path, ...], as_json: bool) -> None:
    from ..registry import installed
    from .listing import describe

    registry = installed(plugin_files)
    listed = registry.offers(EXPERIMENT)
    if as_json:
        emit_json({"schema": "workbench/reproduce-list/1", "experiments": [describe(entry) for entry in listed]})
    else:
        rows = [[entry.name, entry.offer.summary, entry.offer.source, entry.plugin] for entry in listed]
        click.echo(table(["name", "summary", "source", "plugin"], rows))
    for failure in registry.failures():
        hint(f"failed: {failure}")
    for clash in registry.clashes(EXPERIMENT):
        raise clash
