"""A figure of profiles: the loss against each unknown, the threshold, and both intervals."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..axes import STYLE, make_room, with_unit
from .figure_file import BLUE, GREY, ORANGE, legend, plain_logarithms, require_suffix, saved

if TYPE_CHECKING:
    from .profiles import Profile, Profiles

ABREAST = 3


def draw(profiles: Profiles, path: Path) -> Path:
    """The file, with a panel for each profile; raises UsageError for another suffix, NotWritable."""
    import matplotlib as mpl

    require_suffix(path)
    with mpl.rc_context(STYLE):
        return saved(figure_of(profiles), path)


def figure_of(profiles: Profiles) -> Any:
    """The figure itself, of matplotlib."""
    from matplotlib.figure import Figure

    n = len(profiles.parameters)
    columns = min(n, ABREAST)
    lines = ceil(n / columns)
    figure = Figure(figsize=(max(3.1 * columns + 0.4, 4.8), 2.6 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, profile in zip(panels, profiles.parameters.values(), strict=False):
        _panel(panel, profile, profiles)
    for panel in panels[:n:columns]:
        panel.set_ylabel("rise of the loss / threshold")
    for panel in panels[n:]:
        panel.remove()
    legend(figure)
    make_room(figure)
    return figure


def _panel(panel: Any, profile: Profile, profiles: Profiles) -> None:
    rise = (profile.loss - profiles.minimum) / profiles.threshold
    seen = rise < 3
    panel.plot(profile.at[seen], rise[seen], ".-", color=BLUE, lw=1.4, ms=5, label="profile")
    panel.axhline(1.0, color=GREY, lw=1, ls="--", label=f"threshold, {100 * profiles.level:g} %")
    if profile.gauss_newton:
        low, high = profile.gauss_newton
        panel.plot([low, high], [0.04, 0.04], "|-", color=ORANGE, lw=1.4, label="Gauss–Newton interval")
    panel.plot([profile.value], [0], "o", color=BLUE, ms=4)
    shown = profile.at[seen]
    if shown.size and (shown > 0).all() and shown.max() > 50 * shown.min():
        panel.set_xscale("log")
        plain_logarithms(panel.xaxis)
    panel.set_ylim(-0.05, 1.0 + 0.25 * bool(np.any(rise >= 1)) + 0.1)
    panel.set_xlabel(with_unit(profile.name, profile.unit))
    whose = f"trajectory {profile.trajectory}: " if profile.trajectory else ""
    panel.set_title(f"{whose}{profile.verdict}")
