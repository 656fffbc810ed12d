"""`fit --dry-run`: what would be fitted, to what, and by whom."""

from __future__ import annotations

from typing import Any

from .output import table


def plan(source: str, **arguments: Any) -> tuple[dict[str, Any], str]:
    """The document and the text of a fit that is only planned: data are read, names looked up, nothing is fitted."""
    from ..workflow.choices import choose
    from ..workflow.sources import open_source

    choosing = (
        "dynamics",
        "solver",
        "loss",
        "optimizer",
        "strategy",
        "gradient",
        "engine",
        "seed",
        "settings",
        "plugins",
    )
    opening = ("problem", "split", "settings", "plugins", "seed")
    other = ("noise", "start_values", "device")
    meaning = {key: value for key, value in arguments.items() if key not in {*choosing, *opening, *other}}
    problem = open_source(source, meaning=meaning, **{key: arguments[key] for key in opening})
    choices = choose(problem, **{key: arguments[key] for key in choosing})
    data, part = problem.data, problem.part
    assert data is not None
    assert part is not None
    sizes = {name: int((part == code).sum()) for code, name in enumerate(("train", "validation", "test"))}
    notes = [*data.notes, *problem.notes]
    document = {
        "schema": "workbench/fit-plan/1",
        "data": {
            "file": data.source,
            "sha256": data.sha256,
            "rows": len(data.t),
            "trajectories": data.n_trajectories,
            "states": list(data.channels),
            "inputs": list(problem.inputs),
            "notes": notes,
        },
        "split": sizes,
        "choices": {**choices.document(), "optimizer": choices.optimizer or "by the number of unknowns"},
        "settings": dict(choices.settings),
    }
    rows = [
        [
            "data",
            f"{data.source}: {len(data.t)} rows, {data.n_trajectories} trajectories, states {', '.join(data.channels)}",
        ],
        ["split", ", ".join(f"{name} {size}" for name, size in sizes.items())],
        *([kind, str(chosen)] for kind, chosen in document["choices"].items()),  # type: ignore[attr-defined]
        *([key, str(value)] for key, value in choices.settings.items()),
        *(["note", note] for note in notes),
    ]
    return document, table(["", "would be"], rows)
