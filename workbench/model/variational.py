"""Sensitivities as a plain solve: y with S = ∂y/∂(y0, p), so that a black box too can be differentiated."""

from __future__ import annotations

import numpy as np

from .. import contracts


class VariationalRhs:
    """d(y, S)/dt = (f, f_y S + f_p), S (state, state + parameter) a row (Hairer, Nørsett & Wanner 1993, I.14)."""

    def __init__(self, rhs: contracts.LinearRhs, n_states: int) -> None:
        self.rhs, self.d, self.n = rhs, n_states, n_states + rhs.n_parameters
        self.n_parameters = 0

    def start(self, y0: np.ndarray) -> np.ndarray:
        """(row, state·(1 + state + parameter)): y0 with ∂y0/∂y0 = 1 and ∂y0/∂p = 0."""
        s = np.zeros((len(y0), self.d, self.n))
        s[:, range(self.d), range(self.d)] = 1.0
        return np.concatenate([y0, s.reshape(len(y0), -1)], axis=1)

    def split(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y, ∂y/∂y0 and ∂y/∂p from (…, state·(1 + state + parameter))."""
        s = z[..., self.d :].reshape(*z.shape[:-1], self.d, self.n)
        return z[..., : self.d], s[..., : self.d], s[..., self.d :]

    def __call__(self, t: np.ndarray, z: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """(line, state·(1 + state + parameter))"""
        y, by_y0, by_p = self.split(z)
        f_y, f_p = self.rhs.jacobians(t, y, row, middle)
        s = np.concatenate([f_y @ by_y0, f_y @ by_p + f_p], axis=2)
        return np.concatenate([self.rhs(t, y, row, middle), s.reshape(len(y), -1)], axis=1)
