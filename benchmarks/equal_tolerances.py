"""Errors of our solvers over those of the trusted one of the same order, at equal tolerances.

    python benchmarks/equal_tolerances.py [--solver tsit5] [--near 9]

At one tolerance an error may pass through zero by chance, ours or the other's. So every decade from 1e-4 to 1e-10 is
measured at several tolerances near it (10 % up and down), and the ratio is that of the root mean squares over them.
Printed are that ratio, the ratio at the decade itself, and how many of the single ratios are above 3.
"""

from __future__ import annotations

import argparse

import numpy as np

from workbench.measure import Candidate
from workbench.measure.references import (
    NON_STIFF,
    STIFF,
    TRUSTED,
    at_tolerance,
    by_scipy,
    path,
    path_error,
    reach,
    referenced,
)
from workbench.registry import installed

DECADES = tuple(10.0**-k for k in range(4, 11))
SPREAD = 1.1


def main() -> None:
    """One line for each solver, problem and decade."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--solver", action="append", help="those of order 5 and 8, and radau5, unless given")
    parser.add_argument("--near", type=int, default=9)
    asked = parser.parse_args()
    worst, above, number = 0.0, 0, 0
    for name in asked.solver or ("dopri5", "tsit5", "dop853", "radau5"):
        candidate = Candidate.of(installed(), name)
        method = TRUSTED[candidate.solver.order or 0, candidate.stiff]
        for of in STIFF if candidate.stiff else NON_STIFF:
            problem = referenced(installed(), of)
            ts = problem.times()
            wanted = path(problem, ts)

            def off(ys: np.ndarray) -> float:
                return problem.error(ys[-1]) if problem.stiff else path_error(ys, wanted)  # noqa: B023  # used here only

            for decade in DECADES:
                near = decade * SPREAD ** np.linspace(-1.0, 1.0, asked.near)
                near[asked.near // 2] = decade
                mine = [off(reach(at_tolerance(candidate.solver, problem, rtol), problem, ts).ys[0]) for rtol in near]
                theirs = [off(by_scipy(method, problem, rtol, ts).y.T) for rtol in near]
                ratios = np.divide(mine, theirs)
                mean = float(np.sqrt(np.mean(np.square(mine)) / np.mean(np.square(theirs))))
                worst, above, number = max(worst, mean), above + int((ratios > 3).sum()), number + len(ratios)
                single = f"at it {ratios[asked.near // 2]:6.2f}, above 3: {(ratios > 3).sum()} of {len(ratios)}"
                print(f"{name:8} / {method:7} {of:20} {decade:.0e}  {mean:6.2f}  {single}", flush=True)
    print(f"largest ratio of root mean squares {worst:.2f}; {above} of {number} single ratios above 3")


if __name__ == "__main__":
    main()
