"""The picture of each system of the library, for its place on the page of problems.

`python docs/systems.py FOLDER` draws all of them into FOLDER; the build of the pages calls it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import simulate
from workbench.axes import make_room, with_unit
from workbench.problem import read_problem
from workbench.registry import Registry
from workbench.workflow.sources import open_source

if TYPE_CHECKING:
    from workbench import Dataset
    from workbench.problem import Problem
    from workbench.workflow import Simulation

OURS = "dynamics-workbench"
BLUE, BLACK, ORANGE = "#0072B2", "#222222", "#D55E00"  # Okabe & Ito (2008)
STRIPS, SAMPLES = 4, 1001
DECADES, JUMP = 3.5, 0.2
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "workbench",
    "lines.linewidth": 1.3,
}


def draw_all(folder: Path) -> list[Path]:
    """An SVG for every problem of this distribution; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for shelved in Registry.load(disable=()).shelf():
        if shelved.distribution == OURS:
            found.append(folder / f"{shelved.name}.svg")
            draw(shelved.name, read_problem(shelved.file), found[-1])
    return found


def draw(name: str, problem: Problem, file: Path) -> None:
    """What a system does at the values of its file: each quantity against time, the first two states together.

    Where the problem brings its observations, these are the dots, and the quantities are what was observed. A system
    that is driven by what only data hold has its data alone, joined by lines.
    """
    import matplotlib
    from matplotlib.figure import Figure

    system, data = problem.system, observations(name, problem)
    assert system is not None
    found = None if system.inputs or system.covariates else solved(name, problem)
    names = [(each.name, each.unit) for each in (system.observed if data or not system.states else system.states)]
    names = names[:STRIPS]
    phase = found is not None and len(system.states) > 1
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2 if phase else 4.6, max(2.3, 1.05 * len(names) + 0.5)), layout="constrained")
        grid = figure.add_gridspec(len(names), 2 if phase else 1, width_ratios=[1.6, 1] if phase else [1])
        axes = [figure.add_subplot(grid[k, 0]) for k in range(len(names))]
        for k, axis in enumerate(axes):
            if found is not None:
                values = found.observed if data or not system.states else found.ys
                axis.plot(found.ts.T, values[:, :, k].T, color=BLUE)
            if data is not None:
                t, values, _ = data.padded()
                axis.plot(t.T, values[:, :, k].T, "o" if found else "o-", color=BLACK, markersize=2.5, linewidth=0.5)
            logarithmic(axis.set_yscale, [line.get_ydata() for line in axis.lines])
            axis.set_ylabel(with_unit(*names[k]), rotation=0, ha="right", va="center")
            axis.sharex(axes[0])
            axis.tick_params(labelbottom=axis is axes[-1])
        figure.align_ylabels(axes)
        axes[-1].set_xlabel(with_unit(data.time if data else "t", system.time.unit))
        if found is not None and phase:
            _phase(figure.add_subplot(grid[:, 1]), found)
        make_room(figure)
        figure.savefig(file, metadata={"Date": None})


def observations(name: str, problem: Problem) -> Dataset | None:
    """What the problem brings, if it does."""
    if problem.data_file is None:
        return None
    return open_source(name, None, split="none", settings={}, meaning={}).data


def solved(name: str, problem: Problem) -> Simulation:
    """At the file's values, learned terms left out, by LSODA, which takes stiff systems as well as others."""
    terms = {} if problem.system is None else {network.name: 0.0 for network in problem.system.networks}
    settings = {"solver.rtol": 1e-9, "solver.atol": 1e-11}
    return simulate(name, solver="scipy_lsoda", samples=SAMPLES, values=terms, settings=settings)


def _phase(axis: Any, found: Simulation) -> None:
    """The first two states against each other, from the dot on; where they jump the line is broken."""
    import numpy as np

    first, second = found.system.states[:2]
    for y in found.ys[:, :, :2]:
        far = (np.abs(np.diff(y, axis=0)) > JUMP * np.ptp(y, axis=0)).any(axis=1)
        axis.plot(*np.insert(y, np.flatnonzero(far) + 1, np.nan, axis=0).T, color=BLUE)
        axis.plot(*y[0], "o", color=ORANGE, markersize=4)
    logarithmic(axis.set_xscale, [line.get_xdata() for line in axis.lines])
    logarithmic(axis.set_yscale, [line.get_ydata() for line in axis.lines])
    axis.set_xlabel(with_unit(first.name, first.unit))
    axis.set_ylabel(with_unit(second.name, second.unit))


def logarithmic(set_scale: Callable[[str], None], drawn: list[Any]) -> None:
    """A logarithmic axis for values that are positive, or begin at 0, and for more than an instant span decades."""
    import numpy as np

    values = np.concatenate([np.ravel(one) for one in drawn])
    values = values[np.isfinite(values)]
    if len(values) and values.min() >= 0 and 0 < np.quantile(values, 0.02) < values.max() * 10**-DECADES:
        set_scale("log")


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]))
