"""The verdict: good, doubtful or bad, and why, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors.counting import count
from .extrapolation import told
from .findings import Findings, listed, percent
from .forecast import NAMES, NEGLIGIBLE, TIE, judge_forecast

POOR, WEAK = 30.0, 70.0
"""Training fit per cent below which the model is said to follow the data poorly, and roughly."""
ENOUGH = 3.0
"""Observed values per unknown from which a fit without a held-out part may be called good."""

UNFINISHED = {"iterations": "used up its iterations", "time": "used up its time", "interrupted": "was interrupted"}


def verdict(
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, Any]],
    *,
    status: str,
    n_unknowns: int | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    whiteness: Mapping[str, Any] | None = None,
    swap: Mapping[str, Any] | None = None,
    score: str = "nrmse",
    inputs: Mapping[str, Any] | None = None,
    extrapolation: Mapping[str, Any] | None = None,
    ahead: Mapping[str, Any] | None = None,
    time: str = "t",
) -> dict[str, Any]:
    """{"word": good | doubtful | bad, "reasons": sentences, gravest first}, from what the diagnosis found.

    `metrics` and `baselines` as those functions return them, `status` as a run bears it, `parameters` with their
    `stderr` and `reason`; `score` is the held-out error to compare by: `nrmse`, or `log_rmse_all` for lognormal noise;
    `inputs`, `extrapolation` and `ahead` as `input_correlation`, `Region.left_by` and `steps_ahead` return them; `time`
    is what the data call t.

    Bad: no finite prediction; a failed or stuck fit; a held-out error above the best baseline's by more than 5 %;
    training fit below 30 %; a model tied to its solver.
    Doubtful: equal to the best baseline within 5 %, unless that is the linear ODE and the training fit is 70 % or more
    (it may be the truth); better than the baselines by one of nrmse and log-RMSE but not by the other; training fit
    below 70 %; a held-out error over twice the training error and above 0.1; coloured residuals, or residuals that
    depend on the inputs; forecasts a few steps ahead worse than repeating the last value by more than 5 %; unknowns at
    a bound or not determined; stopped before convergence while standard errors are reported or nothing was held out;
    interrupted; nothing held out and fewer than 3 observed values per unknown.
    Good: none of these. A low training fit weighs one degree less where the residuals pass for noise: then the data,
    not the model, set its limit. Errors below 0.1 % of the data's spread are not told apart, nor are their residuals
    tested.
    """
    found = Findings()
    train, holdout = metrics.get("train"), metrics.get("holdout")
    if status.startswith("failed"):
        found.bad.append(f"The fit ended with {status}.")
    if status == "stuck":
        found.bad.append(_stuck(train or {}, baselines))
    if not train or train.get("sse") is None:
        found.bad.append("The model has no finite prediction of the training part.")
        return found.verdict()
    white = (whiteness or {}).get("white")
    _judge_fit(found, train.get("fit_percent"), bool(white))
    if holdout:
        judge_forecast(found, train, holdout, baselines, score)
    else:
        _judge_without_holdout(found, train, n_unknowns)
    _judge_swap(found, swap or {})
    if white is not None and (train.get("nrmse") or 0.0) >= NEGLIGIBLE:
        _judge_residuals(found, whiteness or {})
    if inputs and inputs["independent"] is False and (train.get("nrmse") or 0.0) >= NEGLIGIBLE:
        found.doubtful.append(f"The training residuals depend on the inputs: {_dependent(inputs)}.")
    _judge_steps_ahead(found, ahead or {})
    if said := told(dict(extrapolation or {}), "The held-out part", time):
        found.remarks.append(said)
    _judge_parameters(found, parameters or {})
    _judge_status(found, status, bool(holdout), bool(parameters))
    return found.verdict()


def _stuck(train: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> str:
    """How a stuck fit compares with the best baseline of the training part."""
    errors = {name: (baselines.get(name, {}).get("train") or {}).get("nrmse") for name in ("linear", "mean")}
    known = {name: error for name, error in errors.items() if error is not None}
    best = min(known, key=lambda name: known[name], default="mean")
    numbers = f": normalised RMSE {train['nrmse']:.3g} against {known[best]:.3g}" if known else ""
    return (
        f"The fit is stuck: {NAMES[best]} is nearer to the training data{numbers}. "
        "Fit from another --seed or from several --starts."
    )


def _judge_fit(found: Findings, fit: float | None, noise_only: bool) -> None:
    """How closely the training part is followed, given whether the rest passes for noise."""
    if fit is None:
        found.remarks.append("No channel varies in the training part, so a fit in per cent does not exist.")
    elif fit >= WEAK:
        found.remarks.append(f"It follows the training data: fit {percent(fit)}.")
    else:
        degrees = [found.bad, found.doubtful, found.remarks]
        how, degree = ("poorly", 0) if fit < POOR else ("only roughly", 1)
        rest = ", and what is left passes for noise" if noise_only else " (0 % is their mean)"
        degrees[degree + noise_only].append(f"It follows the training data {how}: fit {percent(fit)}{rest}.")


def _judge_without_holdout(found: Findings, train: Mapping[str, Any], n_unknowns: int | None) -> None:
    """Nothing was held out: say so, and ask for enough values per unknown."""
    found.remarks.append("No held-out check was made: every observation was used for the fit.")
    if n_unknowns is None or train["n"] < ENOUGH * n_unknowns:
        unknowns = "an untold number of unknowns" if n_unknowns is None else count(n_unknowns, "unknown")
        found.doubtful.append(
            f"With {unknowns} for {count(train['n'], 'observed value')} a close fit shows little: hold out a part."
        )


def _judge_swap(found: Findings, swap: Mapping[str, Any]) -> None:
    """Whether another solver gives the same trajectory."""
    word, difference = swap.get("verdict"), swap.get("max_relative_difference")
    if word is None:
        return
    size = "has no finite solution" if difference is None else f"differs by {difference:.2g} of the data's spread"
    if word == "an ODE" and swap.get("sensitive"):
        found.remarks.append(
            f"Solved by another method it parts at {swap['parts_at']:.4g}, as it does after a small change of its "
            "start: forecasts beyond are not to be relied on."
        )
    elif word == "an ODE":
        found.remarks.append(f"Solved by another method it stays the same trajectory (it {size}).")
    else:
        found.bad.append(f"What was learned is {word}, not an ODE: solved by another method it {size}.")


def _judge_residuals(found: Findings, whiteness: Mapping[str, Any]) -> None:
    """Whether anything predictable is left in the training residuals."""
    p = whiteness["p"]
    if whiteness["white"]:
        found.remarks.append(f"The training residuals pass for noise (p = {p:.2g}).")
        return
    coloured = [
        name for name, one in whiteness["channels"].items() if one["p"] is not None and one["p"] < whiteness["level"]
    ]
    found.doubtful.append(
        f"The training residuals of {listed(coloured)} are not white (p = {p:.1g}): something predictable is left in "
        "them, and the standard errors are not to be relied on."
    )


def _dependent(inputs: Mapping[str, Any]) -> str:
    """The pairs of channel and input whose correlation leaves its bound, each at the lag of its largest one.

    >>> _dependent({"pairs": {"y": {"u": {"r": [0.1, 0.6], "lag": 1, "bound": 0.3}, "v": None}}})
    'y on u (correlation 0.6 at lag 1, 99 % bound 0.3)'
    """
    pairs = [
        f"{channel} on {name} (correlation {one['r'][one['lag']]:.2g} at lag {one['lag']}, "
        f"99 % bound {one['bound']:.2g})"
        for channel, by_input in inputs["pairs"].items()
        for name, one in by_input.items()
        if one and abs(one["r"][one["lag"]]) > one["bound"]
    ]
    return listed(pairs)


def _judge_steps_ahead(found: Findings, ahead: Mapping[str, Any]) -> None:
    """Whether forecasts a few steps ahead are any better than repeating the last value, on the held-out part."""
    if not ahead:
        return
    k = max(ahead, key=int)
    scores = ahead[k].get("holdout") or {}
    error, naive = scores.get("nrmse"), scores.get("persistence")
    if error is None or naive is None or max(error, naive) < NEGLIGIBLE:
        return
    numbers = f"normalised RMSE {error:.3g} against {naive:.3g}"
    if error > TIE * naive:
        found.doubtful.append(f"Forecasts {k} steps ahead are worse than the last value repeated: {numbers}.")
    else:
        found.remarks.append(f"Forecasts {k} steps ahead do not lose to the last value repeated: {numbers}.")


def _judge_parameters(found: Findings, parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Unknowns without a standard error, and those that are little known."""
    reasons = {name: one["reason"] for name, one in parameters.items() if one.get("reason")}
    bound = [name for name, reason in reasons.items() if reason.startswith("at its bound")]
    undetermined = [name for name in reasons if name not in bound]
    if bound:
        found.doubtful.append(f"{listed(bound)} ended at a bound.")
    if undetermined:
        found.doubtful.append(f"The data do not determine {listed(undetermined)} ({reasons[undetermined[0]]}).")
    vague = [name for name, one in parameters.items() if (one.get("stderr") or 0.0) > abs(one.get("value") or 0.0)]
    if vague:
        found.remarks.append(f"The standard error exceeds the value itself for {listed(vague)}.")


def _judge_status(found: Findings, status: str, held_out: bool, has_errors: bool) -> None:
    """Whether the fit came to its end."""
    if status in UNFINISHED:
        grave = has_errors or not held_out or status == "interrupted"
        sentence = f"The fit {UNFINISHED[status]} before it converged; resume it to go on."
        (found.doubtful if grave else found.remarks).append(sentence)
    elif status == "stalled":
        found.doubtful.append("The fit stalled: no step lowered the loss any more, though its slope was not zero.")
    elif status == "early_stop":
        found.remarks.append("The fit was stopped where the validation error was least.")
