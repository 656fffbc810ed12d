"""The estimates of a finished fit with their errors: parameters, initial values and derived quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..contracts import TrialLoss
from ..errors import WorkbenchError
from ..fitting.priors import DeclaredPriors
from ..priors import density_of
from . import learned
from .units import meanings

if TYPE_CHECKING:
    from ..model import Model, Trial

LARGEST_TABLE = 50
"""Unknowns up to which each gets a standard error of its own; weights of networks have none worth a table."""


def estimates(model: Model, x: np.ndarray, training: Trial) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Name → value, stderr, ci95 (none of what is held), and the document `uncertainty`, None where there is none.

    What has a unit says it, and what is one trajectory's own names the `trajectory`.
    """
    found, uncertainty = _estimates(model, x, training)
    known = meanings(model) if found else {}
    return {name: {**one, **known.get(name, {})} for name, one in found.items()}, uncertainty


def _estimates(model: Model, x: np.ndarray, training: Trial) -> tuple[dict[str, Any], dict[str, Any] | None]:
    unknowns = model.unknowns
    held = _held(model, x)
    weights = unknowns.mask("weights")
    if not 0 < (~weights).sum() <= LARGEST_TABLE or (weights.any() and not learned.is_hybrid(model)):
        return held, None
    values = zip(unknowns.labels, unknowns.physical(x)[0], weights, strict=True)
    plain = {name: {"value": float(value), "stderr": None, "ci95": None} for name, value, is_w in values if not is_w}
    if isinstance(model.loss, TrialLoss):  # its residuals are not what was minimised
        return {**plain, **held}, None
    try:
        found = uncertainty_of(model, x, training)
    except WorkbenchError:
        return {**_with_pulls(model, plain), **held}, None
    table = found.parameters(x, lambda v: unknowns.physical(v)[0], unknowns.physical(x)[1])
    table = _with_pulls(model, table)
    if not weights.any():
        return {**table, **held, **_derived(model, x, found)}, found.as_json()
    named = diagnose.of_named(found, weights)
    derived = _derived(model, x, named)
    return {**{name: table[name] for name in named.names}, **held, **derived}, named.as_json()


def _with_pulls(model: Model, table: dict[str, Any]) -> dict[str, Any]:
    """The table with each prior and how far the estimate lies from its mean, in its standard deviations."""
    texts = dict(zip(model.unknowns.labels, model.unknowns.priors, strict=True))
    found = dict(table)
    for name, text in texts.items():
        if text and found[name]["value"] is not None:
            prior = density_of(text)
            mean, sd = (float(number) for number in prior.middle)
            said = {"density": text, "mean": float(np.exp(mean)) if prior.logarithmic else mean, "sd": sd}
            found[name] = {**found[name], "prior": {**said, "pull": prior.pull(found[name]["value"])}}
    return found


def uncertainty_of(model: Model, x: np.ndarray, training: Trial) -> diagnose.Uncertainty:
    """The covariance of x from the training part; raises NoFiniteSolution or GradientUnavailable.

    The curvature of declared priors adds to that of the data. The variance of a residual is 1 where every channel's
    scale is known (declared, or Poisson), else it is estimated.
    """
    unknowns, misfit = model.unknowns, model.misfit
    line = training.sharpened() if misfit.is_likelihood else training.linearize()
    bounds = zip(unknowns.labels, x, unknowns.lower, unknowns.upper, strict=True)
    at_bound = [name for name, value, low, up in bounds if value <= low or value >= up]
    dispersion = 1.0 if misfit.is_likelihood and misfit.scales_known else None
    priors = DeclaredPriors(unknowns)
    rows = priors.spread(np.sqrt(priors.rows(x)[2]))
    hybrid = learned.is_hybrid(model)

    def errors(scale: float) -> diagnose.Uncertainty:
        if hybrid:
            return learned.errors(model, x, line, scale * rows, at_bound, dispersion)
        return diagnose.standard_errors(
            np.concatenate([line.residuals, np.zeros(len(rows))]),
            np.vstack([line.jacobian, scale * rows]),
            unknowns.labels,
            at_bound=at_bound,
            dispersion=dispersion,
            n_observations=len(line.residuals),
        )

    found = errors(1.0)
    # the data's rows are worth 1/dispersion of what they say, a prior's are worth what they say
    return errors(np.sqrt(found.dispersion)) if len(rows) and found.dispersion else found


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
    gradient = gradient[:, [name in uncertainty.names for name in model.unknowns.labels]]
    return uncertainty.derived(names, value[0], gradient)
