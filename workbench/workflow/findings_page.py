"""What an experiment found as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .findings_text import Sources, cell, head, numeric, said

if TYPE_CHECKING:
    from ..findings import ResultTable
    from ..runs import Reproduction


def page(reproduction: Reproduction, pictures: Sequence[str]) -> str:
    """The page; `pictures` are the names of files beside it, in the order of the findings' pictures."""
    findings, config, sources = reproduction.findings, reproduction.config, Sources()
    seeds = config.get("seeds") or []
    form = "quick" if config.get("quick") else "full"
    title = str(config.get("title", ""))
    lines = [f"# {reproduction.name}", "", f"{title[:1].upper()}{title[1:]} ({form} form, {_list(seeds)}).", ""]
    for table in findings.tables:
        lines += [f"## {table.title}", "", *_table(table, sources), ""]
    if findings.claims:
        lines += ["## Claims", ""]
        for claim in findings.claims:
            text, outcome = said(claim, sources)
            lines.append(f"- {text}: {outcome}.")
        lines.append("")
    for picture, file in zip(findings.pictures, pictures, strict=True):
        lines += [f"![{picture.title}]({file})", ""]
    if findings.notes:
        lines += ["## Notes", "", *(f"- {note}" for note in findings.notes), ""]
    if cited := sources.lines(findings.sources):
        lines += ["## Sources", "", *(f"- {line}" for line in cited), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(table: ResultTable, sources: Sources) -> Iterator[str]:
    right = set(numeric(table))
    yield _row([head(column, sources) for column in table.columns])
    yield _row(["---:" if i in right else "---" for i in range(len(table.columns))])
    for row in table.rows:
        yield _row([cell(value) for value in row])
    if table.note:
        yield from ("", table.note)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in cells) + " |"


def _list(seeds: Sequence[int]) -> str:
    if len(seeds) < 3:
        return f"{'seed' if len(seeds) == 1 else 'seeds'} {' and '.join(map(str, seeds))}"
    return f"seeds {seeds[0]}–{seeds[-1]}"
