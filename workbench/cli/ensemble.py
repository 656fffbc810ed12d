"""`workbench ensemble RUN`: the same fit from several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .configuration import ConfiguredCommand
from .options import figure_option, max_time_option, run_options
from .output import emit_json, hint, number, table
from .progress import watching
from .store import run_argument

if TYPE_CHECKING:
    from ..workflow import Ensemble


@click.command(cls=ConfiguredCommand)
@run_argument()
@click.option(
    "-n",
    "--members",
    metavar="N",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="How many runs in all, RUN among them.",
)
@max_time_option("Stop each fit after so much time.")
@figure_option("Draw the members to FILE.")
@run_options
def ensemble(
    run: str,
    members: int,
    max_time: float | None,
    figure: Path | None,
    folder: Path,
    plugin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Fit RUN again with other seeds, stored as RUN-seedK; `predict RUN --ensemble` takes them together.

    \b
    Examples:
      workbench ensemble @last
      workbench ensemble brisk-otter -n 10 --max-time 60s
    """
    from .. import workflow

    with watching(None, max_time) as watcher:
        found = workflow.ensemble(
            run,
            members,
            store=folder,
            plugins=plugin_files,
            max_time=max_time,
            on_step=watcher,
            on_member=lambda name: hint(f"fitting {name}"),
        )
    apart = [f"{member.name}: {why}" for member, why in found.left_out]
    for reason in (*apart, *found.failed):
        hint(f"note: left out: {reason}")
    emit_json(found.document()) if as_json else click.echo(_text(found))
    if figure is not None:
        hint(f"drawn to {found.plot(figure)}")


def _text(found: Ensemble) -> str:
    document = found.document()
    members = [*document["members"], *document["left_out"]]
    rows = [
        [
            one["run"],
            str(one["seed"]),
            one["status"] + ", left out" * ("reason" in one),
            number(one["train_nrmse"]),
            number(one["holdout_nrmse"]),
        ]
        for one in members
    ]
    said = table(["run", "seed", "status", "train nrmse", "held-out nrmse"], rows, numeric=[1, 3, 4])
    more = f"workbench ensemble {found.of} -n {len(members) + 3}"
    following = f"workbench predict {found.of} --ensemble --interval 95" if found.makes_a_band else more
    return f"{said}\n\nnext\n  {following}"
