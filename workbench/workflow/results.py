"""What a finished fit is judged by: predictions everywhere, scores, errors, checks and the verdict."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..dataset import TEST, TRAIN, VALIDATION
from ..errors import WorkbenchError
from ..model import Model, Selection, Trial
from .gradient_check import checked_fit
from .pictures import pictures

if TYPE_CHECKING:
    from .session import Session

LARGEST_TABLE = 50
"""Unknowns up to which each gets a standard error of its own; weights of networks have none worth a table."""


def results(session: Session) -> dict[str, Any]:
    """The finished parts of a Record: prediction, residual, metrics, diagnostics, parameters, equations."""
    model, x = session.model, session.x
    model.settle(x)
    data, part = model.data, np.asarray(session.problem.part)
    everything = model.trial(x, Selection.of(data, np.ones(len(data.t), dtype=bool)))
    states, prediction = reached(everything)
    training = model.trial(x, Selection.of(data, part == TRAIN))
    metrics = diagnose.metrics(data, part, prediction, nll=_nll(model, part, prediction))
    baselines = diagnose.baselines(data, part)
    parameters, uncertainty = _parameters(model, x, training)
    whiteness = diagnose.whiteness(data, part, _loss_residuals(model, part, prediction))
    swap = _solver_swap(model, x, prediction)
    gradient = checked_fit(training, session.choices.seed)
    verdict = diagnose.verdict(
        metrics,
        baselines,
        status=session.status,
        n_unknowns=len(x),
        parameters=parameters,
        whiteness=whiteness,
        swap=swap,
        score=_score(model, metrics),
    )
    nll = (metrics["train"] or {}).get("nll")
    n_scales = sum(1 for formulas in model.misfit.formulas if formulas.loss.scale != "none")
    n = int(data.mask[part == TRAIN].sum())
    return {
        "states": states,
        "prediction": prediction,
        "residual": data.values - prediction,
        "metrics": {**metrics, "baselines": baselines},
        "parameters": parameters,
        "equations": _equations(model, x, parameters),
        "diagnostics": {
            "checks": {"solver_swap": swap, "whiteness": whiteness, "gradient": gradient},
            "verdict": verdict,
            "uncertainty": uncertainty,
            "criteria": diagnose.information_criteria(nll, n, len(x) + n_scales) if nll is not None else None,
            "scales": _scales(model, training),
            "cost": _cost(session, everything),
            **pictures(model, x),
        },
    }


def reached(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """States and predictions at every observation; NaN from where a trajectory's solve ended."""
    selection, model = trial.selection, trial.model
    states = trial.trajectory.ys[selection.row, selection.column]
    times, numbers = selection.ts[selection.row, selection.column], selection.rows[selection.row]
    prediction = np.full((len(selection), model.data.n_channels), np.nan)
    there = np.isfinite(states).all(axis=1)
    with np.errstate(all="ignore"):
        prediction[there] = model.observe(trial.x, times[there], states[there], numbers[there])
    prediction[~np.isfinite(prediction)] = np.nan
    return states, prediction


def _nll(model: Model, part: np.ndarray, prediction: np.ndarray) -> dict[str, float | None] | None:
    """Negative log-likelihood by part, scales profiled on the training part; None where the loss is no likelihood."""
    misfit, values = model.misfit, model.data.values
    if not misfit.is_likelihood:
        return None
    train = part == TRAIN
    if not np.isfinite(misfit.value(values[train], prediction[train])):
        return None
    sigma = misfit.sigma(values[train], prediction[train])
    found: dict[str, float | None] = {}
    for name, which in (("train", TRAIN), ("validation", VALIDATION), ("holdout", TEST)):
        inside = part == which
        finite = inside.any() and np.isfinite(misfit.value(values[inside], prediction[inside]))
        found[name] = misfit.total_nll(values[inside], prediction[inside], sigma) if finite else None
    return found


