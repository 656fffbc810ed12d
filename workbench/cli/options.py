"""Options that several commands share, each defined once."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors.usage import TextMalformed
from ..registry.settings import by_kind, parse_settings
from .configuration import SETTINGS
from .store import runs_option
from .texts import NAMES, PAIR, PERCENT, SECONDS_FORM

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Decorator = Callable[[Any], Any]

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def complete_offers(kind: str) -> Complete:
    """What a shell completes where a name of `kind` is wanted; the registry is asked only then."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from ..registry import installed

        registry = installed()
        names = (
            [problem.name for problem in registry.shelf()]
            if kind == "problem"
            else [o.name for o in registry.offers(kind)]
        )
        return [name for name in names if name.startswith(incomplete)]

    return complete


def complete_codes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes of errors."""
    from ..errors import explanations

    return [code for code in explanations() if code.startswith(incomplete.upper())]


def complete_every_offer(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of offers of every kind."""
    from ..registry import HOOKS, installed

    registry = installed()
    names = {offer.name for kind in HOOKS if kind != "problem" for offer in registry.offers(kind)}
    return [name for name in sorted(names) if name.startswith(incomplete)]


def complete_source(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Problems of the library, and files by the shell's own means."""
    from click.shell_completion import CompletionItem

    names = complete_offers("problem")(ctx, parameter, incomplete)
    return [*(CompletionItem(name) for name in names), CompletionItem(incomplete, type="file")]


def offer_option(*flags: str, help: str, default: str | None = None) -> Decorator:
    """An option that names an offer: its kind is the long flag. Names are checked when the command runs."""
    kind = flags[-1].lstrip("-")
    return click.option(
        *flags,
        metavar="NAME",
        default=default,
        show_default=default is not None,
        shell_complete=complete_offers(kind),
        help=help,
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

plugin_option = click.option(
    "--plugin",
    "plugin_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Load a plugin from a Python or tableau file (.py, .toml), for this command only (repeatable).",
)

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of everything random."
)

set_option = click.option(
    "--set",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    type=PAIR,
    help="Another value for a parameter (repeatable).",
)

truth_option = click.option(
    "--truth",
    metavar="PROBLEM",
    shell_complete=complete_offers("problem"),
    help="Compare what was found with the equations of a problem, from the library or a TOML file.",
)

output_option = click.option(
    "-o", "--output", "out", metavar="FILE", type=click.Path(path_type=Path), help="Write to this file instead."
)

level_option = click.option(
    "--level", metavar="95", type=PERCENT, default=95.0, show_default=True, help="Confidence, in percent."
)


def max_time_option(help: str, **settings: Any) -> Decorator:
    """The option of a time limit in seconds, typed as 60s or 5min."""
    return click.option("--max-time", metavar="60s", type=SECONDS_FORM, help=help, **settings)


def figure_option(help: str) -> Decorator:
    """The option of a file for a figure beside what is printed."""
    return click.option("--plot", "figure", metavar="FILE", type=click.Path(path_type=Path), help=help)


def _with_files(ctx: click.Context, parameter: click.Parameter, typed: tuple[str, ...]) -> dict[str, Any]:
    settings = {**ctx.meta.get(SETTINGS, {}), **parse_settings(typed)}
    by_kind(settings)  # a kind that does not exist is told at once, not after the data have been read
    return settings


settings_option = click.option(
    "-S",
    "--setting",
    "settings",
    metavar="KIND.OPTION=VALUE",
    multiple=True,
    callback=_with_files,
    help="Set an option of a plugin, as in -S solver.rtol=1e-8 (repeatable; values are TOML).",
)


def stacked(*decorators: Decorator) -> Decorator:
    """Several decorators as one; help shows them in the order in which they stand here."""

    def apply(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


run_options = stacked(runs_option, plugin_option, json_option)
"""Of a command about stored runs: where they are kept, the plugins that they need, and JSON."""

data_options = stacked(
    click.option("--time", metavar="COLUMN", help="The column of times."),
    click.option("--sample-time", metavar="STEP", type=float, help="Time between rows, where no column holds times."),
    click.option("--states", metavar="A,B", type=NAMES, help="The columns that are observed."),
    click.option("--inputs", metavar="U,V", type=NAMES, help="Columns that drive the system."),
    click.option("--trajectory", metavar="COLUMN", help="The column that tells trajectories apart."),
    click.option("--covariates", metavar="A,B", type=NAMES, help="Columns with one value a trajectory."),
    click.option(
        "--map", "map_", metavar="NAME=COLUMN", multiple=True, type=PAIR, help="Which column a channel is (repeatable)."
    ),
    click.option(
        "--sigma",
        metavar="NAME=COLUMN",
        multiple=True,
        type=PAIR,
        help="The column of a channel's standard deviations, one a value (repeatable).",
    ),
    click.option("--missing", metavar="WORDS", help='Cells that mean "not observed", as in blank,nan,NA.'),
    click.option("--sort", is_flag=True, help="Put rows in order of time."),
    click.option("--dedupe", type=click.Choice(["mean", "first", "last"]), help="Make one of rows with the same time."),
    click.option("--replicates", is_flag=True, help="Keep rows with the same time as repeated observations."),
    click.option("--start", metavar="TIME", help="Where the solve begins, before the first observation."),
    click.option("--decimal", metavar="CHAR", help="The decimal mark, as in --decimal ,"),
    click.option("--units-row", is_flag=True, help="The second line of the file holds units."),
)
"""What the columns of a data file mean."""

MEANING = (
    "time", "sample_time", "states", "inputs", "trajectory", "covariates", "missing", "sort", "dedupe", "replicates",
    "start",
)  # fmt: skip


def meaning_of(options: dict[str, Any]) -> dict[str, Any]:
    """The data options given, taken out of `options`; --decimal and --units-row become settings of the reader."""
    meaning = {name: given for name in MEANING if (given := options.pop(name)) not in (None, False)}
    for key, option in (("map", "map_"), ("sigma", "sigma")):
        if pairs := options.pop(option):
            meaning[key] = dict(pairs)
    reader = {"reader.decimal": options.pop("decimal"), "reader.units_row": options.pop("units_row") or None}
    options["settings"] |= {key: given for key, given in reader.items() if given is not None}
    return meaning


def numbers_of(pairs: tuple[tuple[str, str], ...], option: str) -> dict[str, float]:
    """`(("k", "0.5"),)` as {"k": 0.5}; raises TextMalformed."""
    values: dict[str, float] = {}
    for name, text in pairs:
        try:
            values[name] = float(text)
        except ValueError:
            raise TextMalformed(
                f'{option} gives {name} the value "{text}"', help=f"write {option} {name}=0.5"
            ) from None
    return values


def scales_of(pairs: tuple[tuple[str, str], ...]) -> dict[str, float | str]:
    """`(("x", "0.5"), ("y", "fit"))` as {"x": 0.5, "y": "fit"}; raises TextMalformed.

    >>> scales_of((("x", "0.5"), ("y", "fit")))
    {'x': 0.5, 'y': 'fit'}
    """
    fitted: dict[str, float | str] = {name: text for name, text in pairs if text == "fit"}
    given = numbers_of(tuple((name, text) for name, text in pairs if text != "fit"), "--scale")
    for name, value in given.items():
        if not 0 < value < inf:
            raise TextMalformed(f"--scale {name}={value:g} is no scale", help=f"a number above 0: --scale {name}=0.1")
    return given | fitted


def limits_of(pairs: tuple[tuple[str, str], ...]) -> dict[str, tuple[float, float]]:
    """`(("x", "0.1,"),)` as {"x": (0.1, inf)}; raises TextMalformed.

    >>> limits_of((("x", "0.1,"), ("y", "0, 5")))
    {'x': (0.1, inf), 'y': (0.0, 5.0)}
    """
    found = {}
    for name, text in pairs:
        ends = [part.strip() for part in str(text).split(",")]
        try:
            lower, upper = (float(end or open_) for end, open_ in zip(ends, ("-inf", "inf"), strict=True))
        except ValueError:
            lower, upper = inf, -inf
        if not lower < upper:
            raise TextMalformed(
                f'--limits gives {name} the range "{text}"', help=f"write --limits {name}=0.1,10; a side may be empty"
            )
        found[name] = (lower, upper)
    return found
