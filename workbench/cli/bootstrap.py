"""`workbench bootstrap RUN`: fits to data drawn anew, and intervals from what the estimates do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .configuration import ConfiguredCommand
from .options import level_option, max_time_option, run_options, seed_option
from .output import emit_json, hint, number, table
from .store import run_argument

if TYPE_CHECKING:
    from ..workflow import Bootstrap


@click.command(cls=ConfiguredCommand)
@run_argument()
@click.option(
    "--samples",
    metavar="200",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many data sets are drawn.",
)
@click.option(
    "--method",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="parametric, blocks (of residuals), trajectories, or auto.",
)
@click.option(
    "--block",
    metavar="N",
    type=click.IntRange(min=1),
    help="Draw residuals in blocks of N. [default: the cube root of the number of times]",
)
@level_option
@max_time_option("Stop drawing after so much time.")
@seed_option
@run_options
def bootstrap(run: str, **options: Any) -> None:
    """Bootstrap RUN: draw data from the fitted model, fit them, and print percentile intervals beside the others.

    \b
    Examples:
      workbench bootstrap @last
      workbench bootstrap brisk-otter --samples 500 --block 5 --json
    """
    from .. import workflow

    found = workflow.bootstrap(
        run,
        **{key: options[key] for key in ("samples", "method", "block", "max_time", "seed")},
        level=options["level"] / 100,
        store=options["folder"],
        plugins=options["plugin_files"],
    )
    for note in found.notes:
        hint(f"note: {note}")
    emit_json(found.document()) if options["as_json"] else click.echo(_text(found))


def _text(found: Bootstrap) -> str:
    share = f"{100 * found.level:g} %"
    of = f" of {found.block}" if found.block else ""
    rows = []
    for name, one in found.document()["parameters"].items():
        ends = [one["interval"], one["gauss_newton"]]
        shown = [f"{number(pair[0], 5)} … {number(pair[1], 5)}" if pair else "–" for pair in ends]
        rows.append([name, number(one["value"], 5), number(one["stderr"], 3), number(one["bias"], 2), *shown])
    head = ["", "value", "± s.e.", "bias", f"{share} percentile", "Gauss–Newton"]
    said = f"{found.samples - found.failed} fits to data drawn anew ({found.method}{of}), seed {found.seed}"
    return f"{said}\n\n{table(head, rows, numeric=[1, 2, 3])}"
