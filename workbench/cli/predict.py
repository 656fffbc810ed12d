"""`workbench predict RUN`: where a fitted model goes, later, from elsewhere or on new data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors.usage import UsageError
from .configuration import ConfiguredCommand
from .curves import deliver
from .options import data_options, meaning_of, output_option, run_options, settings_option
from .output import emit_json, hint, number
from .store import run_argument
from .texts import NUMBERS, PERCENT, STATES

if TYPE_CHECKING:
    from ..workflow import Prediction


@click.command(cls=ConfiguredCommand)
@run_argument()
@click.option("--until", metavar="TIME", type=float, help="Follow the model to this time, on the data's spacing.")
@click.option("--times", metavar="0,0.5,1|0:10:101", type=NUMBERS, help="At these times, or as first:last:count.")
@click.option("--x0", metavar="30,4", type=STATES, help="Another initial state, as in 30,4 or hare=30,lynx=4.")
@click.option(
    "--data", metavar="FILE", type=click.Path(path_type=Path), help="A new record: it drives, and is compared."
)
@click.option(
    "--fit-initial",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Initial state fitted to the first N samples of --data; 1: the first itself, or what an encoder makes.",
)
@click.option("--interval", metavar="95", type=PERCENT, help="Add a band, in percent.")
@click.option(
    "--band",
    type=click.Choice(["curve", "observation"]),
    help="What the band is for: the expected value, or a new measurement. [default: curve]",
)
@click.option("--ensemble", is_flag=True, help="The mean of RUN's ensemble; its spread makes the band.")
@data_options
@settings_option
@output_option
@run_options
def predict(run: str, **options: Any) -> None:
    """Predict with RUN (a name, the beginning of one, a path or @last), and print the curve as CSV.

    \b
    Examples:
      workbench predict @last --until 1930
      workbench predict brisk-otter --times 0:20:201 --x0 30,4 --interval 95 -o future.csv
      workbench predict brisk-otter --data tomorrow.csv --json
    """
    from .. import workflow

    meaning = meaning_of(options)
    if options["data"] is None and meaning:
        raise UsageError(f"--{next(iter(meaning))} says what columns mean, but there is no --data", help="--data FILE")
    if options["band"] is not None and options["interval"] is None:
        raise UsageError("--band says what a band is for, but there is none", help="--interval 95")
    options["band"] = options["band"] or "curve"
    prediction = workflow.predict(
        run,
        **{
            key: options[key]
            for key in ("times", "until", "x0", "data", "fit_initial", "interval", "settings", "band", "ensemble")
        },
        store=options["folder"],
        plugins=options["plugin_files"],
        **meaning,
    )
    for note in prediction.notes:
        hint(f"note: {note}")
    if options["as_json"]:
        emit_json(prediction.document())
        return
    if options["interval"] is not None and prediction.lower is None:
        hint(f"note: there is no band: {prediction.no_band}")
    deliver(*_columns(prediction), options["out"])
    for measure in ("nrmse", "fit_percent"):
        if (prediction.metrics or {}).get(measure) is not None:
            hint(f"{measure} {number((prediction.metrics or {})[measure])}")


def _columns(prediction: Prediction) -> tuple[list[str], list[list[Any]]]:
    """Channels, each with its band where there is one; a column tells trajectories apart where there are several."""
    several, banded = len(prediction.ts) > 1, prediction.lower is not None and prediction.upper is not None
    names = [[name, f"{name}_lower", f"{name}_upper"] if banded else [name] for name in prediction.channels]
    header = (["trajectory"] if several else []) + [prediction.time, *(name for group in names for name in group)]
    rows = []
    for i, trajectory in enumerate(prediction.trajectories):
        for j, t in enumerate(prediction.ts[i].tolist()):
            if t == t:
                rows.append(([trajectory] if several else []) + [t, *_instant(prediction, i, j)])
    return header, rows


def _instant(prediction: Prediction, i: int, j: int) -> list[float]:
    values: list[float] = []
    for c in range(len(prediction.channels)):
        values.append(float(prediction.observed[i, j, c]))
        if prediction.lower is not None and prediction.upper is not None:
            values += [float(prediction.lower[i, j, c]), float(prediction.upper[i, j, c])]
    return values
