"""One fit of Lotka and Volterra's equations in this process, as JSON: `python -m benchmarks.speed.first NAME FILE`."""

from __future__ import annotations

import json
import sys

import numpy as np

from .contender import Missing
from .works.lotka_volterra import CONTENDERS, Hunt


def main(name: str, file: str) -> None:
    """Print the sum of squares and the parameters, or that the contender is missing."""
    question = np.load(file)
    try:
        ready = CONTENDERS[name].ready(Hunt(question["ts"], question["ys"]), "float64")
    except Missing as absence:
        print(json.dumps({"missing": str(absence)}))
        return
    cost, p = ready.read(ready.run(ready.load(question["start"])))
    print(json.dumps({"cost": cost, "p": p.tolist()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
