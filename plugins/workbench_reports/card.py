"""The card of a run: what was fitted, how well, and how far to trust it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checks import checks, cost, verdict
from .estimates import correlation, equations, parameters
from .linear import linear
from .origin import choices, data, next_commands, noise
from .scores import baselines, metrics
from .starts import starts
from .truth import truth

Section = Callable[[Any], Sequence[str]]

SECTIONS: tuple[tuple[str, Section], ...] = (
    ("data", data),
    ("choices", choices),
    ("noise", noise),
    ("starts", starts),
    ("parameters", parameters),
    ("correlation", correlation),
    ("equations", equations),
    ("linear system", linear),
    ("metrics", metrics),
    ("baselines", baselines),
    ("truth", truth),
    ("checks", checks),
    ("verdict", verdict),
    ("cost", cost),
    ("next", next_commands),
)


@dataclass(frozen=True)
class TextReporter:
    """Cards of runs as plain text, `width` characters wide."""

    width: int = 100

    def render(self, runs: Sequence[Any], out: Path | None) -> Sequence[Path] | str:
        """The cards one after the other; written to the file `out` if one is given."""
        text = "\n".join(card(run, self.width) for run in runs)
        if out is None:
            return text
        from .saving import written

        return [written(out, lambda path: path.write_text(text, encoding="utf-8"))]


def text(width: int = 100) -> TextReporter:
    """Reporter `text`; `width` is the longest line."""
    return TextReporter(width)


def card(run: Any, width: int = 100) -> str:
    """One run as text; a section without content is left out."""
    lines = [f"{name_of(run)} · {run.status}"]
    for title, section in SECTIONS:
        content = section(run)
        if content:
            lines += ["", title, *(line for long in content for line in _wrapped(long, width))]
    return "\n".join(lines) + "\n"


def name_of(run: Any) -> str:
    """The name of a stored run; "(not stored)" for one that is only in memory."""
    return getattr(run, "name", None) or "(not stored)"


def _wrapped(line: str, width: int) -> list[str]:
    """A line, broken at blanks where it is too long, the rest hanging under its text."""
    if len(line) <= width:
        return [line]
    hang = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
