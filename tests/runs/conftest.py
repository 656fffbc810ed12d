"""A record that uses every field of the run format."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench.dataset import Dataset, Inputs
from workbench.runs import Record


def full_record(n: int = 12, **changes: Any) -> Record:
    """A record of two trajectories in which no field is left at its default."""
    rng = np.random.default_rng(20)
    values = rng.normal(size=(n, 2))
    values[3, 1] = np.nan
    data = Dataset(
        t=np.concatenate([np.arange(n - 5), np.arange(5)]) * 0.1,
        values=values,
        row_size=[n - 5, 5],
        channels=("hare", "lynx λ"),
        trajectories=("pond 1", "池"),
        inputs=Inputs(("u",), np.array([0.0, 1.0, 0.0]), np.array([[1.0], [2.0], [3.0]]), np.array([2, 1])),
        covariates={"Dose mg/kg": np.array([4.02, 4.4]), "Wt": np.array([79.6, 72.4])},
        units={"hare": "10³", "t": "year"},
        time="Jahr",
        source="/data/ponds.csv",
        sha256="ab" * 32,
        notes=('time="Jahr" (guessed)', "2 rows left out"),
    )
    fields: dict[str, Any] = {
        "config": {"dynamics": "mlp", "seed": 0, "settings": {"solver.rtol": "1e-6"}, "noise": {"hare": "lognormal"}},
        "dataset": data,
        "part": (np.arange(n) % 3).astype(np.int8),
        "status": "converged",
        "provenance": {"python": "3.11", "plugins": [{"name": "rk", "version": "0"}], "host": "Zoë's"},
        "history": {
            "loss": np.array([3.0, np.nan, -0.0]),
            "step": np.array([1, 2, 3]),
            "rung": np.array(["scale", "", "größer"]),
            "kept": np.array([True, False, True]),
            "columns": np.array([1.5, 2.5, 3.5], dtype=np.float32),  # the group's own list is called that, too
            "../x y": np.array([0, 1, 2]),
        },
        "prediction": rng.normal(size=(n, 2)),
        "states": rng.normal(size=(n, 3)),
        "state_names": ("x", "y", "hidden"),
        "residual": values - 1.0,
        "lower": rng.normal(size=(n, 2)),
        "upper": rng.normal(size=(n, 2)),
        "metrics": {
            "train": {"rmse": {"hare": 0.5, "lynx λ": None}, "nll": 122.927},
            "holdout": {"fit_percent": 71.25},
        },
        "diagnostics": {"verdict": {"word": "good", "reasons": []}, "correlation": [[1.0, 0.5], [0.5, 1.0]]},
        "parameters": {"alpha": {"value": 0.54, "stderr": 0.02, "ci95": [0.50, 0.58]}},
        "equations": ("d hare/dt = α·hare", "d lynx/dt = −γ·lynx"),
        "model": {"theta": rng.normal(size=7), "weights": [rng.normal(size=(2, 3)).astype(np.float32)]},
        "checkpoint": {"rng": rng.bit_generator.state, "x": np.array([np.nan, np.inf, -0.0]), "best": None, "tries": 2},
        "problem_text": "title = 'hares'\n# Ω\n",
        "timings": {"seconds": 1.25},
    }
    return Record(**(fields | changes))


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """A record with every field in use; keywords change fields."""
    return full_record
