"""`workbench fit`: from a data file or a problem to a fitted, checked and stored run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors.usage import UsageError
from .configuration import ConfiguredCommand
from .gates import Gate, read_gate
from .interrupting import stopping
from .options import (
    complete_source,
    data_options,
    json_option,
    limits_of,
    max_time_option,
    meaning_of,
    numbers_of,
    offer_option,
    plugin_option,
    scales_of,
    seed_option,
    set_option,
    settings_option,
    truth_option,
)
from .output import emit_json, hint
from .progress import watching
from .store import complete_run, runs_option
from .texts import PAIR, Form

if TYPE_CHECKING:
    from ..workflow import Fitted

WITH_RESUME = ("resume", "iterations", "max_time", "folder", "as_json", "gates", "config", "plugin_files")
GATE = Form("gate", read_gate)
CHOSEN = ("dynamics", "solver", "loss", "optimizer", "strategy", "gradient", "engine", "seed", "starts")
OF_THE_FIT = (*CHOSEN, "problem", "split", "device", "truth")


@click.command(cls=ConfiguredCommand)
@click.argument("source", nargs=-1, shell_complete=complete_source)
@offer_option("-d", "--dynamics", help="Family of right-hand sides. [default: the problem's equations, else mlp]")
@click.option(
    "--problem",
    metavar="NAME|FILE",
    shell_complete=complete_source,
    help="Equations for a data file, from the library or a TOML file.",
)
@data_options
@click.option(
    "--noise",
    metavar="CHANNEL=KIND",
    multiple=True,
    type=PAIR,
    help="gaussian, lognormal, student, student(3), poisson or negative-binomial (repeatable).",
)
@click.option(
    "--scale",
    "scales",
    metavar="CHANNEL=NUMBER",
    multiple=True,
    type=PAIR,
    help="The known scale of a channel's noise; fit: --sigma counts up to a factor (repeatable).",
)
@click.option(
    "--limits",
    metavar="CHANNEL=LOW,HIGH",
    multiple=True,
    type=PAIR,
    help="What a channel can show, a side left empty is open; values there are censored (repeatable).",
)
@set_option
@click.option(
    "--free", metavar="NAME", multiple=True, help="Fit a parameter that the file fixes, or x(0) (repeatable)."
)
@click.option("--fix", metavar="NAME", multiple=True, help="Hold a parameter, or x(0), at its value (repeatable).")
@click.option(
    "--split", metavar="SPEC", help="Test part: last:20%, trajectories:20% or none. [default: last:20%; a curve: none]"
)
@click.option("--each", type=click.Choice(["trajectory"]), help="Fit every trajectory by itself.")
@offer_option("--solver", help="How the equations are solved. [default: tsit5]")
@offer_option("--loss", help="How errors count. [default: likelihood where noise is declared, else mse]")
@offer_option("--optimizer", help="How the loss is lowered. [default: by the number of unknowns]")
@offer_option("--strategy", help="In which order the fit is attempted. [default: ladder]")
@click.option(
    "--gradient",
    type=click.Choice(["discrete", "backprop", "adjoint", "forward"]),
    default="discrete",
    show_default=True,
    help="How gradients are had.",
)
@click.option(
    "--engine",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="What executes a solve: auto, compiled, numpy or torch.",
)
@settings_option
@click.option("--iterations", type=click.IntRange(min=1), help="Stop after so many steps.")
@max_time_option("Stop after so much time, as in 60s or 5min.")
@seed_option
@click.option(
    "--starts",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Fit from so many start points and keep the best; the first is the file's own.",
)
@click.option("--device", default="cpu", show_default=True, help="Where networks are called: cpu, cuda, cuda:1.")
@truth_option
@click.option("--name", metavar="NAME", help="What to call the run. [default: an adjective and an animal]")
@runs_option
@click.option("--resume", metavar="RUN", shell_complete=complete_run, help="Go on with a stored run, on its own data.")
@click.option(
    "--fail-if", "gates", metavar='"nrmse>0.1"', multiple=True, type=GATE, help="Exit 1 if this holds (repeatable)."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@plugin_option
@json_option
@click.pass_context
def fit(ctx: click.Context, /, **options: Any) -> None:
    """Fit dynamics to SOURCE, a data file, a problem file or a problem of the library, and store the run.

    Several data files with the same columns each bring trajectories of their own.

    \b
    Examples:
      workbench fit ponds.csv
      workbench fit ponds.csv -d mlp -S dynamics.hidden=[32,32] --max-time 60s
      workbench fit lynx_hare --split none --json
      workbench fit run1.csv run2.csv run3.csv --split trajectories:1
      workbench fit --resume @last --iterations 500
    """
    if (not options["source"]) == (options["resume"] is None):
        raise UsageError("fit takes a SOURCE or --resume RUN, one of them", help="workbench fit lynx_hare")
    _require_own_choices(ctx, options["resume"])
    if options["dry_run"]:
        from ..workflow import plan
        from .dry_run import text_of

        document = plan(**arguments(options))
        emit_json(document) if options["as_json"] else click.echo(text_of(document))
        return
    fits, caught = _run(options)
    documents = [fitted.document() for fitted in fits]
    _report(fits, documents, options)
    if caught:
        for fitted in fits[-1:]:
            hint(f"interrupted; the run is kept, go on with: workbench fit --resume {fitted.name}")
        ctx.exit(128 + caught)
    closed = [reason for document in documents for reason in _closed(options["gates"], document)]
    for reason in closed:
        hint(f"gate closed: {reason}")
    ctx.exit(1 if closed else 0)


def _require_own_choices(ctx: click.Context, resume: str | None) -> None:
    """A run that is resumed keeps its data and choices; raises UsageError where others are typed."""
    if resume is None:
        return
    typed = click.core.ParameterSource.COMMANDLINE
    for parameter in ctx.command.params:
        if parameter.name not in WITH_RESUME and ctx.get_parameter_source(str(parameter.name)) is typed:
            raise UsageError(
                f"{parameter.opts[-1]} does not go with --resume, which keeps a run's own choices",
                help=f"workbench fit --resume {resume}, or a new fit with other choices",
            )


def _run(options: dict[str, Any]) -> tuple[list[Fitted], int]:
    """The fits, and the signal that interrupted them (0: none)."""
    from .. import workflow

    budget = workflow.FitBudget(time.monotonic, options["iterations"], options["max_time"])
    with stopping(budget) as interruption, watching(options["iterations"], options["max_time"]) as watcher:
        limits = {
            "iterations": options["iterations"],
            "max_time": options["max_time"],
            "budget": budget,
            "on_step": watcher,
        }
        if options["resume"] is not None:
            fits = [
                workflow.resume(options["resume"], store=options["folder"], plugins=options["plugin_files"], **limits)
            ]
        else:
            kept = {"name": options["name"], "store": options["folder"]}
            wanted = arguments(options) | limits | kept | {"on_notes": say}
            source = wanted.pop("source")
            fits = workflow.fit_each(source, **wanted) if options["each"] else [workflow.fit(source, **wanted)]
    return fits, interruption.signal


def arguments(options: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `workflow.fit` that say what is fitted, and to what."""
    options = dict(options)
    meaning = meaning_of(options)
    return {
        "source": options["source"] if len(options["source"]) > 1 else options["source"][0],
        **{name: options[name] for name in OF_THE_FIT},
        "noise": dict(options["noise"]),
        "scales": scales_of(options["scales"]),
        "limits": limits_of(options["limits"]),
        "start_values": numbers_of(options["values"], "--set"),
        "free": options["free"],
        "fix": options["fix"],
        "settings": options["settings"],
        "plugins": options["plugin_files"],
        **meaning,
    }


def _report(fits: list[Fitted], documents: list[dict[str, Any]], options: dict[str, Any]) -> None:
    if options["as_json"]:
        emit_json({"schema": "workbench/fit-each/1", "fits": documents} if options["each"] else documents[0])
        return
    from .reporting import card

    click.echo("\n".join(card(fitted.run, fitted.path, options["plugin_files"]) for fitted in fits))


def say(notes: Sequence[str]) -> None:
    """What was guessed or left out, before the first step."""
    for note in notes:
        hint(f"note: {note}")


def _closed(gates: tuple[Gate, ...], document: dict[str, Any]) -> list[str]:
    return [reason for gate in gates if (reason := gate.closes(document))]
