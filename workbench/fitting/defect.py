"""Gradient matching: the misfit of f to the slopes of curves through the data, without any solve."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..contracts import Linearization
from ..model import Model
from ..model.finite import with_finite_squares
from .curve import Collocation, collocate
from .stretches import Stretches


def states_observed(model: Model) -> np.ndarray | None:
    """The channel that measures each state itself (state,), or None where some state is hidden."""
    found = measured(model)
    return found if (found >= 0).all() else None


def measured(model: Model) -> np.ndarray:
    """The channel that measures each state itself (state,), −1 where it is hidden.

    Probed at two points: a channel measures a state where it equals it and its derivative is a unit vector.
    """
    d, x = len(model.field.states), model.unknowns.start
    if model.graph is None:
        return np.array([next(iter(np.flatnonzero(model.channel_columns == j)), -1) for j in range(d)], dtype=int)
    probe = np.linspace(0.3, 0.7, 2 * d).reshape(2, d)
    t, numbers = np.full(2, model.t0[0]), np.zeros(2, dtype=int)
    mu = model.observe(x, t, probe, numbers)
    slopes, _ = model.observe_jacobians(x, t, probe, numbers)
    channel = np.full(d, -1)
    for c in range(mu.shape[1]):
        for j in range(d):
            if np.array_equal(mu[:, c], probe[:, j]) and np.array_equal(slopes[:, c], np.eye(d)[[j, j]]):
                channel[j] = c
    return channel


class DefectObjective:
    """Mean square of (ẏ − f)/size over the points of the curves, size by state.

    `size` is the root mean square of the state's slope, and the state itself where its noise is lognormal (so that
    relative slopes are matched). Entries of x that f does not depend on (initial values) have empty columns.
    """

    def __init__(self, model: Model, points: Collocation, channel: np.ndarray, logarithmic: np.ndarray) -> None:
        self.model, self.points = model, points
        self.lower, self.upper = model.unknowns.lower, model.unknowns.upper
        self.least_squares = True
        self._y, self._slopes = points.values[:, channel], points.slopes[:, channel]
        rms = np.sqrt(np.mean(self._slopes**2, axis=0))
        size = np.where(logarithmic[channel], np.abs(self._y), np.where(rms > 0, rms, 1.0))
        self._weight = np.sqrt(2.0 / self._y.size) / size
        self._rows, self._row = np.unique(points.trajectory, return_inverse=True)
        self.linear = _linear(model)
        self._last: tuple[np.ndarray, Linearization] | None = None

    def _f(self, x: np.ndarray) -> np.ndarray:
        t = self.points.t
        with np.errstate(all="ignore"):
            return self.model.rhs(x, self._rows)(t, self._y, self._row, t)

    def _residuals(self, x: np.ndarray) -> np.ndarray:
        return ((self._slopes - self._f(x)) * self._weight).ravel()

    def value(self, x: np.ndarray) -> float:
        """½‖r‖², inf where f is not finite on the curves."""
        r = self._residuals(x)
        with np.errstate(over="ignore"):
            value = 0.5 * float(r @ r)
        return value if np.isfinite(value) else float("inf")

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """By one product with the transposed Jacobian of f."""
        t, r = self.points.t, self._residuals(x)
        g = -(r.reshape(self._y.shape) * self._weight)
        rhs = self.model.rhs(x, self._rows)
        _, g_p = rhs.pullback(t, self._y, self._row, t, g)
        columns = self.model.columns
        by_q = np.zeros((len(self._rows), columns.n_parameters + len(columns.initial_states)))
        by_q[: len(g_p), : columns.n_parameters] = g_p
        return self.value(x), columns.pull_unknowns(by_q, self._rows, x)

    def linearize(self, x: np.ndarray) -> Linearization:
        """Residuals and −∂f/∂x over the points; those of the last x are kept."""
        if self._last is None or not np.array_equal(self._last[0], x):
            self._last = x.copy(), self._linearized(x)
        return self._last[1]

    def _linearized(self, x: np.ndarray) -> Linearization:
        """Sums over points are taken part by part, so that no array of all points and unknowns need be formed."""
        r, n = self._residuals(x), len(x)
        gram, gradient = np.zeros((n, n)), np.zeros(n)
        with np.errstate(all="ignore"):
            for points in self._parts:
                by_x = self._by_unknowns(x, points)
                gram += by_x.T @ by_x
                gradient += r[points.start * self._y.shape[1] : points.stop * self._y.shape[1]] @ by_x
            value = 0.5 * float(r @ r)
        line = Linearization(r, partial(self._jacobian, x.copy()), value, lambda: gram, gradient)
        return with_finite_squares(line, np.trace(gram), "f or its derivative on the curves through the data")

    @property
    def _parts(self) -> list[slice]:
        """Points whose Jacobians fit into a fast cache together."""
        n, width = self._y.shape[0], self._y.shape[1] * max(self.model.columns.n_parameters, 1)
        most = max(CACHED // width, 1)
        return [slice(first, min(first + most, n)) for first in range(0, n, most)]

    def _jacobian(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            parts = [self._by_unknowns(x, points) for points in self._parts]
        return np.concatenate(parts) if parts else np.zeros((0, len(x)))

    def _by_unknowns(self, x: np.ndarray, points: slice) -> np.ndarray:
        """The Jacobian of some points' residuals (point · state, unknown)."""
        t, row, columns = self.points.t[points], self._row[points], self.model.columns
        _, f_p = self.model.rhs(x, self._rows).jacobians(t, self._y[points], row, t)
        n, d, _ = f_p.shape
        by_p = f_p * np.broadcast_to(-self._weight, self._y.shape)[points][:, :, None]
        return columns.by_unknowns(by_p.reshape(n * d, -1), np.repeat(self.points.trajectory[points], d), x)

    def frozen(self, x: np.ndarray) -> DefectObjective:
        """Itself: no weight depends on x."""
        return self


