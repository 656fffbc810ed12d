"""Measured coverage: how often 95 % intervals hold the truth, on simulated Lotka–Volterra data.

    python benchmarks/coverage.py                    # 200 data sets
    python benchmarks/coverage.py --samples 1000 --noise 0.6 --json coverage.json

Prey and predator are seen at 30 times over ten units (one and a half periods and more), with Gaussian noise; four
parameters and both initial values are fitted, all in logarithms, from the true values. Each data set is fitted as
`workbench fit` does it: squares with an estimated variance (loss mse), and a likelihood whose noise level is declared.
Intervals of three kinds: Gauss–Newton on the log scale (x ± t·se, what `workbench fit` prints), Gauss–Newton on the
physical scale (value ± t·stderr, for comparison), and the profile. A profile interval holds the truth if the loss with
the unknown held there, all others fitted again, lies below the threshold: that is asked, and not where the ends are.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import workbench as wb
from workbench.diagnose import standard_errors
from workbench.diagnose.profiles import threshold
from workbench.fitting.objective import Subspace, TrajectoryObjective
from workbench.fitting.refit import refit
from workbench.model import Selection
from workbench.registry import installed
from workbench.workflow.fitted import Fitted

LEVEL = 0.95
KINDS = ("gauss-newton, log scale", "gauss-newton, physical", "profile")


@dataclass(frozen=True)
class Coverage:
    """Share of data sets whose interval holds the truth, by kind of interval and unknown."""

    samples: int
    failed: int
    names: tuple[str, ...]
    held: dict[str, np.ndarray]  # kind → (unknown,) shares
    seconds: float


def question(noise: float, known: bool) -> Fitted:
    """A fit of noise-free data that is as good as the truth: its model is what all data sets are put to."""
    problem = wb.read_problem("lotka_volterra")
    assert problem.system is not None
    if known:
        observed = tuple(replace(each, noise="gaussian", scale=noise) for each in problem.system.observed)
        problem = replace(problem, system=replace(problem.system, observed=observed))
        problem = replace(problem, noise=dict.fromkeys(problem.system.observed_names, "gaussian"))
    data = wb.simulate("lotka_volterra", samples=30).dataset()
    free = ("prey(0)", "predator(0)")
    return wb.fit(problem.with_data(data, "none"), free=free, loss="likelihood" if known else "mse")


def measure(samples: int, noise: float, known: bool, seed: int = 0) -> Coverage:
    """Coverage over `samples` data sets with noise of standard deviation `noise`, known to the fit or estimated."""
    began = time.monotonic()
    fitted = question(noise, known)
    model, truth = fitted.session.model, fitted.session.x
    selection = Selection.of(model.data, np.ones(len(model.data.t), dtype=bool))
    clean = model.trial(truth, selection).predicted
    optimizer = installed().make("optimizer", "levenberg-marquardt")
    held: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    failed = 0
    for child in np.random.default_rng([seed, 6]).spawn(samples):
        drawn = replace(selection, values=clean + noise * child.standard_normal(clean.shape))
        objective = TrajectoryObjective(model, drawn)
        found = refit(objective, optimizer, truth)
        if found is None or not found.converged:
            failed += 1
            continue
        line = objective.linearize(found.x)
        errors = standard_errors(
            line.residuals, line.jacobian, model.unknowns.labels, dispersion=1.0 if known else None
        )
        t = errors.quantile(LEVEL)
        value, slope = model.unknowns.physical(found.x)
        true = model.unknowns.physical(truth)[0]
        held[KINDS[0]].append(np.abs(truth - found.x) <= t * errors.stderr)
        held[KINDS[1]].append(np.abs(true - value) <= t * np.abs(slope) * errors.stderr)
        rise = threshold(LEVEL, found.value, clean.size, errors.rank, likelihood=known, scales_known=known)
        held[KINDS[2]].append(_profile_holds(objective, optimizer, found.x, truth, found.value + rise))
    shares = {kind: np.mean(each, axis=0) for kind, each in held.items()}
    return Coverage(samples, failed, model.unknowns.labels, shares, time.monotonic() - began)


def _profile_holds(objective: Any, optimizer: Any, x: np.ndarray, truth: np.ndarray, highest: float) -> np.ndarray:
    """Whether the profile of each unknown lies below `highest` at its true value (unknown,)."""
    below = np.zeros(len(x), dtype=bool)
    for i in range(len(x)):
        at = x.copy()
        at[i] = truth[i]
        others = np.arange(len(x)) != i
        found = refit(Subspace(objective, others, at), optimizer, at[others])
        below[i] = found is not None and found.value <= highest
    return below


def main() -> None:
    parser = argparse.ArgumentParser(description="Measured coverage of 95 % intervals.")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.3, help="standard deviation, in units of the populations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=None)
    asked = parser.parse_args()
    documents = []
    for known in (False, True):
        found = measure(asked.samples, asked.noise, known, asked.seed)
        print(f"noise {asked.noise:g}, {'known' if known else 'estimated'}: {found.samples} data sets, ", end="")
        print(f"{found.failed} fits failed, {found.seconds:.1f} s")
        print(" " * 26 + "".join(f"{name:>14}" for name in found.names))
        for kind, shares in found.held.items():
            print(f"  {kind:<24}" + "".join(f"{100 * share:>12.1f} %" for share in shares))
        documents.append(
            {
                "noise": asked.noise,
                "known": known,
                "samples": found.samples,
                "failed": found.failed,
                "coverage": {
                    kind: dict(zip(found.names, shares.tolist(), strict=True)) for kind, shares in found.held.items()
                },
            }
        )
    if asked.json is not None:
        asked.json.write_text(json.dumps(documents, indent=1) + "\n")


if __name__ == "__main__":
    main()
