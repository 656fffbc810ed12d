"""A Record: everything that one fit leaves behind, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dataset import Dataset

Tree = Any  # nested dicts and lists of NumPy arrays, numbers, strings, booleans and None


@dataclass(eq=False, kw_only=True)
class Record:
    """What a run file holds: the data, what was fitted, how it went, and all that is needed to go on.

    Axes are those of the Dataset: observations of all trajectories one after the other. None is "not computed".
    `config` must be exact JSON (finite numbers, text, lists, objects with text keys), for it re-runs the fit; in the
    other documents a number that is not finite becomes null, as in `--json`.
    """

    config: dict[str, Any]
    dataset: Dataset
    part: np.ndarray  # (observation,) int8: 0 train, 1 validation, 2 test
    status: str = "running"  # converged, stuck, stalled, early_stop, iterations, time, interrupted, running, failed…
    provenance: dict[str, Any] = field(default_factory=dict)  # versions, seed, plugins, machine: no part of the content
    history: Mapping[str, np.ndarray] = field(default_factory=dict)  # columns of equal length
    prediction: np.ndarray | None = None  # (observation, channel)
    states: np.ndarray | None = None  # (observation, state)
    state_names: tuple[str, ...] = ()
    residual: np.ndarray | None = None  # (observation, channel)
    lower: np.ndarray | None = None  # (observation, channel), of the prediction's band
    upper: np.ndarray | None = None  # (observation, channel)
    metrics: dict[str, Any] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)  # name → value, stderr, ci95
    equations: tuple[str, ...] = ()
    model: Tree = field(default_factory=dict)  # the unknowns by block
    checkpoint: Tree = None  # all that the next step depends on
    problem_text: str = ""  # the problem file verbatim
    timings: dict[str, Any] = field(default_factory=dict)  # seconds: no part of the content
