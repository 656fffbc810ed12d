"""How the cost of a gradient on the compiled engine grows with points, trajectories and parameters, and with memory.

    python benchmarks/scaling.py --json docs/scaling.json       # measures
    python benchmarks/scaling.py --draw docs/scaling.json --out docs/figures
    python benchmarks/scaling.py --million                      # a fit to 10⁶ observations of 10⁴ trajectories

A gradient is a solve and the way back of a perceptron 2-w-2 by rk4, one step a point, in float64 and on one thread.
Each axis is doubled while the other two stay; the exponent is the slope of a line through logarithms over its upper
half, 1 for a cost in proportion. Times are least of several, medians beside them; the states that are kept for the way
back are counted as well.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

POINTS = (125, 250, 500, 1000, 2000, 4000)
TRAJECTORIES = (8, 16, 32, 64, 128, 256)
WIDTHS = (8, 16, 32, 64, 128, 256)
BASE = {"points": 500, "trajectories": 1, "width": 50}
AXES = {"points": POINTS, "trajectories": TRAJECTORIES, "width": WIDTHS}


def measured(points: int, trajectories: int, width: int) -> dict[str, Any]:
    """Seconds of a solve and its way back."""
    from workbench.compiled import Handle, Kernel
    from workbench.contracts import SolveOptions
    from workbench.graph import from_network
    from workbench.registry import installed

    graph = from_network((width,), "tanh", states=("x", "y"))
    solver = installed().make("solver", "rk4")
    kernel = Kernel(graph, solver.tableau, np.dtype(float), wide=trajectories > 1)
    ts = np.tile(np.linspace(0.0, 0.05 * (points - 1), points), (trajectories, 1))
    handle = Handle(kernel, solver, ts[:, 0], ts, SolveOptions(keep=True, max_steps=10 * points))
    rng = np.random.default_rng(0)
    p, y0 = 0.3 * rng.standard_normal(len(graph.parameters)), rng.standard_normal((trajectories, 2))
    gys, seconds, begun = np.ones((*ts.shape, 2)), [], time.perf_counter()
    while len(seconds) < 9 or (time.perf_counter() - begun < 1.0 and len(seconds) < 200):
        began = time.perf_counter()
        solved = handle.solve(y0, p)
        solved.pull(gys)
        seconds.append(time.perf_counter() - began)
    assert solved.steps.states is not None
    row = {"points": points, "trajectories": trajectories, "width": width, "parameters": len(p)}
    return {**row, "least": min(seconds), "median": float(np.median(seconds)), "kept": solved.steps.states.nbytes}


def exponent(rows: list[dict[str, Any]], axis: str) -> float:
    """The slope of log cost over the upper half of an axis."""
    upper = rows[len(rows) // 2 :]
    return float(np.polyfit(np.log([row[axis] for row in upper]), np.log([row["least"] for row in upper]), 1)[0])


def measure() -> dict[str, Any]:
    """All three axes."""
    found: dict[str, Any] = {}
    for axis, values in AXES.items():
        rows = [measured(**{**BASE, axis: value}) for value in values]
        by = "parameters" if axis == "width" else axis
        found[axis] = {"rows": rows, "exponent": exponent(rows, by)}
        for row in rows:
            print(
                f"{by:12} {row[by]:6}  {1e3 * row['least']:8.3f} ms ({1e3 * row['median']:.3f})  {row['kept']:9} bytes"
            )
        print(f"{by:12} exponent {found[axis]['exponent']:.2f}")
    return found


def draw(found: dict[str, Any], folder: Path) -> None:
    """One figure, an axis a panel."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    for panel, (axis, part) in zip(figure.subplots(1, 3), found.items(), strict=True):
        by = "parameters" if axis == "width" else axis
        x, y = ([row[key] for row in part["rows"]] for key in (by, "least"))
        panel.loglog(x, [1e3 * each for each in y], "o-")
        panel.loglog(x, [1e3 * y[-1] * each / x[-1] for each in x], ":", color="0.5")
        panel.set(xlabel=by, ylabel="time [ms]" if axis == "points" else "", title=f"exponent {part['exponent']:.2f}")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "scaling.svg")


def million() -> None:
    """Lotka & Volterra's four parameters from 10⁴ trajectories of 50 times, two channels each, by `wb.fit`."""
    import workbench as wb

    truth = wb.simulate("lotka_volterra", span=(0.0, 10.0), samples=50, trajectories=10_000, noise="2%", seed=1)
    rows, times, channels = truth.observed.shape
    values = truth.observed.reshape(rows * times, channels)
    names = tuple(each.name for each in truth.system.observed) or truth.system.states
    data = wb.Dataset(t=truth.ts.ravel(), values=values, row_size=np.full(rows, times), channels=names)
    began = time.perf_counter()
    fitted = wb.fit(data, problem="lotka_volterra", split="none", strategy="single")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = time.perf_counter() - began
    print(f"{data.values.size} observations: {seconds:.1f} s, peak {peak:.2f} GiB, {fitted.run.status}")


def main() -> None:
    """What the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    if asked.million:
        million()
    elif asked.draw:
        draw(json.loads(asked.draw.read_text(encoding="utf-8")), asked.out)
    else:
        found = measure()
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
