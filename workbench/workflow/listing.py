"""What plugins there are."""

from __future__ import annotations

from ..registry import Listed, PluginInfo, installed


def solvers() -> list[Listed]:
    """Every solver: its offer, options and distribution."""
    return installed().offers("solver")


def dynamics() -> list[Listed]:
    """Every family of dynamics."""
    return installed().offers("dynamics")


def losses() -> list[Listed]:
    """Every loss."""
    return installed().offers("loss")


def problems() -> list[str]:
    """The names in the library of systems."""
    return list(installed().problems())


def plugins() -> list[PluginInfo]:
    """Every plugin: loaded, failed or disabled."""
    return installed().plugins()
