"""The command line: the only room that prints or reads argv."""

from __future__ import annotations

import click

from .group import LazyGroup

EPILOG = """\b
Examples:
  workbench fit ponds.csv                      guess the columns, fit a network, store the run
  workbench fit lynx_hare --split none         a problem of the library, with its data
  workbench fit ponds.csv --problem model.toml fit your own equations
  workbench show @last
"""


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"workbench {version('dynamics-workbench')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Fit learned dynamics to observed trajectories, check them and store them."""
