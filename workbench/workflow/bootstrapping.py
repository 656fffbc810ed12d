"""The bootstrap of a fitted model: fits to data drawn anew, and what the estimates do."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors.usage import UsageError
from ..fitting.objective import TrajectoryObjective
from ..fitting.refit import refit
from .drawing import drawer, training_selection
from .estimates import uncertainty_of
from .profiling import require_least_squares, require_level
from .threads import one_thread

if TYPE_CHECKING:
    from ..runs import Run
    from .fitted import Fitted

FEWEST = 20  # samples below which percentiles mean little
LEAST = 10  # fits that have to come of them


@dataclass(frozen=True)
class Bootstrap:
    """Estimates from data drawn anew, in physical units."""

    run: str | None
    method: str  # parametric, blocks or trajectories
    block: int | None
    level: float
    seed: int
    samples: int  # asked for
    failed: int  # without a solution, or not converged: left out
    names: tuple[str, ...]
    values: np.ndarray  # (unknown,) of the fit itself
    estimates: np.ndarray  # (sample, unknown)
    gauss_newton: np.ndarray  # (2, unknown), NaN where there is none
    notes: tuple[str, ...] = ()

    @property
    def stderr(self) -> np.ndarray:
        """The standard deviation of the estimates (unknown,)."""
        found: np.ndarray = np.std(self.estimates, axis=0, ddof=1)
        return found

    @property
    def interval(self) -> np.ndarray:
        """Percentile intervals (lower and upper, unknown)."""
        ends = (1 - self.level) / 2
        found: np.ndarray = np.quantile(self.estimates, [ends, 1 - ends], axis=0)
        return found

    def document(self) -> dict[str, Any]:
        """The document `workbench/bootstrap/1`."""
        bias = self.estimates.mean(axis=0) - self.values
        low, high = self.interval
        parameters = {
            name: {
                "value": float(self.values[k]),
                "stderr": float(self.stderr[k]),
                "interval": [float(low[k]), float(high[k])],
                "bias": float(bias[k]),
                "gauss_newton": self.gauss_newton[:, k].tolist()
                if np.isfinite(self.gauss_newton[:, k]).all()
                else None,
                "estimates": self.estimates[:, k].tolist(),
            }
            for k, name in enumerate(self.names)
        }
        return {
            "schema": "workbench/bootstrap/1",
            "run": self.run,
            "method": self.method,
            "block": self.block,
            "level": self.level,
            "seed": self.seed,
            "samples": self.samples,
            "failed": self.failed,
            "parameters": parameters,
            "notes": list(self.notes),
        }


def bootstrap(
    fitted: Fitted | Run | str | Path,
    *,
    samples: int = 200,
    method: str = "auto",
    block: int | None = None,
    level: float = 0.95,
    seed: int = 0,
    max_time: float | None = None,
    store: str | Path = "runs",
    plugins: Iterable[str | Path] = (),
) -> Bootstrap:
    """Fit again to `samples` data sets drawn from the fitted model, each from the fitted values on.

    `method` is "parametric" (predictions plus the declared noise), "blocks" (predictions plus moving blocks of `block`
    residuals), "trajectories" (whole trajectories drawn with replacement; unknowns that they share are reported) or
    "auto", see `drawing.drawer`. Percentile intervals at `level` (Efron & Tibshirani 1993, An Introduction to the
    Bootstrap, §13.3). A network's weights are fitted again too, and not reported. `max_time` (seconds) ends it early.
    Equal seeds (`seed`) draw alike. A stored run is looked for in the folder `store`, with its `plugins` (files).
    Raises UsageError where there is nothing to report or too little came of it.
    """
    from ..registry import installed
    from .fitted import fitted_of

    fit = fitted_of(fitted, store, plugins)
    session = fit.session
    model, x = session.model, session.x
    require_level(level)
    if samples < FEWEST:
        raise UsageError(f"{samples} samples are too few for percentiles", help=f"--samples 200; {FEWEST} at least")
    optimizer = installed().make("optimizer", "levenberg-marquardt")
    whole = session.task.trajectory()
    require_least_squares(whole)
    everything = np.ones(len(x), dtype=bool)
    deadline, began = model.deadline, time.monotonic()
    estimates: list[np.ndarray] = []
    failed = drawn_samples = 0
    try:
        model.deadline = None
        with one_thread(model.graph is None):
            uncertainty = uncertainty_of(model, x, model.trial(x, training_selection(model)))
            drawn = drawer(model, x, uncertainty.rank, method, block)
            reported = _reported(fit, drawn.method)
            shrink = session.task.shrinkage(whole, x)
            network = bool(model.unknowns.mask("weights").any())
            for child in np.random.default_rng([seed, 5]).spawn(samples):
                if max_time is not None and time.monotonic() - began > max_time:
                    break
                drawn_samples += 1
                objective = session.task.posterior(TrajectoryObjective(model, drawn.draw(child)))
                found = refit(session.task.restrict(objective, everything, x, shrink), optimizer, x, network)
                if found is None or not found.converged:
                    failed += 1
                else:
                    estimates.append(model.unknowns.physical(found.x)[0][reported])
    finally:
        model.deadline = deadline
    if len(estimates) < LEAST:
        weights = model.unknowns.mask("weights").any()
        other = "workbench ensemble RUN" if weights else "workbench profile RUN"
        raise UsageError(
            f"only {len(estimates)} of {drawn_samples} fits to drawn data converged, and {LEAST} are needed",
            help=f"give more time or samples, or see {other} for what the data determine",
        )
    reach = uncertainty.quantile(level) * uncertainty.stderr
    with np.errstate(all="ignore"):
        ends = np.array([model.unknowns.physical(x + sign * reach)[0] for sign in (-1, 1)])
    notes = [f"stopped after {drawn_samples} of {samples} samples, by --max-time"] if drawn_samples < samples else []
    if failed:
        notes.append(f"{failed} of {drawn_samples} fits did not converge and are left out")
    return Bootstrap(
        run=fit.name,
        method=drawn.method,
        block=drawn.block,
        level=level,
        seed=seed,
        samples=drawn_samples,
        failed=failed,
        names=tuple(model.unknowns.labels[i] for i in reported),
        values=model.unknowns.physical(x)[0][reported],
        estimates=np.array(estimates),
        gauss_newton=ends[:, reported],
        notes=tuple(notes),
    )


def _reported(fit: Fitted, method: str) -> np.ndarray:
    """Places in x of the unknowns that are reported: no weights, and only shared ones where trajectories are drawn."""
    unknowns = fit.session.model.unknowns
    wanted = ~unknowns.mask("weights", "encoder")
    if method == "trajectories":
        wanted &= ~unknowns.mask(*(block.name for block in unknowns.blocks if block.value.ndim == 2))
    if not wanted.any():
        raise UsageError(
            "there are no unknowns to report: the fit has a network's weights only", help="workbench ensemble RUN"
        )
    return np.flatnonzero(wanted)
