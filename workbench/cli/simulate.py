"""`workbench simulate PROBLEM`: ground truth, with noise where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors.usage import UsageError
from .configuration import ConfiguredCommand
from .curves import deliver
from .options import (
    complete_offers,
    json_option,
    numbers_of,
    offer_option,
    output_option,
    plugin_option,
    seed_option,
    set_option,
    settings_option,
)
from .output import emit_json
from .texts import SPAN, STATES

if TYPE_CHECKING:
    from ..workflow import Simulation


@click.command(cls=ConfiguredCommand)
@click.argument("problem_name", metavar="PROBLEM", shell_complete=complete_offers("problem"))
@offer_option("--solver", default="tsit5", help="How the equations are solved.")
@settings_option
@click.option("--noise", metavar="5%", help="Noise: a share of each channel's spread, or a standard deviation.")
@click.option("--samples", type=click.IntRange(min=2), help="How many times. [default: the problem's]")
@click.option("--span", metavar="FIRST:LAST", type=SPAN, help="From when to when. [default: the problem's]")
@click.option(
    "--trajectories", type=click.IntRange(min=1), default=1, show_default=True, help="How many, from other starts."
)
@click.option("--irregular", is_flag=True, help="Draw the times at random.")
@set_option
@click.option("--x0", metavar="NAME=VALUE,…", type=STATES, help="Another initial state, as in hare=30,lynx=4.")
@seed_option
@output_option
@plugin_option
@json_option
def simulate(problem_name: str, **options: Any) -> None:
    """Solve the equations of PROBLEM, a name of the library or a TOML file, and print the trajectory as CSV.

    \b
    Examples:
      workbench simulate lorenz --noise 5% -o data.csv
      workbench simulate lotka_volterra --set alpha=0.7 --span 0:50 --json
    """
    from .. import workflow

    x0 = options["x0"]
    if x0 is not None and not isinstance(x0, dict):
        raise UsageError("--x0 gives values without names", help="write --x0 hare=30,lynx=4")
    simulation = workflow.simulate(
        problem_name,
        **{
            key: options[key]
            for key in ("solver", "settings", "noise", "samples", "span", "trajectories", "irregular", "seed")
        },
        values=numbers_of(options["values"], "--set"),
        x0=x0,
        plugins=options["plugin_files"],
    )
    if options["as_json"]:
        emit_json(simulation.document())
    else:
        deliver(*_columns(simulation), options["out"])


def _columns(simulation: Simulation) -> tuple[list[str], list[list[Any]]]:
    """The observed channels, as a fit would read them; the states are in the JSON."""
    n = len(simulation.ts)
    header = (["trajectory"] if n > 1 else []) + ["t", *simulation.system.observed_names]
    rows = [
        ([str(i)] if n > 1 else []) + [t, *values]
        for i in range(n)
        for t, values in zip(simulation.ts[i].tolist(), simulation.observed[i].tolist(), strict=True)
    ]
    return header, rows
