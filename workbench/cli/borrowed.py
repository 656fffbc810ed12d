"""Options that one command takes over from another, so that each is defined once."""

from __future__ import annotations

import copy
from collections.abc import Collection

import click


def options_of(command: click.Command, without: Collection[str]) -> list[click.Parameter]:
    """Copies of a command's options, but for those named `without` and --config, which every command has of its own."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    return [copy.copy(each) for each in options if each.name not in without and "--config" not in each.opts]
