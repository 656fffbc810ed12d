"""What an experiment found, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .output import bold, table

if TYPE_CHECKING:
    from ..runs import Reproduction

WIDTH = 100


def findings_card(reproduction: Reproduction) -> str:
    """Tables, claims, notes and sources, ending in a line break."""
    from ..workflow.findings_text import Sources, cell, head, numeric, tally

    findings, config, sources = reproduction.findings, reproduction.config, Sources()
    form = "quick form" if config.get("quick") else "full form"
    lines = [f"{bold(reproduction.name)} · {config.get('title', '')} · {form}"]
    for found in findings.tables:
        heads = [head(column, sources) for column in found.columns]
        rows = [[cell(value) for value in row] for row in found.rows]
        shown = table(heads, rows, numeric(found))
        lines += ["", bold(found.title), textwrap.indent(shown, "  "), *_wrapped(found.note, "  ")]
    if findings.claims:
        lines += ["", bold(f"claims: {tally(findings)}"), *_claims(reproduction, sources)]
    if findings.notes:
        lines += ["", bold("notes"), *(line for note in findings.notes for line in _wrapped(note, "  · ", "    "))]
    if cited := sources.lines(findings.sources):
        lines += ["", bold("sources"), *(line for one in cited for line in _wrapped(one, "  ", "      "))]
    return "\n".join(lines) + "\n"


def _claims(reproduction: Reproduction, sources: object) -> Iterator[str]:
    from ..workflow.findings_text import Sources, said

    assert isinstance(sources, Sources)
    for claim in reproduction.findings.claims:
        text, outcome = said(claim, sources)
        yield from _wrapped(text, "  · ", "    ")
        yield from _wrapped(outcome, "    ")


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest)
