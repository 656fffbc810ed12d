"""The gradient modes of a fit: what each can be had from, and the derivatives of a trial's states by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import engine
from ..contracts import GradientMode, Solver
from ..engine.adjoint import adjoint
from ..errors.numerics import GradientUnavailable, NoFiniteSolution

if TYPE_CHECKING:
    from .trial import Trial

Pair = tuple[np.ndarray, np.ndarray]  # by y0 and by p


def modes_of(solver: Solver) -> tuple[GradientMode, ...]:
    """The gradient modes that a solver has."""
    looped = isinstance(solver, engine.LoopSolver)
    own: tuple[GradientMode, ...] = ("discrete", "backprop") if solver.differentiable else ("backprop",)
    return (*(own if looped else ()), "adjoint", "forward")


def mode_for(gradient: GradientMode, solver: Solver) -> GradientMode:
    """The mode that a fit uses; `discrete` of a solver without one is `forward`. Raises GradientUnavailable."""
    available = modes_of(solver)
    if gradient == "discrete" and gradient not in available:
        return "forward"
    if gradient not in available:
        raise GradientUnavailable(
            f"{type(solver).__name__} has no gradient {gradient!r}",
            help=" or ".join(f"--gradient {mode}" for mode in available),
        )
    return gradient


def pulled(trial: Trial, gys: np.ndarray) -> Pair:
    """Σ gysᵀ ∂ys/∂y0 (row, state) and Σ gysᵀ ∂ys/∂p (row or 1, parameter) of a trial, by its model's mode."""
    model, mode = trial.model, trial.mode
    if trial.chain is not None:
        return trial.chain.pull(gys)
    if mode == "backprop":
        return trial.unrolled.pullback(gys)
    if mode == "adjoint":
        with np.errstate(all="ignore"):
            options = trial.options(keep=False)
            found = adjoint(model.solver, trial.rhs, trial.trajectory, gys, trial.y0, trial.t0, options)
        trial.reverse_error = float(found.reverse_error.max(initial=0.0))
        return found.y0, found.p
    if mode == "forward":
        by_y0, by_p = (np.nan_to_num(s) for s in trial.sensitivities)
        return np.einsum("rti,rtij->rj", gys, by_y0), np.einsum("rti,rtip->rp", gys, by_p)
    if trial.compiled is not None:
        return trial.compiled.pull(gys)
    return engine.pullback(model.solver, trial.rhs, trial.trajectory, gys)


def sensitivities(trial: Trial) -> Pair:
    """∂y/∂y0 (row, time, state, state) and ∂y/∂p (row, time, state, parameter), by the mode, or forward for adjoint."""
    model = trial.model
    if trial.chain is not None:
        _ = trial.states  # raises where a row did not arrive
        return trial.chain.push()
    if trial.mode in ("forward", "adjoint"):
        options = trial.options(keep=False)
        with np.errstate(all="ignore"):
            found, by_y0, by_p = engine.forward_sensitivities(
                model.solver, trial.rhs, trial.y0, trial.t0, trial.selection.ts, options
            )
        if not found.ok.all():
            raise NoFiniteSolution("the sensitivities have no finite solution")
        return by_y0, by_p
    _ = trial.states  # raises where a row did not arrive
    with np.errstate(all="ignore"):
        if trial.mode == "backprop":
            return trial.unrolled.sensitivities()
        if trial.compiled is not None:
            return trial.compiled.push()
        return engine.sensitivities(model.solver, trial.rhs, trial.trajectory)
