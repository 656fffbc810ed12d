"""What a finished fit is judged by: predictions everywhere, scores, estimates, checks and the verdict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..dataset import TEST, TRAIN, VALIDATION
from ..errors import WorkbenchError
from ..errors.usage import UsageError
from ..model import Model, Selection, Trial
from . import learned
from .checks import checks
from .drawing import training_selection
from .estimates import estimates
from .forecasts import forecasts
from .pictures import pictures
from .reaching import reached
from .stuck import STUCK, is_stuck
from .truth import known_truth, truth_recovery
from .waterfall import waterfall_of

if TYPE_CHECKING:
    from .session import Session


def results(session: Session) -> dict[str, Any]:
    """The finished parts of a Record: prediction, residual, metrics, diagnostics, parameters, equations."""
    model, x = session.model, session.x
    model.settle(x)
    data, part = model.data, np.asarray(session.problem.part)
    everything = model.trial(x, Selection.of(data))
    states, prediction = reached(everything)
    training = model.trial(x, training_selection(model))
    shown = model.misfit.readings(data.values, prediction)
    samples = model.start_samples
    metrics = diagnose.metrics(data, part, shown, nll=_nll(model, part, prediction), samples=samples)
    curve = not model.field.states
    baselines = diagnose.baselines(data, part, samples, curve=curve)
    if is_stuck(training, session.status, metrics, baselines):
        session.end(STUCK)
    parameters, uncertainty = estimates(model, x, training)
    found = checks(session, training, states, prediction, _loss_residuals(model, part, prediction))
    ahead = forecasts(model, x, part)
    terms = learned.sizes(training)
    verdict = diagnose.verdict(
        metrics,
        baselines,
        status=session.status,
        n_unknowns=len(x),
        parameters=parameters,
        whiteness=found["whiteness"],
        swap=found["solver_swap"],
        score=_score(model, metrics),
        inputs=found["inputs"],
        extrapolation=found["extrapolation"],
        time=data.time,
        ahead=ahead["steps"],
    )
    nll = (metrics["train"] or {}).get("nll")
    n_scales = len(model.misfit.profiled)
    if model.misfit.squares:
        nll, n_scales = _squares_nll(model, part, prediction), 1
    n = int(data.mask[part == TRAIN].sum())
    scales = _scales(model, training)
    return {
        "states": states,
        "prediction": prediction,
        "residual": data.values - shown,
        "metrics": {**metrics, "baselines": baselines, "ahead": ahead},
        "parameters": parameters,
        "equations": _equations(model, x, parameters) + learned.in_words(terms),
        "diagnostics": {
            "checks": found,
            "verdict": verdict,
            "uncertainty": uncertainty,
            "terms": terms,
            "criteria": diagnose.information_criteria(nll, n, len(x) + n_scales) if nll is not None else None,
            "scales": scales,
            "noise": _noise(model, scales),
            "truth": _truth(session, states, parameters),
            "starts": waterfall_of(session),
            "linear": _linear(model, x),
            "cost": _cost(session, everything),
            **pictures(model, x),
        },
    }


def _nll(model: Model, part: np.ndarray, prediction: np.ndarray) -> dict[str, float | None] | None:
    """Negative log-likelihood by part, scales profiled on the training part; None where the loss is no likelihood."""
    misfit = model.misfit
    if not misfit.is_likelihood:
        return None
    sigma = _training_scales(model, part, prediction)
    if sigma is None:
        return None
    found: dict[str, float | None] = {}
    for name, which in (("train", TRAIN), ("validation", VALIDATION), ("holdout", TEST)):
        values, predicted, sd = _inside(model, part == which, prediction)
        finite = len(values) and np.isfinite(misfit.value(values, predicted, sd=sd))
        found[name] = misfit.total_nll(values, predicted, sigma, sd) if finite else None
    return found


def _inside(model: Model, wanted: np.ndarray, prediction: np.ndarray) -> tuple[Any, Any, Any]:
    """Values, predictions and standard deviations of the wanted observations."""
    data = model.data
    return data.values[wanted], prediction[wanted], None if data.sd is None else data.sd[wanted]


def _training_scales(model: Model, part: np.ndarray, prediction: np.ndarray) -> dict[int, float] | None:
    """The noise scales profiled on the training part; None where the prediction is not finite there."""
    values, predicted, sd = _inside(model, part == TRAIN, prediction)
    finite = np.isfinite(model.misfit.value(values, predicted, sd=sd))
    return model.misfit.sigma(values, predicted, sd) if finite else None


def _loss_residuals(model: Model, part: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The residuals that the loss sees, of one spread over a channel (observation, channel); NaN where none is.

    A value beyond a limit has none: what is known of it has one sign only.
    """
    data, sigma = model.data, _training_scales(model, part, prediction)
    if sigma is None:
        return data.values - prediction
    found = np.full(data.values.shape, np.nan)
    for i, formulas in enumerate(model.misfit.formulas):
        y = data.values[:, i]
        seen = np.flatnonzero(np.isfinite(y) & np.isfinite(prediction[:, i]) & ~formulas.beyond(y))
        seen = seen[formulas.admissible(y[seen], prediction[seen, i])]
        each = data.sd[seen, i] if data.sd is not None and data.channels[i] in data.measured else 1.0
        found[seen, i] = formulas.residual(y[seen], prediction[seen, i], sigma[i] * each)
    return found


