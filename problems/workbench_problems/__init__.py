"""The library of systems: one problem file each, small real data sets beside them."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from workbench import hookimpl


@hookimpl
def offer_problems() -> list[Traversable]:
    """Every TOML file of this folder."""
    found = [file for file in files(__name__).iterdir() if file.name.endswith(".toml")]
    return sorted(found, key=lambda file: file.name)
