"""The linear ODE that every learned model has to beat: y' = A y + b, with inputs + B u."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from ..dataset import Dataset
from .linear_grid import Grid, grid_of
from .scoring import spread_of

POLISH_BUDGET = 5e7
"""Multiplications that the output-error polish may spend, a second or two; below 4 steps' worth it is left out."""


@dataclass(frozen=True)
class LinearOde:
    """y' = A y + b (+ B u) in the data's units, fitted; and its free run through every observation.

    With inputs, u over an interval is its values at both ends, so that held and ramped inputs are both met.
    """

    a: np.ndarray  # (channel, channel)
    b: np.ndarray  # (channel,)
    inputs: np.ndarray  # (channel, 2 · input): left values, then right values
    y0: np.ndarray  # (trajectory, channel)
    prediction: np.ndarray  # (observation, channel); not finite where the free run blows up


def fit_linear_ode(data: Dataset, seen: np.ndarray, given: np.ndarray) -> LinearOde:
    """The linear ODE fitted to the rows `seen` (observation,), started also from the values `given`.

    Two closed-form estimates compete: the exact one-step map (least squares for y(t + h) = Φ y + φ, then the matrix
    logarithm; regular sampling only) and the integral form (y(t + h) − y(t) = A ∫y + b h by the trapezium rule). The
    one whose free run lies nearest to the seen values is polished on that distance by least squares, initial values
    included, where that is cheap, and kept polished if it came nearer. Standing still (A = 0, b = 0) also competes,
    so that there always is a finite answer. Everything is done on values scaled to mean 0 and standard deviation 1.
    """
    shift, scale = _scaling(data.values[seen])
    grid = grid_of(data, seen, given, shift, scale)
    candidates = [np.zeros((grid.n_channels, grid.n_regressors)), _integral_form(grid), _one_step_map(grid)]
    system = min((c for c in candidates if c is not None), key=lambda c: _distance(grid, c, grid.y0))
    system, y0 = _polish(grid, system)
    return _in_units(data, grid, system, y0, shift, scale)


def _scaling(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel (channel,), ignoring what is missing; 1 where nothing varies."""
    count = np.sum(~np.isnan(values), axis=0)
    with np.errstate(invalid="ignore"):
        shift = np.nansum(values, axis=0) / np.where(count, count, np.nan)
    scale = spread_of(values)
    return shift, np.where(scale > 0, scale, 1.0)


def _integral_form(grid: Grid) -> np.ndarray | None:
    """[A B b] (channel, regressor) by least squares on increments over each interval, divided by its length."""
    left, right, u, h = grid.pairs()
    if not h.size:
        return None
    regressors = np.column_stack([(left + right) / 2, u, np.ones(h.size)])
    weight = np.sqrt(h / h.mean())[:, None]
    return np.linalg.lstsq(regressors * weight, (right - left) / h[:, None] * weight, rcond=1e-8)[0].T


def _one_step_map(grid: Grid) -> np.ndarray | None:
    """[A B b] whose exact map over the common step is the least squares map; None without a real logarithm."""
    from scipy.linalg import logm

    left, right, u, h = grid.pairs()
    if not h.size or np.ptp(h) > 1e-6 * h[0]:
        return None
    regressors = np.column_stack([left, u, np.ones(h.size)])
    step = np.eye(grid.n_regressors)
    step[: grid.n_channels] = np.linalg.lstsq(regressors, right, rcond=1e-8)[0].T
    eigenvalues = np.linalg.eigvals(step)
    if np.any((np.abs(eigenvalues.imag) < 1e-12) & (eigenvalues.real < 1e-12)):
        return None  # a real map has a real logarithm only without eigenvalues on the negative axis
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        generator = np.asarray(logm(step))
    if not np.all(np.isfinite(generator)) or np.max(np.abs(generator.imag)) > 1e-6:
        return None
    return generator.real[: grid.n_channels] / h[0]


def _distance(grid: Grid, system: np.ndarray, y0: np.ndarray) -> float:
    """Sum of squares between the free run and the seen values; inf where the run is not finite."""
    residuals = grid.residuals(system[None], y0[None])[0]
    with np.errstate(over="ignore"):
        total = float(residuals @ residuals)
    return total if np.isfinite(total) else np.inf


def _polish(grid: Grid, system: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The system and initial values after output-error least squares; as they came where that is dear or no better."""
    from scipy.optimize import least_squares

    free_starts = np.flatnonzero(grid.trained) if grid.trained.sum() <= 8 else np.zeros(0, dtype=int)
    size, shape = system.size, (len(free_starts), grid.n_channels)
    start = np.concatenate([system.ravel(), grid.y0[free_starts].ravel()])
    before = _distance(grid, system, grid.y0)
    steps = int(POLISH_BUDGET / ((start.size + 1) * max(grid.cost, 1.0)))
    if steps < 4 or not 0 < start.size <= grid.n_seen or before == 0:
        return system, grid.y0

    def unpack(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y0 = np.broadcast_to(grid.y0, (len(x), *grid.y0.shape)).copy()
        y0[:, free_starts] = x[:, size:].reshape(len(x), *shape)
        return x[:, :size].reshape(len(x), *system.shape), y0

    def residuals(x: np.ndarray) -> np.ndarray:
        return grid.residuals(*unpack(x[None]))[0]

    def jacobian(x: np.ndarray) -> np.ndarray:
        step = 1e-7 * np.maximum(np.abs(x), 1.0)
        runs = grid.residuals(*unpack(np.vstack([x, x + np.diag(step)])))
        return np.nan_to_num((runs[1:] - runs[0]).T / step, nan=0.0, posinf=0.0, neginf=0.0)

    with np.errstate(all="ignore"):
        found = least_squares(residuals, start, jacobian, x_scale="jac", max_nfev=min(steps, 30))
    polished, y0 = (values[0] for values in unpack(found.x[None]))
    return (polished, y0) if _distance(grid, polished, y0) < before else (system, grid.y0)


def _in_units(
    data: Dataset, grid: Grid, system: np.ndarray, y0: np.ndarray, shift: np.ndarray, scale: np.ndarray
) -> LinearOde:
    """The fitted system, its starts and its free run, back in the data's units."""
    n = grid.n_channels
    a = system[:, :n] * scale[:, None] / scale
    prediction = np.full(data.values.shape, np.nan)
    rows, times = np.nonzero(grid.index >= 0)
    prediction[grid.index[rows, times]] = grid.simulate(system[None], y0[None])[0, rows, times]
    with np.errstate(invalid="ignore", over="ignore"):
        return LinearOde(
            a=a,
            b=system[:, -1] * scale - a @ np.nan_to_num(shift),
            inputs=system[:, n:-1] * scale[:, None] / grid.input_scale,
            y0=y0 * scale + shift,
            prediction=prediction * scale + shift,
        )
