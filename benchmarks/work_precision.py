"""Work against precision: what an error costs with every solver that is installed, and with SciPy beside it.

    python benchmarks/work_precision.py                        # everything, within ten minutes
    python benchmarks/work_precision.py --problem lorenz --solver tsit5 --solver dop853
    python benchmarks/work_precision.py --draw docs/work_precision.json --out docs/figures

Adaptive solvers run at rtol = 1e-4 … 1e-10, with atol = rtol times the sizes of `workbench.measure.references.SIZES` (1
where nothing is said), others with 250 · 2ᵏ equal steps. Stiff problems are left to solvers that claim to be for them.
The error is that of `Referenced.error` at the end of a stiff problem, of `path_error` at 40 times on the way of
another. A solve beyond LONGEST seconds or MOST steps is `time_out` or `too_many_steps`, and the solver's sharper
settings on that problem are `left_out`: a method of order 2 or 3 takes a million steps to the tightest tolerances of a
stiff one. Seconds are medians of warm repeats, with half the distance of the quartiles as their spread; SciPy's own
integrators run in the same process, on the same f and Jacobian.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contracts import Solver
from workbench.measure import Candidate
from workbench.measure.references import (
    NON_STIFF,
    SEPARABLE,
    STIFF,
    Referenced,
    at_tolerance,
    by_scipy,
    path,
    path_error,
    reach,
    referenced,
)
from workbench.registry import installed

TOLERANCES = tuple(10.0**-k for k in range(4, 11))
STEPS = tuple(250 * 2**k for k in range(7))
SCIPY = {False: ("RK45", "DOP853"), True: ("Radau",)}
LONGEST = 3.0  # seconds that one solve may take
MOST = 500_000  # steps that it may take
ONCE = 0.3  # seconds from which on a solve is timed once, without a spread
NOTHING: dict[str, Any] = dict.fromkeys(("error", "rhs", "steps", "seconds", "spread"))
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#999933", "#882255", "#44AA99")


def settings_of(candidate: Candidate, problem: Referenced) -> Iterator[tuple[str, Solver]]:
    """Every setting that a solver is run with, by name."""
    if candidate.solver.adaptive and "rtol" in candidate.options:
        for rtol in TOLERANCES:
            yield f"rtol {rtol:.0e}", at_tolerance(candidate.solver, problem, rtol)
    else:
        for n in STEPS:
            solver = candidate.with_step((problem.t1 - problem.t0) / n)
            if solver is not None:
                yield f"{n} steps", solver


def suits(candidate: Candidate, problem: Referenced) -> bool:
    """Stiff problems want solvers for stiff problems, separable ones want explicit solvers, and all want an order."""
    if candidate.solver.order is None:
        return False
    if problem.name in SEPARABLE:
        return not candidate.stiff
    return not candidate.separable and (candidate.stiff or not problem.stiff)


def repeated(solve: Any, repeats: int) -> tuple[Any, float, float | None]:
    """The last result, the median of the seconds and half the distance of their quartiles, after one warm call.

    A call of more than ONCE is its own measurement, without a spread.
    """
    began = time.perf_counter()
    found = solve()
    first = time.perf_counter() - began
    if first > ONCE:
        return found, first, None
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = solve()
        spent.append(time.perf_counter() - began)
    low, middle, high = np.percentile(spent, [25, 50, 75])
    return found, float(middle), float(high - low) / 2


def measured(problem: Referenced, names: list[str], repeats: int, longest: float = LONGEST) -> Iterator[dict[str, Any]]:
    """One row a solver and setting."""
    registry, ts = installed(), problem.times()
    wanted = None if problem.stiff else path(problem, ts)

    def error(ys: np.ndarray) -> float:
        return problem.error(ys[-1]) if wanted is None else path_error(ys, wanted)

    for method in SCIPY[problem.stiff]:
        for rtol in TOLERANCES:
            found, seconds, spread = repeated(lambda m=method, r=rtol: by_scipy(m, problem, r, ts), repeats)
            yield {
                "problem": problem.name, "solver": f"SciPy {method}", "family": "scipy.integrate",
                "setting": f"rtol {rtol:.0e}", "status": "ok" if found.success else "failed", "error": error(found.y.T),
                "rhs": int(found.nfev), "steps": None, "seconds": seconds, "spread": spread,
            }  # fmt: skip
    for entry in registry.offers("solver"):
        candidate = Candidate.of(registry, entry.name)
        if entry.name not in names or not suits(candidate, problem):
            continue
        beyond = False
        for setting, solver in settings_of(candidate, problem):
            row = {"problem": problem.name, "solver": entry.name, "family": entry.plugin, "setting": setting}
            if beyond:
                yield {**row, "status": "left_out"} | NOTHING
                continue

            def solve(solver: Solver = solver) -> Any:
                return reach(solver, problem, ts, deadline=time.monotonic() + longest, max_steps=MOST)

            found, seconds, spread = repeated(solve, repeats)
            if found.status != ("ok",):
                beyond = found.status[0] in ("time_out", "too_many_steps")  # a sharper setting costs more
                yield {**row, "status": found.status[0]} | NOTHING
                continue
            yield {
                **row, "status": "ok", "error": error(found.ys[0]), "rhs": int(found.stats["rhs"][0]),
                "steps": int(found.stats["accepted"][0]), "seconds": seconds, "spread": spread,
            }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    header = (
        f"{'problem':<18} {'solver':<16} {'setting':<12} {'error':>9} {'rhs':>8} {'steps':>8} {'ms':>9} {'± ms':>7}"
    )
    lines = [header]
    for row in rows:
        start = f"{row['problem']:<18} {row['solver']:<16} {row['setting']:<12}"
        if row["status"] != "ok":
            lines.append(f"{start} {row['status']}")
            continue
        steps = "–" if row["steps"] is None else row["steps"]
        spread = "–" if row["spread"] is None else f"{1e3 * row['spread']:.2f}"
        lines.append(
            f"{start} {row['error']:>9.1e} {row['rhs']:>8} {steps:>8} {1e3 * row['seconds']:>9.2f} {spread:>7}"
        )
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], out: Path) -> list[Path]:
    """One figure for the explicit and one for the implicit methods of a family."""
    from workbench.measure.region_figure import save_figure

    out.mkdir(parents=True, exist_ok=True)
    implicit = {row["solver"] for row in rows if row["problem"] in STIFF}
    theirs = [row for row in rows if row["family"] == "scipy.integrate"]
    written = []
    for family in sorted({row["family"] for row in rows} - {"scipy.integrate"}):
        of_family = [row for row in rows if row["family"] == family]
        for kind in ("explicit", "implicit"):
            drawn = [row for row in of_family if (row["solver"] in implicit) == (kind == "implicit")]
            if drawn:
                file = out / f"work-precision-{family}-{kind}.svg"
                save_figure(figure_of(drawn, theirs), file)
                written.append(file)
    return written


COLUMNS = 3
DASHES = ("-", "--", ":")


def figure_of(rows: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Any:
    """Error against right-hand sides and, below, against time, a panel a problem; SciPy's own integrators in grey."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    solvers = sorted({row["solver"] for row in rows})
    problems = [p for p in (*NON_STIFF, *SEPARABLE, *STIFF) if any(r["problem"] == p for r in rows)]
    wide = min(COLUMNS, len(problems))
    high = -(-len(problems) // wide)
    figure = Figure(figsize=(2.4 * wide + 0.6, 4.8 * high + 0.8), layout="constrained")
    axes = figure.subplots(2 * high, wide, squeeze=False)
    for number, problem in enumerate(problems):
        place = 2 * (number // wide), number % wide
        for panel, cost in ((axes[place], "rhs"), (axes[place[0] + 1, place[1]], "seconds")):
            for name in [*sorted({row["solver"] for row in theirs}), *solvers]:
                points = [
                    r for r in (*theirs, *rows) if (r["problem"], r["solver"], r["status"]) == (problem, name, "ok")
                ]
                which = solvers.index(name) if name in solvers else None
                style: dict[str, Any] = {"color": "#b0b0b0", "lw": 2.2}
                if which is not None:
                    dash = DASHES[which // len(PALETTE)]
                    style = {"color": PALETTE[which % len(PALETTE)], "ls": dash, "lw": 1.3, "ms": 3, "marker": "o"}
                if points:
                    panel.loglog([p[cost] for p in points], [p["error"] for p in points], label=name, **style)
            panel.set_xlabel("right-hand sides" if cost == "rhs" else "seconds")
            panel.set_ylabel("error" if number % wide == 0 else "")
        axes[place].set_title(problem)
    for panel in axes.ravel():
        panel.set_visible(bool(panel.lines))
        if not panel.lines:
            continue
        panel.xaxis.set_minor_formatter(NullFormatter())
        low, high = np.log10(panel.get_xlim())
        panel.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))
    labels: dict[str, Any] = {}
    for panel in axes.ravel():
        labels |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(
        list(labels.values()), list(labels), loc="outside lower center", ncols=min(6, len(labels)), fontsize=8
    )
    return figure


def main() -> None:
    """Measure and print, or draw what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", action="append", choices=[*NON_STIFF, *SEPARABLE, *STIFF])
    parser.add_argument("--solver", action="append")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the rows to this file, too")
    parser.add_argument("--draw", type=Path, help="measure nothing: draw the rows of this file")
    parser.add_argument("--out", type=Path, help="write one figure a family of solvers into this folder")
    chosen = parser.parse_args()
    if chosen.draw:
        rows = json.loads(chosen.draw.read_text(encoding="utf-8"))["rows"]
    else:
        names = chosen.solver or [entry.name for entry in installed().offers("solver")]
        problems = [referenced(installed(), name) for name in chosen.problem or (*NON_STIFF, *SEPARABLE, *STIFF)]
        rows = [row for problem in problems for row in measured(problem, names, chosen.repeats)]
        print(table(rows))
    if chosen.json:
        about = {"machine": platform.platform(), "processors": os.cpu_count(), "repeats": chosen.repeats}
        lines = ",\n".join(json.dumps(row) for row in rows)
        chosen.json.write_text(f'{{"about": {json.dumps(about)}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    if chosen.out:
        print("\n".join(map(str, draw(rows, chosen.out))))


if __name__ == "__main__":
    main()
