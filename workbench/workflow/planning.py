"""What a fit would do: data read and put to the question, names looked up, nothing fitted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .asked import changes_of
from .choices import CHOSEN, choose
from .devices import require_device
from .remarks import remarks
from .sources import open_source

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..problem import Problem

CHOOSING = (*CHOSEN, "settings", "plugins")
OPENING = ("problem", "split", "settings", "plugins")
DEFAULTS = {
    "gradient": "discrete",
    "engine": "auto",
    "seed": 0,
    "starts": 1,
    "device": "cpu",
    "settings": {},
    "plugins": (),
    "split": None,
}
NOT_PLANNED = ("truth", "iterations", "max_time", "name", "store")


def plan(source: str | Path | Sequence[str | Path] | Dataset | Problem, **options: Any) -> dict[str, Any]:
    """The document `workbench/fit-plan/1`; options as in `fit`. Raises what opening the source or a name raises."""
    options = {**DEFAULTS, **{key: value for key, value in options.items() if key not in NOT_PLANNED}}
    require_device(options["device"])
    changes = changes_of(
        **{name: options.pop(name, None) for name in ("noise", "start_values", "free", "fix", "scales", "limits")}
    )
    choosing = {key: options.get(key) for key in CHOOSING}
    opening = {key: options.get(key) for key in OPENING}
    meaning = {key: value for key, value in options.items() if key not in {*CHOOSING, *OPENING}}
    problem = changes.made_to(open_source(source, meaning=meaning, **opening))  # type: ignore[arg-type]
    choices = choose(problem, **choosing)  # type: ignore[arg-type]
    said = remarks(problem, changes, choices)
    data, part = problem.data, np.asarray(problem.part)
    assert data is not None
    return {
        "schema": "workbench/fit-plan/1",
        "data": {
            "file": data.source,
            "sha256": data.sha256,
            "rows": len(data.t),
            "trajectories": data.n_trajectories,
            "states": list(data.channels),
            "inputs": list(problem.inputs),
            "notes": [*data.notes, *problem.notes, *said],
        },
        "split": {name: int((part == code).sum()) for code, name in enumerate(("train", "validation", "test"))},
        "choices": {**choices.document(), "optimizer": choices.optimizer or "by the number of unknowns"},
        "settings": dict(choices.settings),
    }
