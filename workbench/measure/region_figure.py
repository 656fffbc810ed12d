"""The region of stability of a method, drawn from single steps of its own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contracts import Solver
from ..engine.stability import amplification

INSIDE, RULE = "#0072B2", "#b0b0b0"  # Okabe & Ito (2008), Color Universal Design


def region_figure(solver: Solver, name: str, note: str = "") -> Any:
    """|R(z)| ≤ 1 in the complex plane, as a matplotlib Figure; `solver` takes steps of length 1."""
    from matplotlib.figure import Figure

    x, y = np.linspace(-8, 4, 361), np.linspace(-6, 6, 361)
    with np.errstate(all="ignore"):
        size = np.minimum(np.abs(amplification(solver, x[None, :] + 1j * y[:, None])), 1e3)
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    if (size <= 1).any():
        axes.contourf(x, y, size, levels=[0, 1], colors=[INSIDE], alpha=0.35)
        axes.contour(x, y, size, levels=[1], colors=[INSIDE], linewidths=1.5)
    axes.axhline(0, color=RULE, lw=0.8)
    axes.axvline(0, color=RULE, lw=0.8)
    axes.set_aspect("equal")
    axes.set(
        xlabel="Re hλ", ylabel="Im hλ", title=f"{name}: where one step does not grow" + (f"\n{note}" if note else "")
    )
    return figure


def save_figure(figure: Any, path: Path) -> None:
    """The file, undated, so that the same figure gives the same bytes; its suffix decides the format."""
    import matplotlib

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
    with matplotlib.rc_context({"svg.hashsalt": "workbench"}):
        figure.savefig(path, dpi=150, metadata=undated)
