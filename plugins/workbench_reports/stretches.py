"""What a figure draws of one trajectory, taken from the run itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench import axes

from .origin import with_unit

TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True)
class Curve:
    """The fitted free run of one trajectory: t (time,), values (time, column)."""

    t: np.ndarray
    values: np.ndarray
    dense: bool  # stored between the observations too, not only at them


def observed_curve(run: Any, trajectory: int) -> Curve | None:
    """The channels as predicted: the stored dense curve, else the prediction at the observations, else None."""
    dense = _dense(run, trajectory, "observed", run.dataset.channels)
    if dense is not None or run.prediction is None:
        return dense
    rows = run.dataset.rows(trajectory)
    return Curve(run.dataset.t[rows], run.prediction[rows], dense=False)


def state_curve(run: Any, trajectory: int) -> tuple[tuple[str, ...], Curve] | None:
    """The states with their names, as `observed_curve`; the channels stand in where a run holds no states."""
    if run.state_names:
        dense = _dense(run, trajectory, "states", run.state_names)
        if dense is not None:
            return run.state_names, dense
        if run.states is not None:
            rows = run.dataset.rows(trajectory)
            return run.state_names, Curve(run.dataset.t[rows], run.states[rows], dense=False)
    curve = observed_curve(run, trajectory)
    return None if curve is None else (run.dataset.channels, curve)


def between_jumps(curve: Curve) -> Curve:
    """The curve with a point of NaN where it jumps, which a line breaks at: a dense curve has that time twice."""
    jumps = np.flatnonzero(np.diff(curve.t) == 0) + 1 if curve.dense else np.zeros(0, dtype=int)
    return Curve(np.insert(curve.t, jumps, curve.t[jumps]), np.insert(curve.values, jumps, np.nan, axis=0), curve.dense)


def state_label(run: Any, name: str) -> str:
    """A state with its unit, where the data or the stored curve know one."""
    return with_unit(run.dataset, name) if name in run.dataset.units else axes.with_unit(name, _unit(run, name))


def rate_label(run: Any, name: str) -> str:
    """The rate of change of a state, with its unit where those of the state and of time are known."""
    time = run.dataset.time
    units = _unit(run, name), run.dataset.units.get(time, "")
    return axes.with_unit(f"d {name}/d {time}", "/".join(units) if all(units) else "")


def _unit(run: Any, name: str) -> str:
    known = (run.diagnostics.get("curve") or {}).get("units", {})
    return str(run.dataset.units.get(name) or known.get(name, ""))


def spans(t: np.ndarray, part: np.ndarray, mark: int) -> Iterator[tuple[float, float]]:
    """The stretches of time (first, last) in which the part is `mark`, reaching half-way to their neighbours."""
    inside = np.flatnonzero(part == mark)
    for block in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
        if block.size:
            first, last = block[0], block[-1]
            left = t[first] if first == 0 else (t[first - 1] + t[first]) / 2
            right = t[last] if last == len(t) - 1 else (t[last] + t[last + 1]) / 2
            yield float(left), float(right)


def split_time(t: np.ndarray, part: np.ndarray) -> float:
    """Where the held-out part begins: half-way to its first time; infinity without one."""
    return next(spans(t, part, TEST), (np.inf, np.inf))[0]


def _dense(run: Any, trajectory: int, kind: str, names: tuple[str, ...]) -> Curve | None:
    """One trajectory of diagnostics["curve"]: row_size, t, and {name: values} under observed and states."""
    stored = run.diagnostics.get("curve") or {}
    columns = stored.get(kind) or {}
    if not columns or any(name not in columns for name in names):
        return None
    ends = np.cumsum(stored["row_size"])
    if trajectory >= len(ends):
        return None
    here = slice(int(ends[trajectory] - stored["row_size"][trajectory]), int(ends[trajectory]))
    values = np.column_stack([np.array(columns[name][here], dtype=float) for name in names])
    return Curve(np.array(stored["t"][here], dtype=float), values, dense=True)
