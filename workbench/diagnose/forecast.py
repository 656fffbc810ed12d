"""The held-out part in words: against the baselines, and against the training part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .findings import Findings

Baselines = Mapping[str, Mapping[str, Any]]

TIE = 1.05
"""A model ties with a baseline if its error is within this factor of it."""
NEGLIGIBLE = 1e-3
"""Errors below this share of the data's spread (nrmse), or this log-RMSE, are all alike: nothing is left to compare."""
FOLLOWED = 70.0
"""Training fit per cent from which a tie with the linear ODE may be the truth rather than a shared failure."""
GAP = 2.0
"""Held-out error over training error above which the model is said to forecast worse than it fits …"""
LARGE = 0.1
"""… provided the held-out error exceeds this (nrmse or log-RMSE)."""
FEW = 5
"""Held-out values below which the verdict says how few there were."""

SCORES = {"nrmse": "normalised RMSE", "log_rmse_all": "log-RMSE"}
NAMES = {
    "mean": "the training mean",
    "persistence": "the last value repeated",
    "linear": "a linear ODE",
    "line": "a straight line",
}


def judge_forecast(
    found: Findings, train: Mapping[str, Any], holdout: Mapping[str, Any], baselines: Baselines, score: str
) -> None:
    """Add what the held-out scores say, by `score` where it exists, else by nrmse."""
    unit = score if holdout.get(score) is not None else "nrmse"
    error = holdout.get(unit)
    if error is None and holdout.get("sse") is None:
        found.bad.append("The model has no finite prediction of the held-out part.")
    if error is None:
        return
    _against_baselines(found, train, error, unit, baselines)
    _by_the_other_score(found, holdout, error, unit, baselines)
    train_error = train.get(unit)
    if train_error is not None and error > GAP * train_error and error > LARGE:
        times = f"{error / train_error:.1f} times the training error" if train_error > 0 else "training has no error"
        found.doubtful.append(f"It forecasts worse than it fits: held-out {SCORES[unit]} {error:.3g}, {times}.")
    if holdout["n"] < FEW:
        found.remarks.append(f"Only {holdout['n']} held-out value{'s' * (holdout['n'] > 1)} could be scored.")


def _against_baselines(
    found: Findings, train: Mapping[str, Any], error: float, unit: str, baselines: Baselines
) -> None:
    """Better than, as good as, or worse than the best baseline."""
    best = _best(baselines, unit)
    if best is None:
        found.doubtful.append("No baseline has a finite held-out error to compare with.")
        return
    rival, least = best
    numbers = f"held-out {SCORES[unit]} {error:.3g} against {least:.3g}"
    if max(error, least) < NEGLIGIBLE:
        found.remarks.append(f"The held-out part is met almost exactly, as it is by {NAMES[rival]}: {numbers}.")
    elif error > TIE * least:
        found.bad.append(f"It does not beat the best baseline, {NAMES[rival]}: {numbers}.")
    elif error * TIE > least:
        may_be_true = rival == "linear" and (train.get("fit_percent") or 0.0) >= FOLLOWED
        sentence = f"It does not beat the best baseline, {NAMES[rival]}, but equals it: {numbers}."
        (found.remarks if may_be_true else found.doubtful).append(sentence)
    else:
        found.remarks.append(f"It beats the best baseline, {NAMES[rival]}: {numbers}.")


def _by_the_other_score(
    found: Findings, holdout: Mapping[str, Any], error: float, unit: str, baselines: Baselines
) -> None:
    """Say so where the other measure of error turns the comparison round."""
    other = next(name for name in SCORES if name != unit)
    best, again = _best(baselines, other), _best(baselines, unit)
    value = holdout.get(other)
    if value is None or best is None or again is None or max(value, best[1]) < NEGLIGIBLE:
        return
    beats, beats_by_other = error * TIE <= again[1], value * TIE <= best[1]
    if beats != beats_by_other:
        verb = "beats" if beats_by_other else "does not beat"
        sentence = f"By {SCORES[other]} it {verb} {NAMES[best[0]]}: {value:.3g} against {best[1]:.3g}."
        (found.remarks if beats_by_other else found.doubtful).append(sentence)


def _best(baselines: Baselines, unit: str) -> tuple[str, float] | None:
    """The baseline with the least held-out error: name and error."""
    errors = {name: (one.get("holdout") or {}).get(unit) for name, one in baselines.items()}
    finite = {name: error for name, error in errors.items() if error is not None}
    if not finite:
        return None
    name = min(finite, key=lambda name: finite[name])
    return name, finite[name]
