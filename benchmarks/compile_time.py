"""Processor seconds that the C compiler takes for systems of 2, 10 and 100 states, how fast a cached library loads, and
what a fit waits for in all.

    python benchmarks/compile_time.py [--states 10] [--solver rodas5p]

The systems are rings of coupled oscillators, xᵢ' = −kᵢ xᵢ + tanh(Σⱼ wⱼ xᵢ₊ⱼ), with up to 20 non-zero Jacobian
entries a row (2,000 at 100 states) and as many parameters as states and neighbours. Seconds are those of the
compiler's own processes, so that what else the machine does weighs little. Loading is the least of five fresh
processes. A fit needs two libraries, for solves and sensitivities, which are printed and compiled side by side: its
line is wall clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from workbench.compiled import Kernel
    from workbench.graph import Graph

NEIGHBOURS = 19
LOAD = """
import sys, time
import numpy
from workbench.compiled.build import library
source = open(sys.argv[1]).read()
began = time.perf_counter()
library(source)
print(1e3 * (time.perf_counter() - began))
"""


def ring(states: int) -> Graph:
    """The graph of the ring."""
    import sympy

    from workbench.graph import from_sympy

    near = min(NEIGHBOURS, states - 1)
    x, k, w = (sympy.symbols(f"{name}:{n}") for name, n in (("x", states), ("k", states), ("w", near)))
    rhs = [-k[i] * x[i] + sympy.tanh(sum(w[j] * x[(i + j + 1) % states] for j in range(near))) for i in range(states)]
    return from_sympy({"rhs": rhs}, states=[*map(str, x)], parameters=[*map(str, (*k, *w))])


def compiled_in(source: str) -> float:
    """Processor seconds of the compiler."""
    from workbench.compiled.build import library

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    library(source)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loads_in(source: str) -> float:
    """Milliseconds in which a fresh process loads what is in the cache."""
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(source)
        file.flush()
        runs = [
            subprocess.run([sys.executable, "-c", LOAD, file.name], check=True, capture_output=True, text=True).stdout
            for _ in range(5)
        ]
    return min(map(float, runs))


def fit_waits(kernel: Kernel) -> float:
    """Seconds until a fit has its libraries, where none is in the cache."""
    with tempfile.TemporaryDirectory() as cache:
        before, os.environ["WORKBENCH_CACHE"] = os.environ["WORKBENCH_CACHE"], cache
        began = time.perf_counter()
        kernel.build(("solve", "push"))
        seconds = time.perf_counter() - began
        os.environ["WORKBENCH_CACHE"] = before
    return seconds


def main() -> None:
    """Print one line for each system, method and purpose."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=int, action="append", help="2, 10 and 100 unless given")
    parser.add_argument("--solver", action="append", help="tsit5 and rodas5p unless given")
    asked = parser.parse_args()
    from workbench.compiled import Kernel
    from workbench.registry import installed

    with tempfile.TemporaryDirectory() as cache:
        os.environ["WORKBENCH_CACHE"] = cache
        for states in asked.states or (2, 10, 100):
            graph = ring(states)
            for solver in asked.solver or ("tsit5", "rodas5p"):
                kernel = Kernel(graph, installed().make("solver", solver).tableau, np.dtype(float), wide=False)
                for purpose in ("solve", "follow", "pull", "push"):
                    source = kernel.source(purpose)
                    seconds = compiled_in(source)
                    line = f"{states:4} states  {solver:8} {purpose:6} {seconds:6.2f} s"
                    print(f"{line}, loads in {loads_in(source):5.1f} ms", flush=True)
                print(f"{states:4} states  {solver:8} a fit waits {fit_waits(kernel):6.2f} s", flush=True)


if __name__ == "__main__":
    main()
