"""The charts of a run: fit, phase portrait, residuals, loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from .chart import Band, Bars, Chart, Line, Mark, Points, Stretch
from .origin import with_unit
from .stretches import TEST, TRAIN, between_jumps, observed_curve, spans, split_time, state_curve, state_label
from .stretches import VALIDATION as VALIDATED
from .ticks import flat_range

MOST_TRAJECTORIES, MOST_CHANNELS, MOST_PORTRAITS = 6, 6, 6


def fit_charts(run: Any) -> list[tuple[str, Chart]]:
    """One a channel and trajectory with its caption: observations, curve, band, what was held out."""
    data, found = run.dataset, []
    if observed_curve(run, 0) is None:
        return []
    for channel in range(min(data.n_channels, MOST_CHANNELS)):
        name = with_unit(data, data.channels[channel])
        for trajectory in range(min(data.n_trajectories, MOST_TRAJECTORIES)):
            caption = data.channels[channel]
            if data.n_trajectories > 1:
                caption += f", trajectory {data.trajectories[trajectory]}"
            found.append((caption, _fit(run, trajectory, channel, name, caption)))
    return found


def left_out(run: Any) -> str:
    """What of the data the charts of the fit do not show; empty where they show all."""
    data, said = run.dataset, []
    if data.n_trajectories > MOST_TRAJECTORIES:
        said.append(f"the first {MOST_TRAJECTORIES} of {data.n_trajectories} trajectories")
    if data.n_channels > MOST_CHANNELS:
        said.append(f"the first {MOST_CHANNELS} of {data.n_channels} channels")
    return " and ".join(said)


def _fit(run: Any, trajectory: int, channel: int, name: str, caption: str) -> Chart:
    data, rows = run.dataset, run.dataset.rows(trajectory)
    t, y, part = data.t[rows], data.values[rows, channel], run.part[rows]
    marks: list[Mark] = []
    seen = [y]
    for mark, look in ((TEST, "held"), (VALIDATED, "validated")):
        marks += [Stretch(look, first, last) for first, last in spans(t, part, mark)]
    if run.lower is not None and run.upper is not None:
        seen += [run.lower[rows, channel], run.upper[rows, channel]]
        marks.append(Band("band", t, *seen[1:]))
    marks.append(Points("observed", t, y))
    curve = observed_curve(run, trajectory)
    if curve is not None:
        marks.append(Line("model", curve.t, curve.values[:, channel]))
        seen.append(curve.values[:, channel])
    return Chart(f"fit of {caption}", with_unit(data, data.time), name, marks, y_range=_near(*seen))


def _near(y: np.ndarray, *others: np.ndarray) -> tuple[float, float] | None:
    """The range of the data, and of the rest as far as once beyond it: a blow-up must not flatten the others."""
    observed = y[np.isfinite(y)]
    if not observed.size:
        return None
    low, high = float(observed.min()), float(observed.max())
    room = (high - low) or abs(high) or 1.0
    every = np.concatenate([observed, *others])
    near = every[np.isfinite(every) & (every > low - room) & (every < high + room)]
    margin = 0.06 * ((near.max() - near.min()) or room)
    return float(near.min() - margin), float(near.max() + margin)


def phase_charts(run: Any) -> list[tuple[str, Chart]]:
    """The plane of the first two states (or channels); nothing where there is one."""
    curves = []
    for trajectory in range(min(run.dataset.n_trajectories, MOST_PORTRAITS)):
        found = state_curve(run, trajectory)
        if found is not None:
            rows = run.dataset.rows(trajectory)
            curves.append((found[0], between_jumps(found[1]), split_time(run.dataset.t[rows], run.part[rows])))
    if not curves or len(curves[0][0]) < 2:
        return []
    names, data = curves[0][0], run.dataset
    marks: list[Mark] = []
    if names[0] in data.channels and names[1] in data.channels:
        marks.append(Points("observed", *(data.values[:, data.channels.index(name)] for name in names[:2])))
    for _, curve, split in curves:
        x, y = curve.values[:, 0], curve.values[:, 1]
        before = curve.t <= split
        after = ~before
        after[:-1] |= after[1:]  # from the last time before the split on, so that the line does not break
        marks.append(Line("model", np.where(before, x, np.nan), np.where(before, y, np.nan)))
        if not before.all():
            marks.append(Line("alternate", np.where(after, x, np.nan), np.where(after, y, np.nan)))
    caption = f"{names[1]} against {names[0]}"
    seen = [[mark for mark in marks if isinstance(mark, kind)] for kind in (Points, Line)]
    of = seen[0] or seen[1]
    ranges = [_near(*(_joined(part, axis) for part in (of, seen[1]))) for axis in "xy"]
    chart = Chart(
        f"phase portrait, {caption}",
        state_label(run, names[0]),
        state_label(run, names[1]),
        marks,
        y_range=ranges[1],
        x_range=ranges[0],
    )
    return [(caption, chart)]


def _joined(marks: list[Any], axis: str) -> np.ndarray:
    return np.concatenate([getattr(mark, axis) for mark in marks])


def residual_charts(run: Any) -> list[tuple[str, Chart]]:
    """Over time and as a histogram, for each channel: those of the loss, else observed − predicted."""
    data = run.dataset
    residual = run.residual
    if residual is None:
        if run.prediction is None:
            return []
        residual = data.values - run.prediction
    found = []
    for channel in range(min(data.n_channels, MOST_CHANNELS)):
        r, name = np.asarray(residual)[:, channel], data.channels[channel]
        words = with_unit(data, name, "residual")
        trained = r[(run.part == TRAIN) & np.isfinite(r)]
        spread = float(np.sqrt(np.mean(trained**2))) if trained.size else 0.0
        looks = ((TRAIN, "model"), (VALIDATED, "checked"), (TEST, "alternate"))
        marks: list[Mark] = [
            Line("rule", np.array([data.t.min(), data.t.max()]), np.full(2, level * spread)) for level in (-2, 0, 2)
        ]
        for part, look in looks:
            here = run.part == part
            marks += [Points(look, data.t[here], r[here])] if here.any() else []
        over = Chart(f"residuals of {name}", with_unit(data, data.time), words, marks)
        found.append((f"residuals of {name}", over))
        if trained.size >= 8 and spread > 0:
            heights, edges = np.histogram(trained, bins=min(30, max(6, int(np.sqrt(trained.size)))))
            bars = Bars("bars", edges, heights.astype(float))
            top = float(heights.max()) * 1.06
            chart = Chart(f"histogram, {name}", words, "training values", [bars], (0.0, top))
            found.append((f"their distribution, {name}", chart))
    return found


def loss_charts(run: Any) -> list[tuple[str, Chart]]:
    """The loss of the last rung that took steps, against the step, with the validation loss."""
    number = run.history.get("number")
    loss = _column(run, "loss")
    if number is None or loss is None or not np.isfinite(loss).any():
        return []
    rungs = run.history.get("rung", [""] * len(loss))
    words = [each.decode() if isinstance(each, bytes) else str(each) for each in rungs]
    found = []
    order = list(dict.fromkeys(words))[-3:]
    for rung in order:
        here = np.array([word == rung for word in words])
        x, y = np.asarray(number, dtype=float)[here], loss[here]
        marks: list[Mark] = [Line("model", x, y), Points("model", x, y)] if len(x) <= 40 else [Line("model", x, y)]
        validation = _column(run, "validation")
        if validation is not None and np.isfinite(validation[here]).any():
            there = np.isfinite(validation[here])  # it is not looked at in every step
            marks += [kind("alternate", x[there], validation[here][there]) for kind in (Line, Points)]
        finite = np.concatenate([mark.y[np.isfinite(mark.y)] for mark in marks if isinstance(mark, Line)])
        log = bool(finite.size and finite.min() > 0 and finite.max() > 5 * finite.min())
        caption = f"loss, {rung}" if rung else "loss"
        flat = None if log else flat_range(finite)
        found.append((caption, Chart(caption, "step", "loss", marks, log_y=log, y_range=flat, whole_x=True)))
    return found


def _column(run: Any, name: str) -> np.ndarray | None:
    column = run.history.get(name)
    return None if column is None else np.array([np.nan if v is None else v for v in column], dtype=float)
