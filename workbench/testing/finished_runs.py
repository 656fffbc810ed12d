"""Small finished runs of every kind, for reporters to render."""

from __future__ import annotations

import copy
import functools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..dataset import Dataset
from ..runs import Record, Run
from ..workflow import fit

KINDS = ("equations", "network", "failed", "begun", "stored")


def ponds() -> Dataset:
    """Two trajectories of two channels with units, one value missing and a name that markup would take for its own."""
    rng = np.random.default_rng(0)
    t = np.concatenate([np.linspace(0, 6, 15), np.linspace(0, 5, 12)])
    values = 1.5 + np.column_stack([np.cos(t), np.sin(t)]) + 0.05 * rng.normal(size=(27, 2))
    values[4, 1] = np.nan
    return Dataset(
        t, values, np.array([15, 12]), ("hare", "<lynx>&$"), ("north", "south"), units={"hare": "thousand", "t": "yr"}
    )


@functools.cache
def _fitted(dynamics: str) -> Record:
    source = "damped_spiral" if dynamics == "equations" else ponds()
    record = fit(source, dynamics=dynamics, iterations=3).run
    assert isinstance(record, Record)
    return record


@functools.cache
def _stored() -> Run:
    from ..runs import RunWriter

    path = Path(tempfile.mkdtemp(prefix="workbench-kit-")) / "brisk-otter.h5"
    with RunWriter(path) as writer:
        writer.commit(_fitted("mlp"))
    return Run.open(path)


def finished(kind: str) -> Record | Run:
    """A run of one of KINDS: fitted by equations, by a network, failed, just begun, or opened from its file."""
    if kind == "stored":
        return _stored()
    whole = copy.copy(_fitted("mlp" if kind == "network" else "equations"))
    if kind == "failed":
        hopeless = np.full_like(whole.dataset.values, np.nan)
        return replace(whole, status="failed.N004", prediction=hopeless, residual=hopeless, lower=None, upper=None)
    if kind == "begun":
        return Record(config=whole.config, dataset=whole.dataset, part=whole.part)
    return whole
