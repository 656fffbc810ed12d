"""One work in one precision on so many threads, in this process: `python -m benchmarks.speed.cell '{…}'` prints JSON.

A process of its own, because JAX has one precision and every library one number of threads for a whole process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cell:
    """What is measured, for how many seconds, with whom (all, where nobody is named)."""

    work: str
    precision: str = "float64"
    threads: int = 1
    seconds: float = 20.0
    tiny: bool = False
    only: tuple[str, ...] = ()


def apart(*cells: Cell) -> list[dict[str, Any]]:
    """The rows of cells of one precision and number of threads, measured in a process of their own."""
    ((_, threads),) = {(cell.precision, cell.threads) for cell in cells}
    n = str(threads)
    environment = {**os.environ, "OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n, "MKL_NUM_THREADS": n}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.cell", *(json.dumps(asdict(cell)) for cell in cells)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def pin(threads: int) -> None:
    """Keep this process on so many processors: JAX counts those it may use, and takes no other advice."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def measured(cell: Cell) -> list[dict[str, Any]]:
    """The rows of a cell, measured here."""
    from .timing import compare
    from .works import WORKS

    work = WORKS[cell.work]
    rows = compare(work, work.problem(cell.tiny), cell.precision, cell.seconds, set(cell.only))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # of the last minute: what else was going on
    head = {"work": cell.work, "precision": cell.precision, "threads": cell.threads, "load": load}
    return [{**head, **row} for row in rows]


def main(texts: Sequence[str]) -> None:
    """Measure what each of `texts` says."""
    cells = [Cell(**{**asked, "only": tuple(asked["only"])}) for asked in map(json.loads, texts)]
    pin(cells[0].threads)
    warnings.simplefilter("ignore")  # those of the peers' own code
    print(json.dumps([row for cell in cells for row in measured(cell)]))


if __name__ == "__main__":
    main(sys.argv[1:])
