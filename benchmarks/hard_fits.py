"""Fits that single shooting loses: how often each strategy recovers the truth from random starts.

Every parameter starts at its true value times exp(N(0, 1/2)), or as the case says; initial values are unknown, those of
states that are measured start at the first observation, hidden ones at the truth times exp(N(0, 1/2)) where their
transform is log, else at the truth plus a normal draw as wide as half the state's spread. Scores are of the free run
against the noise-free truth on the test part. Run it: python benchmarks/hard_fits.py [--seeds 10] [--cases …]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import workbench as wb
from workbench.errors import WorkbenchError

NOISE = "5%"
GOOD = 95.0  # fit %
STRATEGIES = ("ladder", "multiple-shooting", "single")
LYAPUNOV = 0.9056  # of Lorenz's system: Sprott (2003), Chaos and Time-Series Analysis, Oxford, p. 431

Start = Callable[[np.random.Generator, str, float], float]


def spread_out(rng: np.random.Generator, name: str, value: float) -> float:
    """The value times exp(N(0, 1/2))."""
    return float(value * np.exp(0.5 * rng.normal()))


def detuned(rng: np.random.Generator, name: str, value: float) -> float:
    """A stiffness whose frequency is 20 to 50 % too high or too low; other parameters as `spread_out`."""
    if name != "k":
        return spread_out(rng, name, value)
    return float(value * (1 + rng.choice([-1, 1]) * rng.uniform(0.2, 0.5)) ** 2)


@dataclass(frozen=True)
class Case:
    """A system of the library, what is seen of it, and where fits of it start."""

    title: str
    problem: str
    span: tuple[float, float]
    samples: int
    seen: tuple[str, ...]
    values: dict[str, float] = field(default_factory=dict)
    start: Start = spread_out
    dynamics: str = "equations"


CASES = {
    "spiral": Case("noisy spiral (mlp)", "damped_spiral", (0, 10), 500, ("x", "y"), dynamics="mlp"),
    "predator": Case("Lotka–Volterra, predator hidden", "lotka_volterra", (0, 12), 121, ("prey",)),
    "van_der_pol": Case("van der Pol, velocity hidden", "van_der_pol", (0, 30), 301, ("x",)),
    "pendulum": Case("pendulum, velocity hidden", "pendulum", (0, 10), 201, ("theta",)),
    "oscillator": Case(
        "20 periods, frequency 20–50 % off", "damped_oscillator", (0, 62.8), 401, ("x",), {"c": 0.02}, detuned
    ),
    "lorenz": Case("Lorenz, 10 periods", "lorenz", (0, 9.4), 471, ("x", "y", "z")),
}


@dataclass(frozen=True)
class Outcome:
    """One fit: fit % of the test part, its valid time and largest exponent where they are asked for, and seconds."""

    fit: float
    seconds: float
    valid: float | None = None  # Lyapunov times
    exponent: float | None = None

    @property
    def good(self) -> bool:
        """What the case wants is reached."""
        if self.valid is None or self.exponent is None:
            return self.fit >= GOOD
        return self.valid >= 1.0 and abs(self.exponent / LYAPUNOV - 1) <= 0.1


def attempt(case: Case, strategy: str, seed: int, **options: Any) -> Outcome:
    """Fit one draw of data and starts; a fit that fails has a fit % of −∞."""
    truth = wb.simulate(case.problem, samples=case.samples, span=case.span, values=case.values)
    noisy = wb.simulate(
        case.problem, samples=case.samples, span=case.span, values=case.values, noise=NOISE, seed=seed
    ).dataset()
    data = noisy.with_channels(case.seen)
    before = time.process_time()
    try:
        fitted = wb.fit(
            data,
            strategy=strategy,
            seed=seed,
            **(_question(case, truth, data, seed) if _known(case) else {}),
            **options,
        )
        fit, run = _fit_percent(case, truth, fitted), fitted
    except WorkbenchError:
        return Outcome(-np.inf, time.process_time() - before)
    seconds = time.process_time() - before
    if case.problem != "lorenz":
        return Outcome(fit, seconds)
    return Outcome(fit, seconds, _valid_time(truth, run), _exponent(run))


def _known(case: Case) -> bool:
    return case.dynamics == "equations"


def _question(case: Case, truth: Any, data: Any, seed: int) -> dict[str, Any]:
    """The equations with their random starts, all initial values free."""
    rng = np.random.default_rng([seed, 7])
    system = truth.system
    starts = {p.name: case.start(rng, p.name, p.value) for p in system.parameters if not p.fixed}
    for i, state in enumerate(system.states):
        spread = float(np.std(truth.ys[0, :, i]))
        if state.name in case.seen:
            value = float(data.values[0, case.seen.index(state.name)])
        elif state.transform == "log":
            value = spread_out(rng, state.name, float(state.initial))
        else:
            value = float(state.initial) + 0.5 * spread * float(rng.normal())
        starts[f"{state.name}(0)"] = max(value, 1e-3) if state.transform == "log" else value
    return {
        "problem": case.problem,
        "start_values": starts,
        "free": [f"{state.name}(0)" for state in system.states],
    }


def _run(case_seen: Sequence[str], truth: Any, fitted: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test times, the truth and the free run there (time, channel)."""
    test = np.asarray(fitted.run.part) == 2
    names = list(truth.system.state_names)
    exact = truth.ys[0][:, [names.index(name) for name in case_seen]]
    return truth.ts[0][test], exact[test], np.asarray(fitted.run.prediction)[test]


