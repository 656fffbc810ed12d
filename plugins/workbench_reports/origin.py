"""The parts of a card about where a run comes from and where to go from it."""

from __future__ import annotations

from typing import Any

from workbench import axes
from workbench.errors.counting import count

from .numbers import number

CHOICES = ("dynamics", "problem", "solver", "loss", "optimizer", "strategy", "gradient", "engine", "seed", "split")
RESUMABLE = ("running", "interrupted", "iterations", "time")


def data(run: Any) -> list[str]:
    """The file, its size, channels with units, and how it was split."""
    dataset = run.dataset
    size = [count(len(dataset.t), "observation"), count(dataset.n_trajectories, "trajectory")]
    lines = [" · ".join(([dataset.source] if dataset.source else []) + size)]
    lines.append("channels " + ", ".join(with_unit(dataset, name) for name in dataset.channels))
    if dataset.inputs is not None:
        lines.append("inputs " + ", ".join(with_unit(dataset, name) for name in dataset.inputs.names))
    span = f"{number(float(dataset.t.min()), 6)} to {number(float(dataset.t.max()), 6)}"
    lines.append(f"{with_unit(dataset, dataset.time)} from {span}")
    sizes = [(int((run.part == mark).sum()), name) for mark, name in ((0, "train"), (1, "validation"), (2, "held out"))]
    lines.append("split " + ", ".join(f"{n} {name}" for n, name in sizes if n))
    missing = int((~dataset.mask).sum())
    if missing:
        lines.append(f"{count(missing, 'value')} missing")
    notes = run.config.get("notes") or dataset.notes
    return ["  " + line for line in [*lines, *notes]]


def choices(run: Any) -> list[str]:
    """What was asked for or decided: plugins, gradient, engine, seed."""
    chosen = run.config.get("choices") or run.config
    named = [f"{key} {chosen[key]}" for key in CHOICES if chosen.get(key) not in (None, "", {}, [])]
    return ["  " + " · ".join(named)] if named else []


def noise(run: Any) -> list[str]:
    """Each channel's kind of noise with its scale, and how many of its values are censored; nothing without one."""
    lines = []
    for name, one in (run.diagnostics.get("noise") or {}).items():
        said = [one["kind"]]
        said += [f"scale {number(one['scale'])}"] * (one["scale"] is not None)
        said += ["each value with its own deviation"] * one["deviations"]
        said += [f"{count(one['censored'], 'value')} beyond its limits"] * bool(one["censored"])
        lines.append(f"  {name}: {', '.join(said)}")
    return lines


def next_commands(run: Any) -> list[str]:
    """What may be typed next; nothing for a run that is not stored."""
    name = getattr(run, "name", None)
    if not name:
        return []
    first, last = float(run.dataset.t.min()), float(run.dataset.t.max())
    curve = "line" in (run.metrics.get("baselines") or {})
    where = f"--times {first:.4g}:{last:.4g}:101" if curve else f"--until {last + 0.5 * (last - first):.4g}"
    resume = run.status.startswith("failed") or run.status in RESUMABLE
    return [f"  workbench fit --resume {name}"] * resume + [
        f"  workbench plot {name}",
        f"  workbench predict {name} {where}",
    ]


def with_unit(dataset: Any, name: str, words: str = "") -> str:
    """A name, or words about it, with its unit in brackets, where one is known."""
    unit = dataset.units.get(name, "")
    return axes.with_unit(words or name, "" if unit == name else unit)