def _linear(model: Model) -> np.ndarray | None:
    """The unknowns (unknown,) in which f is linear whatever the others are, where it depends on weights alone."""
    unknowns, graph = model.unknowns, model.lowered
    weights_alone = (unknowns.mask("weights") | unknowns.starts).all()
    if graph is None or not weights_alone or not model.columns.parameters_shared:
        return None
    chosen = np.zeros((1, model.columns.n_parameters))
    chosen[0, list(graph.linear_weights("rhs"))] = 1.0
    unbounded = ~(np.isfinite(unknowns.lower) | np.isfinite(unknowns.upper))
    return unbounded & (model.columns.by_unknowns(chosen, np.zeros(1, dtype=int), unknowns.start)[0] != 0)


CACHED = 2**18
"""Numbers in half of a fast cache, or thereabouts."""
ALIKE = 1e-3
"""Curves that differ by less than this share of each channel's spread count as one."""


def defect_objectives(model: Model, wanted: np.ndarray) -> tuple[DefectObjective, ...]:
    """Gradient matching on the wanted observations, with smoothing and with interpolating curves.

    Curves end and begin at events. One objective where the two kinds of curve are alike; none where states are hidden,
    none at all, or jump at times that are not known, or data are too few for curves.
    """
    channel, stretches = states_observed(model), Stretches(model)
    if channel is None or not len(channel) or not stretches.known:
        return ()
    data, noise = model.data, model.problem.noise
    positive = np.array([bool(np.all(column[np.isfinite(column)] > 0)) for column in data.values[wanted].T])
    logarithmic = np.array([noise.get(name) == "lognormal" for name in data.channels]) & positive
    stretch = stretches.of(data.t, data.trajectory_of)
    curves = [collocate(data, wanted, logarithmic, smooth, stretch) for smooth in (True, False)]
    if not len(curves[0].t):
        return ()
    spread = np.maximum(np.std(curves[1].values, axis=0), 1e-300)
    if np.max(np.abs(curves[0].values - curves[1].values) / spread) < ALIKE:
        curves = curves[1:]
    return tuple(DefectObjective(model, points, channel, logarithmic) for points in curves)
