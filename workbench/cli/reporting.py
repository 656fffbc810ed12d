"""Runs through reporters: the card for the terminal, the figures for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..registry import by_kind, installed


def card(run: Any, path: Path | None, plugin_files: Sequence[Path] = ()) -> str:
    """The card of a run by the reporter `text`; a run that has just been stored is shown as it stands in its file."""
    if path is not None and not hasattr(run, "path"):
        from ..runs import Run

        run = Run.open(path)
    return str(installed(plugin_files).make("reporter", "text").render([run], None))


def rendered(
    runs: Sequence[Any],
    name: str,
    out: Path | None,
    settings: Mapping[str, Any],
    plugin_files: Sequence[Path] = (),
) -> Sequence[Path] | str:
    """What the reporter `name` makes of the runs: text, or the files that it wrote; `settings` as `-S` gives them."""
    reporter = installed(plugin_files).make("reporter", name, by_kind(settings)["reporter"])
    found: Sequence[Path] | str = reporter.render(list(runs), out)
    return found


def figures(
    runs: Sequence[Any],
    out: Path | None,
    settings: Mapping[str, Any],
    plugin_files: Sequence[Path] = (),
) -> Sequence[Path]:
    """The files that the reporter `figures` has written; `settings` are as `-S` gives them."""
    written = rendered(runs, "figures", out, settings, plugin_files)
    assert not isinstance(written, str)
    return list(written)
