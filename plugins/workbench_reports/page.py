"""One self-contained page of one run, or of several side by side: text, tables and inline SVG."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from .card import name_of
from .checks import checks, cost, verdict
from .estimates import parameters_table
from .legend import legend
from .markup import Element, tag
from .origin import choices, data, noise
from .run_charts import fit_charts, left_out, loss_charts, phase_charts, residual_charts
from .scores import baselines_table, further_scores, metrics_table
from .starts import starts
from .truth import truth

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is fetched and nothing is executed, whatever a run calls its columns."""


def page(runs: Sequence[Any]) -> str:
    """The whole document."""
    title = ", ".join(name_of(run) for run in runs)
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
    )
    body = tag("body", tag("main", *(article(run) for run in runs), class_="runs" if len(runs) > 1 else None))
    opening = str(head).replace("</head>", f"<style>\n{style}</style></head>")  # ours, and no text of a run
    return f'<!doctype html>\n<html lang="en">{opening}{body}</html>\n'


def article(run: Any) -> Element:
    """All of one run."""
    charts = {
        "fit": fit_charts(run),
        "phase": phase_charts(run),
        "residuals": residual_charts(run),
        "loss": loss_charts(run),
    }
    sections = [
        _lines("Data", [*data(run), *noise(run)]),
        _lines("Model", [*choices(run), *starts(run)]),
        _equations(run),
        _charts("Fit", charts["fit"], left_out(run)),
        _table("Parameters", parameters_table(run)),
        _table("Errors", metrics_table(run), further_scores(run)),
        _table("Baselines", baselines_table(run)),
        _charts("Phase portrait", charts["phase"]),
        _lines("Truth", truth(run)),
        _charts("Residuals", charts["residuals"]),
        _lines("Checks", checks(run)),
        _charts("Loss", charts["loss"]),
        _provenance(run),
    ]
    return tag("article", *_heading(run), legend(charts), *(part for section in sections for part in section))


def _heading(run: Any) -> list[Element]:
    word, *reasons = [line.strip().removeprefix("· ") for line in verdict(run)] or [""]
    known = word if word in ("good", "doubtful", "bad") else None
    badge = tag("span", word, class_="verdict" if known is None else f"verdict {known}") if word else None
    return [
        tag("h1", name_of(run)),
        tag("p", badge, f" {run.status}"),
        *([tag("ul", *(tag("li", reason) for reason in reasons))] if reasons else []),
    ]


def _lines(title: str, lines: Sequence[str]) -> list[Element]:
    """A section of lines as paragraphs; nothing without any."""
    said = [" ".join(line.split()) for line in lines]
    return [tag("h2", title), *(tag("p", line) for line in said)] if said else []


def _equations(run: Any) -> list[Element]:
    return [tag("h2", "Equations"), tag("pre", "\n".join(run.equations))] if run.equations else []


def _charts(title: str, charts: Sequence[tuple[str, Any]], note: str = "") -> list[Element]:
    if not charts:
        return []
    figures = [tag("figure", chart.svg(), tag("figcaption", caption)) for caption, chart in charts]
    said = [tag("p", note, class_="soft")] if note else []
    return [tag("h2", title), *said, tag("div", *figures, class_="charts")]


def _table(title: str, rows: Sequence[Sequence[str]], below: Sequence[str] = ()) -> list[Element]:
    """A table whose first row is its head; columns without content are left out."""
    if len(rows) < 2:
        return []
    kept = [i for i in range(len(rows[0])) if i == 0 or any(row[i].strip(" –") for row in rows[1:])]
    head = tag("tr", *(tag("th", rows[0][i]) for i in kept))
    body = [tag("tr", *(tag("td", row[i]) for i in kept)) for row in rows[1:]]
    table = tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll", tabindex="0")
    return [tag("h2", title), table, *(tag("p", " ".join(line.split())) for line in below)]


def _provenance(run: Any) -> list[Element]:
    """Versions, seed, the digest of the data, and the command that fits again."""
    made = run.provenance or {}
    packages = ", ".join(f"{name} {version}" for name, version in (made.get("packages") or {}).items() if version)
    said = [
        f"made {made['created']}" if made.get("created") else "",
        f"Python {made['python']}, {packages}" if made.get("python") else "",
        f"{made['platform']}, {made.get('processors')} processors" if made.get("platform") else "",
        f"seed {made['seed']}" if made.get("seed") is not None else "",
        f"data {run.dataset.sha256}" if run.dataset.sha256 else "",
        *cost(run),
    ]
    lines = [tag("p", " ".join(line.split())) for line in said if line]
    words = made.get("argv") or []
    again = [tag("pre", shlex.join(["workbench", *map(str, words)]))] if words[:1] == ["fit"] else []
    return [tag("h2", "Provenance"), *lines, *again] if lines or again else []