def _fit_percent(case: Case, truth: Any, fitted: Any) -> float:
    """100·(1 − ‖y − ŷ‖/‖y − ȳ‖), the mean over channels."""
    _, exact, found = _run(case.seen, truth, fitted)
    misses = np.linalg.norm(found - exact, axis=0) / np.linalg.norm(exact - exact.mean(axis=0), axis=0)
    return float(np.mean(100 * (1 - misses))) if np.isfinite(misses).all() else -np.inf


def _valid_time(truth: Any, fitted: Any) -> float:
    """From the split until the error exceeds 0.4 of the root mean square of the truth, in Lyapunov times.

    The bound is that of Pathak et al. (2018), Phys. Rev. Lett. 120, 024102.
    """
    t, exact, found = _run(truth.system.state_names, truth, fitted)
    error = np.linalg.norm(found - exact, axis=1) / np.sqrt(np.mean(np.sum(exact**2, axis=1)))
    wrong = np.flatnonzero(~(error <= 0.4))
    end = t[wrong[0]] if len(wrong) else t[-1]
    return float((end - t[0]) * LYAPUNOV)


def _exponent(fitted: Any, span: float = 200.0, h: float = 0.01) -> float:
    """Lorenz's largest exponent at the fitted parameters.

    The mean growth of a tangent along a solution that is renormalised at every step (Benettin et al. 1980, Meccanica
    15, 9–20), by the classical Runge–Kutta method.
    """
    s, r, b = (fitted.parameters[name]["value"] for name in ("sigma", "rho", "beta"))

    def slope(z: np.ndarray) -> np.ndarray:
        x, y, w, dx, dy, dw = z
        return np.array(
            [
                s * (y - x),
                x * (r - w) - y,
                x * y - b * w,
                s * (dy - dx),
                dx * (r - w) - x * dw - dy,
                dx * y + x * dy - b * dw,
            ]
        )

    z = np.array([1.0, 1.0, 20.0, 1.0, 0.0, 0.0])
    growth, settle = 0.0, int(10 / h)
    steps = settle + int(span / h)
    for k in range(steps):
        k1 = slope(z)
        k2 = slope(z + h / 2 * k1)
        k3 = slope(z + h / 2 * k2)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(z + h * k3))
        size = float(np.linalg.norm(z[3:]))
        z[3:] /= size
        growth += np.log(size) if k >= settle else 0.0
    return growth / span


def main() -> None:
    """Print a row a case and strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES))
    given = parser.parse_args()
    print(f"{'case':34} {'strategy':18} {'good':>6} {'median':>8} {'least':>8} {'seconds':>8}")
    for name in given.cases:
        case = CASES[name]
        for strategy in given.strategies:
            found = [attempt(case, strategy, seed) for seed in range(given.seeds)]
            fits = [outcome.fit for outcome in found]
            good = f"{sum(outcome.good for outcome in found)}/{len(found)}"
            seconds = float(np.median([outcome.seconds for outcome in found]))
            row = f"{case.title:34} {strategy:18} {good:>6} {np.median(fits):8.2f} {min(fits):8.2f} {seconds:8.2f}"
            if name == "lorenz":
                valid = [outcome.valid or 0.0 for outcome in found]
                exponents = [outcome.exponent or 0.0 for outcome in found]
                row += f"   valid {min(valid):.2f}–{max(valid):.2f} λ {min(exponents):.3f}–{max(exponents):.3f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
