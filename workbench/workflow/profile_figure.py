"""A figure of profiles: the loss against each unknown, the threshold, and both intervals."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .figure_file import BLUE, GREY, ORANGE, require_suffix, saved

if TYPE_CHECKING:
    from .profiles import Profile, Profiles

ABREAST = 3


def draw(profiles: Profiles, path: Path) -> Path:
    """The file, with a panel for each profile; raises UsageError for another suffix, NotWritable."""
    from matplotlib.figure import Figure

    require_suffix(path)
    n = len(profiles.parameters)
    columns = min(n, ABREAST)
    lines = ceil(n / columns)
    figure = Figure(figsize=(3.1 * columns + 0.4, 2.5 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, profile in zip(panels, profiles.parameters.values(), strict=False):
        _panel(panel, profile, profiles)
    for panel in panels[:n:columns]:
        panel.set_ylabel("rise of the loss / threshold", fontsize=8)
    for panel in panels[n:]:
        panel.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8)
    return saved(figure, path)


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
    panel.set_ylim(-0.05, 1.0 + 0.25 * bool(np.any(rise >= 1)) + 0.1)
    panel.set_title(f"{profile.name}: {profile.verdict}", fontsize=8.5)
    panel.tick_params(labelsize=8)
