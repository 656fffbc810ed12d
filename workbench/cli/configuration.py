"""Where values come from: flag, WORKBENCH_* variable, --config, ./workbench.toml, the user's file, default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..errors.base import Where
from ..errors.nearest import did_you_mean
from ..errors.usage import ConfigurationWrong
from ..registry.settings import SETTABLE
from .commands import COMMANDS

PROJECT_FILE = Path("workbench.toml")
ONLY_TYPED = {"plugin", "config", "resume", "setting", "json", "dry_run", "help"}
"""Options that are given on the command line or not at all; --plugin, because it runs code."""

MAX_BYTES = 1_000_000
SETTINGS = "workbench.settings"  # where click's context keeps the settings of configuration files


class ConfiguredCommand(click.Command):
    """A command whose options can also be set by environment variables and configuration files."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for flag, option in configurable(self).items():
            option.envvar = [f"WORKBENCH_{str(self.name).upper()}_{flag.upper()}", f"WORKBENCH_{flag.upper()}"]
        self.params.append(
            click.Option(
                ["--config"],
                type=click.Path(path_type=Path),
                metavar="FILE",
                is_eager=True,
                expose_value=False,
                callback=_configure,
                envvar="WORKBENCH_CONFIG",
                help="Read options from a TOML file; flags and WORKBENCH_* variables come before it.",
            )
        )


def configurable(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that files and variables may set, by the name of the flag: `max_time`."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    named = {max(option.opts, key=len).lstrip("-").replace("-", "_"): option for option in options}
    return {flag: option for flag, option in named.items() if flag not in ONLY_TYPED}


def _configure(ctx: click.Context, parameter: click.Parameter, given: Path | None) -> None:
    if ctx.resilient_parsing:
        return
    options: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for file in _files(given):  # the last word is the nearest file's
        document = read(file)
        options |= options_of(document, ctx.command, file)
        settings |= settings_of(document)
    ctx.default_map = options
    ctx.meta[SETTINGS] = settings


def _files(given: Path | None) -> list[Path]:
    from platformdirs import user_config_path

    files = [user_config_path("workbench") / "config.toml", PROJECT_FILE]
    return [file for file in files if file.is_file()] + ([given] if given is not None else [])


def read(file: Path) -> dict[str, Any]:
    """The file as TOML, its tables being commands or kinds of plugins; raises ConfigurationWrong with file and line."""
    try:
        text = file.read_bytes()[: MAX_BYTES + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationWrong(
            f"the configuration cannot be read: {reason}", help="give the path of a TOML file", where=Where(str(file))
        ) from error
    if len(text) > MAX_BYTES:
        raise ConfigurationWrong("a configuration is smaller than 1 MB", where=Where(str(file)))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        where = Where(str(file), *(int(part) for part in place.groups())) if place else Where(str(file))
        message = str(error).partition(" (at ")[0]
        raise ConfigurationWrong(f"this is no TOML: {message}", where=where) from error
    known = [*COMMANDS, *SETTABLE]
    for key, value in document.items():
        if key not in known or not isinstance(value, Mapping):
            hint = did_you_mean(key, known) or "tables are commands such as [fit] and kinds such as [solver]"
            raise ConfigurationWrong(f'"{key}" is no table of a configuration', help=hint, where=_line(file, text, key))
    return document


def options_of(document: Mapping[str, Any], command: click.Command, file: Path) -> dict[str, Any]:
    """The options that the table of `command` sets, as click's default map; raises ConfigurationWrong."""
    known = configurable(command)
    options: dict[str, Any] = {}
    for key, value in document.get(str(command.name), {}).items():
        name = key.replace("-", "_")
        if name not in known:
            hint = did_you_mean(name, known) or f"workbench {command.name} --help"
            where = _line(file, file.read_text("utf-8"), key)
            raise ConfigurationWrong(f'{command.name} has no option "{key}" in a file', help=hint, where=where)
        options[str(known[name].name)] = _as_option(value, known[name])
    return options


def settings_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """`[solver] rtol = 1e-8` as {"solver.rtol": 1e-08}, for every kind of plugin.

    >>> settings_of({"solver": {"rtol": 1e-8}, "fit": {}})
    {'solver.rtol': 1e-08}
    """
    return {f"{kind}.{name}": value for kind in SETTABLE for name, value in document.get(kind, {}).items()}


def _as_option(value: Any, parameter: click.Option) -> Any:
    """A TOML value in the form that click's types read: tables of pairs become `name=value`, lists are joined."""
    if isinstance(value, Mapping):
        return [f"{key}={item}" for key, item in value.items()]
    if isinstance(value, list) and not parameter.multiple:
        return ",".join(str(item) for item in value)
    if parameter.multiple and not isinstance(value, list):
        return [value]
    return value


def _line(file: Path, text: str, key: str) -> Where:
    pattern = re.compile(rf'^\s*(?:\[+\s*(?:[\w-]+\s*\.\s*)*)?"?{re.escape(key)}"?\s*(?:=|\.|\])')
    lines = (number for number, line in enumerate(text.splitlines(), start=1) if pattern.match(line))
    return Where(str(file), next(lines, None))
