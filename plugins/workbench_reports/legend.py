"""The legend of a page: what its charts hold, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .chart import Chart
from .markup import Element, tag

Charts = Sequence[tuple[str, Chart]]

WORDS = {
    "observed": {"fit": "observed", "phase": "observed"},
    "model": {"fit": "model", "phase": "model", "residuals": "training residuals", "loss": "training loss"},
    "band": {"fit": "95 % of new observations"},
    "held": {"fit": "held out"},
    "validated": {"fit": "validation"},
    "checked": {"residuals": "validation residuals"},
    "alternate": {"phase": "model, held out", "residuals": "held-out residuals", "loss": "validation loss"},
}
"""Look of a mark → what it shows in the charts of each kind."""


def legend(charts: Mapping[str, Charts]) -> Element | None:
    """One line of keys for the charts of each kind (fit, phase, residuals, loss); None without any."""
    found = {kind: {look for _, chart in some for look in chart.looks()} for kind, some in charts.items()}
    said = {
        look: "; ".join(dict.fromkeys(shown for kind, shown in words.items() if look in found.get(kind, ())))
        for look, words in WORDS.items()
    }
    keys = [tag("span", tag("i", class_=look), words) for look, words in said.items() if words]
    return tag("p", *keys, class_="legend") if keys else None
