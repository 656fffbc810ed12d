"""`fit --json`: one document, what is not computed null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ..runs import Record

CHECKS = ("solver_swap", "whiteness", "inputs", "gradient", "extrapolation", "seeds")


def fit_document(run: Record, path: Path | None) -> dict[str, Any]:
    """The document `workbench/fit/1` of a run, stored at `path` or nowhere."""
    data, config, diagnostics = run.dataset, run.config, run.diagnostics
    scores = dict(run.metrics)
    cost = {"seconds": run.timings.get("seconds"), **(diagnostics.get("cost") or {})}
    return {
        "schema": "workbench/fit/1",
        "run": str(path) if path else None,
        "status": run.status,
        "data": {
            "file": config["source"]["file"],
            "sha256": config["source"]["sha256"],
            "rows": len(data.t),
            "trajectories": data.n_trajectories,
            "states": list(data.channels),
            "inputs": list(data.inputs.names) if data.inputs is not None else [],
            "notes": config["notes"],
        },
        "choices": config["choices"],
        "parameters": dict(run.parameters),
        "equations": list(run.equations),
        "metrics": {key: scores.get(key) for key in ("train", "validation", "holdout", "baselines", "ahead")},
        "checks": dict.fromkeys(CHECKS) | (diagnostics.get("checks") or {}),
        "uncertainty": diagnostics.get("uncertainty"),
        "criteria": diagnostics.get("criteria"),
        "starts": diagnostics.get("starts"),
        "linear": diagnostics.get("linear"),
        "noise_scales": diagnostics.get("scales"),
        "noise": diagnostics.get("noise"),
        "truth": diagnostics.get("truth"),
        "verdict": diagnostics.get("verdict"),
        "cost": cost,
    }
