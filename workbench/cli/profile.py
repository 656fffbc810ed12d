"""`workbench profile RUN [NAME…]`: how far the data let each unknown go, all others fitted again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .configuration import ConfiguredCommand
from .options import figure_option, level_option, max_time_option, run_options
from .output import emit_json, hint, number, table
from .store import run_argument

if TYPE_CHECKING:
    from ..workflow import Profiles


@click.command(cls=ConfiguredCommand)
@run_argument()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@level_option
@click.option(
    "--statistic",
    type=click.Choice(["t", "chi2"]),
    default="t",
    show_default=True,
    help="What the threshold is taken from; chi2 holds for many values.",
)
@max_time_option("Stop after so much time, for each unknown.", default=60.0, show_default="60s")
@figure_option("Draw the profiles to FILE.")
@run_options
def profile(
    run: str,
    names: tuple[str, ...],
    level: float,
    statistic: str,
    max_time: float,
    figure: Path | None,
    folder: Path,
    plugin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Profile the unknowns of RUN, all or those named (x(0) is an initial value): intervals, and what is identified.

    \b
    Examples:
      workbench profile @last
      workbench profile brisk-otter alpha "hare(0)" --level 90 --plot profiles.png
    """
    from .. import workflow

    found = workflow.profile(
        run,
        names,
        level=level / 100,
        statistic=statistic,  # type: ignore[arg-type]  # one of the choices
        max_time=max_time,
        store=folder,
        plugins=plugin_files,
    )
    for note in found.notes:
        hint(f"note: {note}")
    emit_json(found.document()) if as_json else click.echo(_text(found))
    if figure is not None:
        hint(f"drawn to {found.plot(figure)}")


def _text(found: Profiles) -> str:
    head = ["", "value", f"{100 * found.level:g} % profile", "Gauss–Newton", "verdict"]
    rows = []
    for name, one in found.parameters.items():
        low, high = (number(end, 5) if end is not None else "open" for end in one.interval)
        normal = f"{number(one.gauss_newton[0], 5)} … {number(one.gauss_newton[1], 5)}" if one.gauss_newton else "–"
        rows.append([name, number(one.value, 5), f"{low} … {high}", normal, one.reason])
    return table(head, rows, numeric=[1])