def _squares_nll(model: Model, part: np.ndarray, prediction: np.ndarray) -> float | None:
    """What least squares maximises: Gaussian noise with one profiled scale, in units of each channel's weight."""
    train, spread = part == TRAIN, model.misfit.spread
    residuals = (model.data.values - prediction)[train]
    seen = model.data.mask[train]
    nll = diagnose.gaussian_nll((residuals / spread)[seen]) if np.isfinite(residuals[seen]).all() else None
    return None if nll is None else nll + float(np.sum(seen * np.log(spread)))


def _score(model: Model, metrics: dict[str, Any]) -> str:
    noise = set(model.problem.noise.values())
    known = (metrics.get("holdout") or {}).get("log_rmse_all") is not None
    return "log_rmse_all" if noise == {"lognormal"} and known else "nrmse"


def _equations(model: Model, x: np.ndarray, parameters: dict[str, Any]) -> tuple[str, ...]:
    write = getattr(model.field, "equations", None)
    values = {name: entry["value"] for name, entry in parameters.items() if "(0)" not in name}
    lines = tuple(write(values)) if write else ()
    return tuple(_in_terms_of(model.data.time, line) for line in lines) if not model.field.states else lines


def _in_terms_of(column: str, line: str) -> str:
    """The formula of a curve with the name of the user's column for t, where that can be read as one.

    >>> _in_terms_of("conc", "rate = 2*t/(t + top)")
    'rate = 2*conc/(conc + top)'
    """
    known = re.findall(r"\b[A-Za-z_]\w*", line)
    return re.sub(r"\bt\b", column, line) if column.isidentifier() and column not in known else line


def _linear(model: Model, x: np.ndarray) -> dict[str, Any] | None:
    """The matrices and modes of linear dynamics, or of the linear part beside a network."""
    write, data = getattr(model.field, "linear_part", None), model.data
    if write is None:
        return None
    values = dict(zip(model.unknowns.labels, model.unknowns.physical(x)[0].tolist(), strict=True))
    inputs = data.inputs.names if data.inputs is not None else ()
    names = {"states": model.field.states, "inputs": inputs, "channels": data.channels}
    network = model.lowered is not None and bool(model.lowered.networks)
    return diagnose.linear_system(write(values), names, network)


def _scales(model: Model, training: Trial) -> dict[str, float] | None:
    """Channel → the noise scale that was profiled or given; none of channels whose values bring their own."""
    misfit = model.misfit
    if not misfit.is_likelihood:
        return None
    try:
        sigma = training.weights().sigma
    except WorkbenchError:
        return None
    own = {i for i, name in enumerate(model.data.channels) if name in model.data.measured} - set(misfit.profiled)
    scaled = {i for i, formulas in enumerate(misfit.formulas) if formulas.loss.scale != "none"} - own
    return {name: sigma[i] for i, name in enumerate(model.data.channels) if i in scaled}


def _noise(model: Model, scales: dict[str, float] | None) -> dict[str, Any] | None:
    """Channel → kind of noise, its scale, how many values lie beyond a limit, whether values bring deviations."""
    if not model.misfit.is_likelihood:
        return None
    data, beyond = model.data, model.misfit.beyond(model.data.values).sum(axis=0)
    return {
        name: {
            "kind": model.misfit.formulas[i].loss.name,
            "scale": (scales or {}).get(name),
            "censored": int(beyond[i]),
            "deviations": name in data.measured,
        }
        for i, name in enumerate(data.channels)
    }


def _truth(session: Session, states: np.ndarray, parameters: dict[str, Any]) -> dict[str, Any] | None:
    """The model beside the truth where one is named, or where the data were simulated from known equations."""
    if session.truth is not None:
        return truth_recovery(session.model, session.x, states, session.truth, parameters)
    known = known_truth(session.problem)
    if known is None:
        return None
    try:
        return truth_recovery(session.model, session.x, states, known, parameters)
    except UsageError:  # nobody asked: the dynamics have states of their own
        return None


def _cost(session: Session, trial: Trial) -> dict[str, Any]:
    calls = trial.trajectory.stats.get("rhs_calls")
    return {
        "iterations": int(session.state["number"]),
        "rhs_evaluations": int(np.sum(calls)) if calls is not None else None,
    }
