"""Measure the workbench and its peers side by side.

    python -m benchmarks.speed                                     # everything: about half an hour
    python -m benchmarks.speed --work spiral_rk4 --seconds 5       # one work, in short
    python -m benchmarks.speed --json docs/benchmarks.json         # written there; cells not measured now are kept
    python -m benchmarks.speed --read docs/benchmarks.json --page docs/figures/benchmarks.txt

Every work, precision and number of threads has a process of its own, in which all contenders are checked against each
other and then take turns. Peers are those of the extra `bench`; what is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from .cell import Cell, apart
from .machine import about
from .table import cells_of, page, text
from .works import WORKS


def cells(chosen: argparse.Namespace) -> list[Cell]:
    """What is to be measured."""
    return [
        Cell(name, precision, threads, 0.0 if chosen.check else chosen.seconds, chosen.tiny, tuple(chosen.only or ()))
        for name in chosen.work or WORKS
        for precision in WORKS[name].precisions
        for threads in WORKS[name].threads
        if (not chosen.precision or precision in chosen.precision) and (not chosen.threads or threads in chosen.threads)
    ]


def merged(file: Path, document: dict[str, Any]) -> dict[str, Any]:
    """The document with those cells of the file that were not measured now, if they are of the same machine."""
    if not file.exists():
        return document
    old = json.loads(file.read_text(encoding="utf-8"))
    if old["about"] != document["about"]:
        raise SystemExit(
            f"{file} was measured on another machine or with other versions: remove it, or write elsewhere"
        )
    found = dict(cells_of(old["rows"])) | dict(cells_of(document["rows"]))
    order = {name: number for number, name in enumerate(WORKS)}
    keys = sorted(found, key=lambda key: (order[key[0]], *key[1:]))
    return {"about": document["about"], "rows": [row for key in keys for row in found[key]]}


def write(file: Path, document: dict[str, Any]) -> None:
    """One row a line."""
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document["rows"])
    head = json.dumps(document["about"], ensure_ascii=False)
    file.write_text(f'{{"about": {head}, "rows": [\n{rows}\n]}}\n', encoding="utf-8")


def main() -> None:
    """Measure and print, or show what was measured."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", action="append", choices=[*WORKS])
    parser.add_argument("--precision", action="append", choices=["float32", "float64"])
    parser.add_argument("--threads", action="append", type=int)
    parser.add_argument("--only", action="append", help="contenders by name; the first is what others are held to")
    parser.add_argument("--seconds", type=float, default=20.0, help="for the rounds of each cell")
    parser.add_argument("--tiny", action="store_true", help="small problems")
    parser.add_argument("--check", action="store_true", help="check results, time nothing")
    parser.add_argument("--json", type=Path, help="write the rows to this file, too")
    parser.add_argument("--read", type=Path, help="measure nothing: show the rows of this file")
    parser.add_argument("--page", type=Path, help="write the page of the documentation")
    chosen = parser.parse_args()
    if chosen.read:
        document = json.loads(chosen.read.read_text(encoding="utf-8"))
    else:
        document = {"about": about(), "rows": []}
        for cell in cells(chosen):
            print(f"{cell.work}, {cell.precision}, {cell.threads} threads", file=sys.stderr, flush=True)
            document["rows"] += apart(cell)
            if chosen.json:
                write(chosen.json, merged(chosen.json, document))
    if chosen.page:
        chosen.page.parent.mkdir(parents=True, exist_ok=True)
        chosen.page.write_text(page(document, WORKS), encoding="utf-8")
    else:
        print(text(document, WORKS))


if __name__ == "__main__":
    main()
