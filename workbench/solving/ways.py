"""The ways back through a solve: what each keeps of it, and the gradient that it makes of that."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ..contracts import LinearRhs, Mesh, SolveOptions, Solver, Trajectory
from ..engine import Checkpoints, checkpointed_pullback, forward_sensitivities, pullback
from ..engine.adjoint import TOO_FAR, Norm, adjoint
from ..engine.gradients import AdjointRhs
from ..engine.tolerances import relative
from ..errors.numerics import AdjointAstray

Gradients = tuple[np.ndarray, np.ndarray]  # by y0 (rows, entry) and by all leaves, flat


class Way(Protocol):
    """What `node.Solved` needs: arrays to keep from the solve, and a gradient from them."""

    name: str
    kept: Sequence[np.ndarray]

    def pull(self, y0: np.ndarray, kept: Sequence[np.ndarray], gys: np.ndarray) -> Gradients:
        """The gradient for gys (rows, time, *state), NaN or not where no state was reached."""


class DiscreteWay:
    """The derivative of the steps taken; keeps the states of the mesh."""

    name = "discrete"

    def __init__(self, solver: Solver, rhs: AdjointRhs, trajectory: Trajectory) -> None:
        mesh = trajectory.mesh
        assert mesh is not None, "a solve that keeps its steps has a mesh"
        assert trajectory.steps is not None, "and states"
        self._solver, self._rhs = solver, rhs
        self._rest = replace(trajectory, ys=None, steps=None, mesh=None)
        self.kept: Sequence[np.ndarray] = (trajectory.steps, mesh.t, mesh.clipped)

    def pull(self, y0: np.ndarray, kept: Sequence[np.ndarray], gys: np.ndarray) -> Gradients:
        """By `engine.pullback`."""
        steps, t, clipped = kept
        trajectory = replace(self._rest, ys=None, steps=steps, mesh=Mesh(t, clipped))
        g_y0, g_p = pullback(self._solver, self._rhs, trajectory, np.nan_to_num(gys))
        return g_y0, g_p.sum(axis=0)


class CheckpointedWay:
    """The derivative of the steps taken; keeps every √n-th state, and the times of the mesh."""

    name = "discrete"

    def __init__(
        self, solver: Solver, rhs: AdjointRhs, y0: np.ndarray, trajectory: Trajectory, options: SolveOptions
    ) -> None:
        mesh = trajectory.mesh
        assert mesh is not None, "a solver with a discrete gradient gives its mesh"
        found = Checkpoints.along(solver, rhs, y0, mesh, _afresh(options))
        self._solver, self._rhs, self._ts, self._options = solver, rhs, trajectory.ts, options
        self._stride = found.stride
        self.kept: Sequence[np.ndarray] = (found.states, mesh.t, mesh.clipped)

    def pull(self, y0: np.ndarray, kept: Sequence[np.ndarray], gys: np.ndarray) -> Gradients:
        """By `engine.checkpointed_pullback`."""
        states, t, clipped = kept
        points = Checkpoints(Mesh(t, clipped), self._stride, states)
        found = checkpointed_pullback(
            self._solver, self._rhs, points, self._ts, np.nan_to_num(gys), _afresh(self._options)
        )
        return found[0], found[1].sum(axis=0)


class AdjointWay:
    """The continuous adjoint; keeps the states at the times asked for.

    `reverse_error` (rows,) is NaN until a gradient has been taken.
    """

    name = "adjoint"

    def __init__(
        self,
        solver: Solver,
        rhs: AdjointRhs,
        trajectory: Trajectory,
        t0: np.ndarray,
        options: SolveOptions,
        norm: Norm,
    ) -> None:
        self._solver, self._rhs, self._t0, self._options, self._norm = solver, rhs, t0, options, norm
        self._rest = replace(trajectory, ys=None, steps=None, mesh=None)
        self.kept: Sequence[np.ndarray] = (np.array(trajectory.ys),)  # a copy: the caller may write into the solution
        self.reverse_error = np.full(len(trajectory.ts), np.nan)

    def pull(self, y0: np.ndarray, kept: Sequence[np.ndarray], gys: np.ndarray) -> Gradients:
        """By `engine.adjoint`; warns AdjointAstray where the states came back far from where they had been."""
        trajectory = replace(self._rest, ys=kept[0])
        found = adjoint(
            self._solver,
            self._rhs,
            trajectory,
            np.nan_to_num(gys),
            y0,
            self._t0,
            _afresh(self._options),
            self._norm,
        )
        self.reverse_error[:] = found.reverse_error
        worst, bound = float(found.reverse_error.max(initial=0.0)), TOO_FAR * relative(self._solver)
        if worst > bound:
            warnings.warn(AdjointAstray.said(worst, bound), AdjointAstray, stacklevel=2)
        return found.y0, found.p.sum(axis=0)


class ForwardWay:
    """Sensitivities that were solved along with the states; keeps them at the times asked for."""

    name = "forward"

    def __init__(
        self, solver: Solver, rhs: LinearRhs, y0: np.ndarray, t0: np.ndarray, ts: np.ndarray, options: SolveOptions
    ) -> None:
        flat = y0.reshape(len(y0), -1)
        found, by_y0, by_p = forward_sensitivities(solver, rhs, flat, t0, ts, options)
        self.kept: Sequence[np.ndarray] = (by_y0, by_p)
        shape = (*ts.shape, *y0.shape[1:])
        steps = None if found.steps is None else found.steps.reshape(*found.steps.shape[:2], *y0.shape[1:])
        self.trajectory = replace(found, ys=found.ys.reshape(shape), steps=steps)

    def pull(self, y0: np.ndarray, kept: Sequence[np.ndarray], gys: np.ndarray) -> Gradients:
        """gᵀS, where a state was reached."""
        by_y0, by_p = (np.nan_to_num(s, posinf=0.0, neginf=0.0) for s in kept)
        g = np.nan_to_num(gys.reshape(*gys.shape[:2], -1))
        return np.einsum("rti,rtij->rj", g, by_y0), np.einsum("rti,rtip->p", g, by_p)


def _afresh(options: SolveOptions) -> SolveOptions:
    """The options with as much time as they held when they were made (see `allowing`)."""
    if options.deadline is None:
        return options
    return replace(options, deadline=time.monotonic() + options.deadline)


def allowing(options: SolveOptions) -> SolveOptions:
    """Options for a later solve: their `deadline` is the seconds that are left now."""
    if options.deadline is None:
        return options
    return replace(options, deadline=max(0.0, options.deadline - time.monotonic()))
