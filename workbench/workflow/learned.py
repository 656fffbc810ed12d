"""What a finished fit says of its learned terms, and of the named unknowns beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import diagnose
from ..contracts import Linearization
from ..errors.nearest import did_you_mean
from ..errors.usage import UsageError
from ..fitting.evidence import settled_precision
from ..fitting.objective import LARGEST_DENSE

if TYPE_CHECKING:
    from ..model import Model, Trial


def is_hybrid(model: Model) -> bool:
    """Its weights are those of learned terms in equations, no more of them than a dense Jacobian takes."""
    weights = model.unknowns.mask("weights")
    return bool(weights.any() and len(weights) <= LARGEST_DENSE and any(map(np.any, _terms_of(model).values())))


def errors(
    model: Model, x: np.ndarray, line: Linearization, priors: np.ndarray, at_bound: list[str], dispersion: float | None
) -> diagnose.Uncertainty:
    """The covariance of x, the prior on the weights being the declared one, else that of the evidence at x.

    `priors` are the rows (line, unknown) of other priors.
    """
    unknowns = model.unknowns
    weights, shrink = unknowns.mask("weights"), unknowns.shrink.copy()
    if not shrink[weights].any():
        shrink[weights] = settled_precision(line, x, weights)
    terms = {name: own & weights for name, own in _terms_of(model).items()}
    return diagnose.errors_beside_weights(
        line.residuals,
        line.jacobian,
        unknowns.labels,
        shrink=shrink,
        terms=terms,
        priors=priors,
        at_bound=at_bound,
        dispersion=dispersion,
    )


def _terms_of(model: Model) -> dict[str, np.ndarray]:
    """Learned term → which unknowns are its weights."""
    system = model.problem.system
    names = [network.name for network in system.networks] if system is not None else []
    owners = np.array([label.partition(".")[0] for label in model.unknowns.labels])
    weights = model.unknowns.mask("weights")
    return {name: (owners == name) & weights for name in names}


def sizes(training: Trial) -> dict[str, dict[str, float]]:
    """Call of a learned term → its lowest and highest value and root mean square over the training observations."""
    model, system = training.model, training.model.problem.system
    if model.graph is None or system is None or not model.graph.groups.get("terms"):
        return {}
    selection = training.selection
    t, numbers = selection.ts[selection.row, selection.column], selection.rows[selection.row]
    values = model.evaluated("terms", training.x, t, training.states, numbers)
    return {
        call: {"low": float(column.min()), "high": float(column.max()), "rms": float(np.sqrt(np.mean(column**2)))}
        for call, column in zip(system.calls, values.T, strict=True)
    }


def term_values(model: Model, x: np.ndarray, name: str, arguments: Sequence[Any]) -> np.ndarray:
    """The values (point,) of a learned term at its arguments; raises UsageError where that cannot be."""
    system, scaling = model.problem.system, getattr(model.field, "scaling", {})
    if system is None or name not in scaling:
        raise UsageError(f"the dynamics have no learned term {name!r}", help=did_you_mean(name, scaling))
    graph = system.term(name, scaling[name])
    if len(arguments) != len(graph.states):
        raise UsageError(
            f"the learned term {name!r} takes {len(graph.states)} arguments, not {len(arguments)}",
            help="give as many as its calls in the equations",
        )
    points = np.column_stack([each.ravel() for each in np.broadcast_arrays(*map(np.atleast_1d, arguments))])
    weights = dict(zip(system.weight_names, model.unknowns.values(x)["weights"], strict=True))
    p = np.array([weights[each] for each in graph.parameters])
    values: np.ndarray = graph.function("value")(np.zeros(len(points)), points.astype(float), None, None, p)
    return values[:, 0]


def in_words(found: dict[str, Any]) -> tuple[str, ...]:
    """`friction(omega): from -2.7 to 3.1 over the training data`, a line each call."""
    return tuple(
        f"{call}: from {one['low']:.3g} to {one['high']:.3g} over the training data" for call, one in found.items()
    )
