"""`workbench plugins check NAME`: what an offer claims, beside what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from .checked_text import checked_text
from .options import complete_every_offer, json_option, plugin_option
from .output import emit_json, hint


@click.command()
@click.argument("name", shell_complete=complete_every_offer)
@click.option("--kind", metavar="KIND", help="solver, dynamics, loss, …: where offers of several kinds bear the name.")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw a solver's stability region: .png, .svg, .pdf.",
)
@plugin_option
@json_option
@click.pass_context
def check(
    ctx: click.Context, name: str, kind: str | None, plot: Path | None, plugin_files: tuple[Path, ...], as_json: bool
) -> None:
    """Hold the offer NAME to the kit: exits 1 if anything fails, 6 if the plugin cannot be loaded.

    A solver is measured (order, gradients, statuses, stability, work beside dopri5), and all tests of its kind are run.

    \b
    Examples:
      workbench plugins check tsit5
      workbench plugins check kutta3 --plugin kutta3.py --plot region.svg
    """
    from ..errors.usage import UsageError
    from ..registry import installed
    from ..workflow.checking import check_plugin, kind_of, stability_region

    kind = kind_of(installed(plugin_files), name, kind)
    if plot is not None and kind != "solver":
        raise UsageError(f"a {kind} has no stability region", help="leave --plot out")
    found = check_plugin(name, kind, plugin_files)
    drawn = stability_region(name, plot, plugin_files) if plot is not None else None
    if as_json:
        emit_json({**found.document(), "plot": None if drawn is None else str(drawn)})
    else:
        click.echo(checked_text(found))
        if drawn is not None:
            hint(str(drawn))
        count = {word: sum(f.verdict == word for f in found.findings) for word in ("ok", "failed", "skipped", "told")}
        told = ", ".join(f"{n} {word}" for word, n in count.items() if n)
        hint(f'{found.kind} "{name}" of {found.distribution} {found.version}: {told}')
    ctx.exit(0 if found.ok else 1)
