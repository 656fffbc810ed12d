"""`workbench check`: certificates, printed as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .configuration import ConfiguredCommand
from .options import complete_offers, json_option, offer_option, plugin_option, seed_option, settings_option
from .output import emit_json, hint, number, table

if TYPE_CHECKING:
    from ..workflow import GradientCheck

HEADER = ["mode", "relative error", "seconds", "peak kB", "saved kB", "reverse error", "verdict"]


@click.group()
def check() -> None:
    """Check what the workbench computes against an independent reference.

    \b
    Example:
      workbench check gradient lotka_volterra --solver tsit5
    """


@check.command(cls=ConfiguredCommand)
@click.argument("problem_name", metavar="PROBLEM", shell_complete=complete_offers("problem"))
@offer_option("-d", "--dynamics", help="Family of right-hand sides. [default: the problem's equations]")
@offer_option("--solver", help="How the equations are solved. [default: tsit5]")
@settings_option
@seed_option
@plugin_option
@json_option
@click.pass_context
def gradient(ctx: click.Context, problem_name: str, **options: Any) -> None:
    """Compare every gradient mode of a solver with an independent derivative on PROBLEM.

    The gradient is that of a random weighting of the states at the observations. Modes that claim to be the derivative
    of the steps taken (discrete, backprop) are exact or off, the others are good to the solver's tolerance. Memory: the
    peak of NumPy's arrays, and the tensors that torch saves. Exits 1 if a mode that claims exactness is off.

    \b
    Examples:
      workbench check gradient lotka_volterra --solver tsit5 -S solver.rtol=1e-10
      workbench check gradient damped_spiral -d mlp --json
    """
    from ..workflow import check_gradient

    found = check_gradient(
        problem_name,
        dynamics=options["dynamics"],
        solver=options["solver"],
        settings=options["settings"],
        seed=options["seed"],
        plugins=options["plugin_files"],
    )
    if options["as_json"]:
        emit_json(found.document())
    else:
        _print(found)
    ctx.exit(0 if found.holds else 1)


def _print(found: GradientCheck) -> None:
    click.echo(
        f"{found.problem} · dynamics {found.dynamics} · solver {found.solver} · {found.steps} steps\n"
        f"reference: {found.against}\n"
    )
    rows = [
        [
            one.mode,
            number(one.relative_error, 2),
            number(one.seconds, 2),
            number(_kilobytes(one.peak_bytes)),
            number(_kilobytes(one.saved_bytes)),
            number(one.reverse_error, 2),
            one.verdict,
        ]
        for one in found.modes
    ]
    click.echo(table(HEADER, rows, numeric=[1, 2, 3, 4, 5]))
    for one in found.modes:
        if one.message:
            hint(f"{one.mode}: {one.message}")


def _kilobytes(n: int | None) -> int | None:
    return None if n is None else round(n / 1000)
