"""Pictures of findings: panels of curves and rasters, drawn to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..axes import STYLE, make_room
from .figure_file import BLACK, BLUE, GREY, ORANGE, legend, plain_logarithms, saved

if TYPE_CHECKING:
    from ..findings import Panel, Picture, Series

# Okabe & Ito (2008), Color Universal Design: distinct under every common colour blindness.
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK)
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "osD^vP*"
ACROSS = 3  # panels


def drawn(picture: Picture, path: Path) -> Path:
    """The file of a picture, its suffix the format; one colour and dash a label over all panels. Raises NotWritable."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    across = ACROSS if len(picture.panels) not in (2, 4) else 2
    across = min(len(picture.panels), across)
    down = -(-len(picture.panels) // across)
    looks = _looks(picture)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(3.3 * across, 5.2), 2.9 * down + 0.7), layout="constrained")
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for panel, axis in zip(picture.panels, axes, strict=False):
            _draw(axis, panel, looks)
        for axis in axes[len(picture.panels) :]:
            axis.remove()
        figure.suptitle(picture.title, fontsize=10.5)
        legend(figure)
        make_room(figure)
        return saved(figure, path)


def _looks(picture: Picture) -> dict[str, dict[str, Any]]:
    """Label → colour, dash and marker, in the order in which the labels come; references are black or grey."""
    found: dict[str, dict[str, Any]] = {}
    references = 0
    for series in (one for panel in picture.panels for one in panel.series):
        if series.label in found:
            continue
        i = len(found) - references
        if series.style == "reference":
            found[series.label] = {"color": (BLACK, GREY)[references % 2], "ls": (0, (2, 2)), "marker": ""}
            references += 1
        else:
            look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            found[series.label] = look | {"ls": DASHES[(i // len(COLOURS) + i) % len(DASHES)]}
    return found


def _draw(axis: Any, panel: Panel, looks: dict[str, dict[str, Any]]) -> None:
    if panel.raster is not None:
        raster = panel.raster
        shown = axis.imshow(raster.values, extent=raster.extent, origin="lower", cmap="cividis", aspect="auto")
        axis.figure.colorbar(shown, ax=axis, label=raster.label)
    for series in panel.series:
        _curve(axis, series, looks[series.label])
    axis.set_title(panel.title)
    axis.set_xlabel(panel.x_label)
    axis.set_ylabel(panel.y_label)
    if panel.log_x:
        axis.set_xscale("log")
        plain_logarithms(axis.xaxis)
    if panel.log_y:
        axis.set_yscale("log")
        plain_logarithms(axis.yaxis)
    if panel.equal:
        axis.set_aspect("equal", adjustable="datalim" if panel.raster is None else "box")


def _curve(axis: Any, series: Series, look: dict[str, Any]) -> None:
    shown = dict(look)
    if series.style in ("line", "reference"):
        shown["marker"] = ""
    elif series.style == "points":
        shown["ls"] = ""
    axis.plot(series.x, series.y, ms=3.5, lw=1.4, label=series.label, zorder=3, **shown)
    if series.low is not None and series.high is not None:
        axis.fill_between(series.x, series.low, series.high, color=look["color"], alpha=0.18, lw=0)
