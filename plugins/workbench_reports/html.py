"""The reporter `html`: one self-contained page of one run, or of several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .saving import written


@dataclass(frozen=True)
class HtmlReporter:
    """A page without scripts and without addresses: text, tables and inline SVG, in a light and a dark scheme."""

    def render(self, runs: Sequence[Any], out: Path | None) -> Sequence[Path] | str:
        """The page as text; written to the file `out` if one is given. Raises NotWritable (R007)."""
        from .page import page

        text = page(runs)
        return text if out is None else [written(out, lambda path: path.write_text(text, encoding="utf-8"))]


def html() -> HtmlReporter:
    """Reporter `html`, without options."""
    return HtmlReporter()
