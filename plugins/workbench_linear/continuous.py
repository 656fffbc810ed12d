"""From a linear map between samples to a linear ODE in states of unit size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .subspace import DiscreteModel

FLOOR = 1e-3
"""Least distance of an eigenvalue from the imaginary axis, in units of the rate, where a model has to be stable."""


@dataclass(frozen=True)
class ContinuousModel:
    """dx/dt = rate·(A x + B u), y = C x + D u."""

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    D: np.ndarray
    rate: float

    def moved(self, T: np.ndarray) -> ContinuousModel:
        """The same in the states T x."""
        back = np.linalg.inv(T)
        return ContinuousModel(T @ self.A @ back, T @ self.B, self.C @ back, self.D, self.rate)


def continuous(model: DiscreteModel, dt: float) -> ContinuousModel:
    """The linear ODE that the map samples every dt with inputs held; bilinear where the map has no real logarithm."""
    from scipy.linalg import logm

    n, n_u = model.B.shape
    whole = np.zeros((n + n_u, n + n_u))
    whole[:n, :n], whole[:n, n:], whole[n:, n:] = model.A, model.B, np.eye(n_u)
    values = np.linalg.eigvals(model.A)
    singular = np.abs(values) < 1e-6
    negative = (np.abs(values.imag) < 1e-9) & (values.real < 1e-6)
    if singular.any() or negative.any():
        inverse = np.linalg.inv(np.eye(n) + model.A)
        A, B = 2 / dt * inverse @ (model.A - np.eye(n)), 2 / dt * inverse @ model.B
    else:
        found = np.real(logm(whole)) / dt
        A, B = found[:n, :n], found[:n, n:]
    rate = max(float(np.abs(np.linalg.eigvals(A)).max()), 1e-3 / dt)
    return ContinuousModel(A / rate, B / rate, model.C, model.D, rate)


def stabilised(model: ContinuousModel) -> ContinuousModel:
    """Eigenvalues at least FLOOR left of the imaginary axis: those beyond it mirrored."""
    values, vectors = np.linalg.eig(model.A)
    real = -np.maximum(np.abs(values.real), FLOOR)
    A = np.real(vectors @ np.diag(real + 1j * values.imag) @ np.linalg.inv(vectors))
    return ContinuousModel(A, model.B, model.C, model.D, model.rate)


def dissipative(model: ContinuousModel) -> ContinuousModel:
    """A stable model in states in which A + Aᵀ is negative definite: x ↦ P^{1/2} x with AᵀP + P A = −I (Lyapunov)."""
    from scipy.linalg import solve_continuous_lyapunov

    P = solve_continuous_lyapunov(model.A.T, -np.eye(len(model.A)))
    sizes, axes = np.linalg.eigh((P + P.T) / 2)
    return model.moved(np.sqrt(sizes)[:, None] * axes.T)


def unit_sized(model: ContinuousModel, x: np.ndarray) -> ContinuousModel:
    """In states whose root mean square over x (time, state) is 1, each for itself."""
    size = np.sqrt(np.mean(x * x, axis=0))
    return model.moved(np.diag(1 / np.where(size > 0, size, 1.0)))