def _loss_residuals(model: Model, part: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The residuals that the loss sees, of one spread over a channel (observation, channel); NaN where none is."""
    misfit, values = model.misfit, model.data.values
    train = part == TRAIN
    if not np.isfinite(misfit.value(values[train], prediction[train])):
        return values - prediction
    sigma = misfit.sigma(values[train], prediction[train])
    found = np.full(values.shape, np.nan)
    for i, formulas in enumerate(misfit.formulas):
        seen = np.flatnonzero(np.isfinite(values[:, i]) & np.isfinite(prediction[:, i]))
        seen = seen[formulas.admissible(values[seen, i], prediction[seen, i])]
        found[seen, i] = formulas.residual(values[seen, i], prediction[seen, i], sigma[i])
    return found


def _score(model: Model, metrics: dict[str, Any]) -> str:
    noise = set(model.problem.noise.values())
    known = (metrics.get("holdout") or {}).get("log_rmse_all") is not None
    return "log_rmse_all" if noise == {"lognormal"} and known else "nrmse"


def _parameters(model: Model, x: np.ndarray, training: Trial) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Name → value, stderr, ci95; held parameters without errors. None for the second where errors cannot be had."""
    unknowns = model.unknowns
    held = _held(model, x)
    if len(x) > LARGEST_TABLE or not len(x) or unknowns.mask("weights").any():
        return held, None
    values = zip(unknowns.labels, unknowns.physical(x)[0], strict=True)
    plain = {name: {"value": float(value), "stderr": None, "ci95": None} for name, value in values}
    try:
        found = uncertainty_of(model, x, training)
    except WorkbenchError:
        return {**plain, **held}, None
    table = found.parameters(x, lambda v: unknowns.physical(v)[0], unknowns.physical(x)[1])
    derived = _derived(model, x, found)
    return {**table, **held, **derived}, found.as_json()


def uncertainty_of(model: Model, x: np.ndarray, training: Trial) -> diagnose.Uncertainty:
    """The covariance of x from the training part; raises NoFiniteSolution or GradientUnavailable.

    The variance of a residual is 1 where every channel's scale is known (declared, or Poisson), else it is estimated.
    """
    unknowns, misfit = model.unknowns, model.misfit
    line = training.linearize()
    bounds = zip(unknowns.labels, x, unknowns.lower, unknowns.upper, strict=True)
    at_bound = [name for name, value, low, up in bounds if value <= low or value >= up]
    known = misfit.is_likelihood and misfit.scales_known
    return diagnose.standard_errors(
        line.residuals, line.jacobian, unknowns.labels, at_bound=at_bound, dispersion=1.0 if known else None
    )


def _held(model: Model, x: np.ndarray) -> dict[str, Any]:
    """Shared parameters that were given, not fitted."""
    found = {}
    for block in model.unknowns.blocks:
        if block.name in ("weights", "initial"):
            continue
        for label, index, value in zip(block.labels, model.unknowns.index[block.name].T, block.value.T, strict=True):
            if np.ndim(index) == 0 and index < 0:
                found[label] = {"value": float(value), "stderr": None, "ci95": None, "fixed": True}
    return found


def _derived(model: Model, x: np.ndarray, uncertainty: diagnose.Uncertainty) -> dict[str, Any]:
    """Functions of the parameters that the problem asks for, with errors by the delta method.

    With several trajectories those that depend on a trajectory's own parameters or covariates are left out.
    """
    graph, system = model.graph, model.problem.system
    if graph is None or system is None or not graph.groups.get("derived"):
        return {}
    p = np.atleast_2d(model.columns.parameters(x))[:1]
    c = model.covariates[:1] if model.covariates is not None else None
    zero = np.zeros((1, len(model.field.states)))
    value, by_p = graph.function("derived", ("p",))(model.t0[:1], zero, None, c, p)
    own = {label for block in model.unknowns.blocks if block.value.ndim == 2 for label in block.labels}
    names = [each.name for each in system.derived]
    if model.data.n_trajectories > 1:
        of_all = ~by_p[0][:, [name in own for name in graph.parameters]].any(axis=1)
        if "c" in graph.depends("derived"):
            _, by_c = graph.function("derived", ("c",))(model.t0[:1], zero, None, c, p)
            of_all &= ~by_c[0].any(axis=1)
        names = [name for name, shared in zip(names, of_all, strict=True) if shared]
        value, by_p = value[:, of_all], by_p[:, of_all]
    columns = model.columns
    by_q = np.zeros((value.shape[1], columns.n_parameters + len(columns.initial_states)))
    by_q[:, : columns.n_parameters] = by_p[0]
    gradient = columns.by_unknowns(by_q, np.zeros(len(by_q), dtype=int), x)
    return uncertainty.derived(names, value[0], gradient)


def _equations(model: Model, x: np.ndarray, parameters: dict[str, Any]) -> tuple[str, ...]:
    write = getattr(model.field, "equations", None)
    values = {name: entry["value"] for name, entry in parameters.items() if "(0)" not in name}
    return tuple(write(values)) if write else ()


def _scales(model: Model, training: Trial) -> dict[str, float] | None:
    """Channel → the noise scale that was profiled or given."""
    if not model.misfit.is_likelihood:
        return None
    try:
        sigma = model.misfit.sigma(training.selection.values, training.predicted)
    except WorkbenchError:
        return None
    scaled = {i for i, formulas in enumerate(model.misfit.formulas) if formulas.loss.scale != "none"}
    return {name: sigma[i] for i, name in enumerate(model.data.channels) if i in scaled}


def _solver_swap(model: Model, x: np.ndarray, prediction: np.ndarray) -> dict[str, Any] | None:
    """The same dynamics by DOP853 at rtol 1e-9, where that is installed."""
    from ..registry import installed

    if "dop853" not in {listed.name for listed in installed().offers("solver")}:
        return None
    own, other = model.solver, copy.copy(model)
    other.solver = installed().make("solver", "dop853", {"rtol": 1e-9, "atol": 1e-11})
    if model.compiled is not None:  # it solves by the method that it was compiled with
        other.compiled = None
        vars(other)["module"] = None  # what has been compiled has a graph
    everything = Selection.of(model.data, np.ones(len(model.data.t), dtype=bool))
    _, again = reached(other.trial(x, everything))
    spread = np.nanstd(model.data.values, axis=0)
    step = getattr(own, "step", None) if not own.adaptive else None
    name = getattr(getattr(own, "tableau", own), "name", type(own).__name__)
    return diagnose.solver_swap(prediction, again, spread, solver=name, step=step or None, times=model.data.t)


def _cost(session: Session, trial: Trial) -> dict[str, Any]:
    calls = trial.trajectory.stats.get("rhs_calls")
    return {
        "iterations": int(session.state["number"]),
        "rhs_evaluations": int(np.sum(calls)) if calls is not None else None,
    }
