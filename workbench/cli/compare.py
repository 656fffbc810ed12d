"""`workbench compare`: several dynamics on one data file, or several runs, in one table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ..errors.usage import UsageError
from .borrowed import options_of
from .configuration import ConfiguredCommand
from .fit import arguments, fit, say
from .interrupting import stopping
from .options import complete_offers, complete_source
from .output import emit_json, hint
from .progress import watching

if TYPE_CHECKING:
    from ..workflow import Comparison

NOT_SHARED = ("dynamics", "each", "resume", "gates", "dry_run", "as_json", "name")
OF_RUNS = ("source", "folder", "truth", "plugin_files", "as_json", "as_csv", "as_md", "config")
"""What may be typed beside runs, which have been fitted already."""


@click.command(cls=ConfiguredCommand, params=options_of(fit, NOT_SHARED))
@click.argument("source", metavar="DATA... | RUN RUN...", nargs=-1, required=True, shell_complete=complete_source)
@click.option(
    "-d",
    "--dynamics",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_offers("dynamics"),
    help="A family of right-hand sides to fit (repeatable).",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Fits of each, from --seed on.")
@click.option("--name", metavar="NAME", help="How the names of the runs begin. [default: an adjective and an animal]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV.")
@click.option("--md", "as_md", is_flag=True, help="Print the table in Markdown.")
@click.pass_context
def compare(ctx: click.Context, /, **options: Any) -> None:
    """Compare several dynamics on DATA, with the same split and limits, or stored runs of the same data.

    \b
    Examples:
      workbench compare ponds.csv -d mlp -d equations --problem ponds.toml --seeds 3 --max-time 60s
      workbench compare lotka_volterra -d equations -d mlp --md
      workbench compare brisk-otter @last --truth lotka_volterra
    """
    if sum(options[form] for form in ("as_json", "as_csv", "as_md")) > 1:
        raise UsageError("--json, --csv and --md are three forms of one table", help="give one of them")
    comparison, caught = _fitted(options) if options["dynamics"] else (_of_runs(ctx, options), 0)
    if options["as_json"]:
        emit_json(comparison.document())
    else:
        form = comparison.csv if options["as_csv"] else comparison.markdown if options["as_md"] else comparison.__str__
        click.echo(form().rstrip())
    if caught:
        hint("interrupted; what was not fitted by then is left out")
        ctx.exit(128 + caught)


def _fitted(options: dict[str, Any]) -> tuple[Comparison, int]:
    """The families fitted, and the signal that interrupted them (0: none)."""
    from .. import workflow

    budget = workflow.FitBudget(time.monotonic, options["iterations"], options["max_time"])
    limits = {"iterations": options["iterations"], "max_time": options["max_time"], "budget": budget}
    wanted = arguments(options)
    source, names = wanted.pop("source"), wanted.pop("dynamics")
    with stopping(budget) as interruption, watching(options["iterations"], options["max_time"]) as watcher:
        found = workflow.compare(
            source,
            names,
            seeds=options["seeds"],
            name=options["name"],
            store=options["folder"],
            on_step=watcher,
            on_notes=say,
            **limits,
            **wanted,
        )
    return found, interruption.signal


def _of_runs(ctx: click.Context, options: dict[str, Any]) -> Comparison:
    from .. import workflow

    if len(options["source"]) == 1:
        raise UsageError(
            f"{options['source'][0]} alone is nothing to compare",
            help="name dynamics to fit, as in -d equations -d mlp, or a second run",
        )
    typed = click.core.ParameterSource.COMMANDLINE
    for parameter in ctx.command.params:
        if parameter.name not in OF_RUNS and ctx.get_parameter_source(str(parameter.name)) is typed:
            raise UsageError(
                f"{parameter.opts[-1]} is about fits, and runs are fitted already",
                help="with DATA, name dynamics: -d mlp",
            )
    return workflow.compare_runs(
        options["source"], store=options["folder"], truth=options["truth"], plugins=options["plugin_files"]
    )
