"""The first result of a new system in a fresh process: the fit of Lotka and Volterra's equations with all before it.

Start of Python, imports, compilation and fit count. The user's cache folder is an empty one, so that nothing compiled
for an earlier run is found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..contender import Contender, Missing, Ready, Work
from . import lotka_volterra
from .lotka_volterra import Hunt

ROOT = Path(__file__).parents[3]


def by_process(name: str, problem: Hunt, precision: str) -> Ready:
    """`first.py` in a process of its own."""

    def run(p: np.ndarray) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "question.npz"
            np.savez(file, ts=problem.ts, ys=problem.ys, start=p)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.speed.first", name, str(file)], cwd=ROOT, capture_output=True,
                env={**os.environ, "XDG_CACHE_HOME": folder, "WORKBENCH_CACHE": folder}, text=True, check=False,
            )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
        answer = json.loads(done.stdout)
        if "missing" in answer:
            raise Missing(answer["missing"])
        return answer

    return Ready(lambda p: p, run, lambda answer: (answer["cost"], np.array(answer["p"])))


WORKS = {
    "fresh": Work(
        title="first result in a fresh process",
        problem=lotka_volterra.hunt,
        start=lambda problem: lotka_volterra.START,
        vary=lotka_volterra.WORKS["lotka_volterra"].vary,
        contenders={
            name: Contender(partial(by_process, name), known.packages, known.ours, calls=1)
            for name, known in lotka_volterra.CONTENDERS.items()
        },
        agree={"float64": 1e-5},
        reference=lotka_volterra.optimum,
        threads=(1, 2),  # processors: compilers work side by side
        rounds=5,
        says="The fit above from the start of Python to the answer: imports, compilation and all, on one processor and "
        "on two. Five processes each.",
        goals={"workbench compiled": {"diffrax + optimistix": 5}},
    ),
}
