"""Charts as inline SVG, coloured by the style sheet, so that they follow a light or a dark scheme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .markup import Element, tag
from .ticks import labels, linear_ticks, log_ticks

WIDTH, HEIGHT = 380.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 76.0, 18.0, 10.0, 42.0
LETTER = 8.5  # the width of a digit and of the room between labels
EDGE = 0.015  # room beside the first and the last point
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
INNER = f"{LEFT:g} {TOP:g} {INNER_WIDTH:g} {INNER_HEIGHT:g}"
MOST_POINTS = 1500
"""Points of a series that are drawn; of more, evenly chosen ones."""


@dataclass(frozen=True)
class Line:
    """y over x as a line of a class of the style sheet; NaN interrupts it."""

    look: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Points:
    """Dots of a class of the style sheet."""

    look: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Band:
    """The area between low and high over x."""

    look: str
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Bars:
    """Bars between edges (n + 1,) of heights (n,)."""

    look: str
    edges: np.ndarray
    heights: np.ndarray


@dataclass(frozen=True)
class Stretch:
    """A stretch of x over the whole height."""

    look: str
    first: float
    last: float


Mark = Line | Points | Band | Bars | Stretch


@dataclass(frozen=True)
class Chart:
    """Marks on a pair of axes; the first lie lowest. `y_range` holds the height to what matters."""

    description: str
    x_label: str
    y_label: str
    marks: Sequence[Mark]
    y_range: tuple[float, float] | None = None
    x_range: tuple[float, float] | None = None
    log_y: bool = False
    whole_x: bool = False  # x counts, and has no ticks between

    def looks(self) -> set[str]:
        """The looks of its marks, those left out that have nothing finite to show."""
        return {
            mark.look
            for mark in self.marks
            if isinstance(mark, Stretch) or any(np.isfinite(np.asarray(part, dtype=float)).any() for part in _ys(mark))
        }

    def svg(self) -> Element:
        """The drawing, as wide as its place on the page."""
        x = [part for mark in self.marks for part in _xs(mark)]
        across = _axis(self.x_range or _ends(x, EDGE), LEFT, WIDTH - RIGHT, False)
        ys = self.y_range or _ends([y for mark in self.marks for y in _ys(mark)], 0.06, self.log_y)
        up = _axis(ys, HEIGHT - BOTTOM, TOP, self.log_y)
        drawn = [_drawn(mark, across, up) for mark in self.marks]
        return tag(
            "svg",
            tag("title", self.description),
            tag("svg", *drawn, x=LEFT, y=TOP, width=INNER_WIDTH, height=INNER_HEIGHT, viewBox=INNER),
            *_ticks_across(across, self.whole_x),
            *_ticks_up(up),
            tag("path", d=f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}", class_="axis"),
            _text(self.x_label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, "middle"),
            _upright(self.y_label),
            viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
            role="img",
        )


@dataclass(frozen=True)
class Axis:
    """Data → page, with its range."""

    place: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    log: bool


def _axis(ends: tuple[float, float], at_low: float, at_high: float, log: bool) -> Axis:
    scale = np.log10 if log else np.asarray
    low, high = (float(scale(end)) for end in ends)

    def place(values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return at_low + (scale(np.asarray(values, dtype=float)) - low) * ((at_high - at_low) / (high - low))

    return Axis(place, *ends, log)


def _ends(parts: list[np.ndarray], margin: float = 0.0, log: bool = False) -> tuple[float, float]:
    """The range of what is finite (positive, on a logarithmic axis), with a margin, never empty."""
    values = np.concatenate([np.asarray(part, dtype=float).ravel() for part in parts]) if parts else np.zeros(0)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not values.size:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        return (low / 1.3, high * 1.3)
    room = (high - low) or abs(high) or 1.0
    return (low - margin * room, high + margin * room) if high > low else (low - 0.5 * room, high + 0.5 * room)


def _xs(mark: Mark) -> list[np.ndarray]:
    if isinstance(mark, Stretch):
        return [np.array([mark.first, mark.last])]
    return [mark.edges] if isinstance(mark, Bars) else [mark.x]


def _ys(mark: Mark) -> list[np.ndarray]:
    if isinstance(mark, Stretch):
        return []
    if isinstance(mark, Bars):
        return [np.append(mark.heights, 0.0)]
    return [mark.low, mark.high] if isinstance(mark, Band) else [mark.y]


def _drawn(mark: Mark, across: Axis, up: Axis) -> Element:
    if isinstance(mark, Stretch):
        left, right = across.place(np.array([mark.first, mark.last]))
        return tag("rect", x=float(left), y=TOP, width=float(right - left), height=INNER_HEIGHT, class_=mark.look)
    if isinstance(mark, Bars):
        x, y, zero = across.place(mark.edges), up.place(mark.heights), float(up.place(np.array(0.0)))
        steps = "".join(f"V{b:.1f}H{r:.1f}" for b, r in zip(y, x[1:], strict=True))
        return tag("path", d=f"M{x[0]:.1f} {zero:.1f}{steps}V{zero:.1f}Z", class_=mark.look)
    if isinstance(mark, Band):
        x, low, high = across.place(mark.x), up.place(mark.low), up.place(mark.high)
        there = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
        around = [*zip(x[there], low[there], strict=True), *zip(x[there][::-1], high[there][::-1], strict=True)]
        return tag("path", d=_path(np.array(around).reshape(-1, 2)) + ("Z" if around else ""), class_=mark.look)
    chosen = _chosen(len(mark.x))
    places = np.column_stack([across.place(mark.x), up.place(mark.y)])
    if isinstance(mark, Line):
        return tag("path", d=_path(places if len(places) <= 4 * MOST_POINTS else places[chosen]), class_=mark.look)
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places[chosen] if np.isfinite(x) and np.isfinite(y))
    return tag("path", d=dots or "M0 0", class_=f"dots {mark.look}")


def _chosen(n: int) -> np.ndarray:
    """Which of n points are drawn."""
    return np.arange(n) if n <= MOST_POINTS else np.unique(np.linspace(0, n - 1, MOST_POINTS).astype(int))


def _path(places: np.ndarray) -> str:
    """A line through places (point, 2), interrupted where one is not finite; far outside it is cut short."""
    text, pen = [], False
    for x, y in np.clip(places, -1e4, 1e4):
        there = np.isfinite(x) and np.isfinite(y)
        if there:
            text.append(f"{'L' if pen else 'M'}{x:.1f} {y:.1f}")
        pen = bool(there)
    return "".join(text) or "M0 0"


def _ticks_across(axis: Axis, whole: bool) -> list[Element]:
    found: list[Element] = []
    ticks = _apart(axis, whole)
    for tick, words in zip(ticks, labels(ticks), strict=True):
        x = float(axis.place(np.array(tick)))
        found.append(tag("path", d=f"M{x:.1f} {HEIGHT - BOTTOM}v4", class_="axis"))
        found.append(_text(words, x, HEIGHT - BOTTOM + 19, "middle"))
    return found


def _apart(axis: Axis, whole: bool) -> list[float]:
    """Ticks whose labels leave room between them."""
    for most in (5, 4, 3, 2, 1):
        ticks = linear_ticks(axis.low, axis.high, most, whole=whole)
        widest = max(map(len, labels(ticks))) * LETTER if ticks else 0.0
        if len(ticks) < 2 or float(np.diff(axis.place(np.array(ticks))).min()) > widest:
            return ticks
    return []


def _ticks_up(axis: Axis) -> list[Element]:
    found = []
    ticks = log_ticks(axis.low, axis.high, 5) if axis.log else linear_ticks(axis.low, axis.high, 5)
    for tick, words in zip(ticks, labels(ticks), strict=True):
        y = float(axis.place(np.array(tick)))
        found.append(tag("path", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", class_="grid"))
        found.append(_text(words, LEFT - 6, y + 4, "end"))
    return found


def _text(words: str, x: float, y: float, anchor: str) -> Element:
    return tag("text", _short(words, 46), x=float(x), y=float(y), text_anchor=anchor)


def _upright(words: str) -> Element:
    y = (TOP + HEIGHT - BOTTOM) / 2
    return tag("text", _short(words, 30), transform=f"translate(11 {y:.1f}) rotate(-90)", text_anchor="middle")


def _short(words: str, most: int) -> str:
    """A text on one line, cut where there is no room for more."""
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"
