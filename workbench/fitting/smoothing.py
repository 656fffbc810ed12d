"""Smoothing splines whose smoothing the data choose: generalised cross-validation in time linear in the points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

FINE, ROUNDS = 5, 3  # points of a closer look at the best smoothing, and how many looks


@dataclass(frozen=True)
class Smoothing:
    """The curves g that lower Σ w (y − g(t))² + λ ∫ g″², natural cubic splines with knots t (point,), for every λ.

    Green & Silverman (1994), *Nonparametric Regression and Generalized Linear Models*, §2.3.3: the second derivatives
    at the inner knots solve (R + λ M) γ = Qᵀy with M = QᵀW⁻¹Q, and g = y − λ W⁻¹Qγ; R and M are banded.
    """

    t: np.ndarray  # ascending, at least 4
    y: np.ndarray
    w: np.ndarray

    @cached_property
    def _second_differences(self) -> np.ndarray:
        """The three bands of Q: what the left, the middle and the right knot count in each inner one (3, inner)."""
        inverse = 1 / np.diff(self.t)
        return np.stack([inverse[:-1], -inverse[:-1] - inverse[1:], inverse[1:]])

    @cached_property
    def _bands(self) -> tuple[np.ndarray, np.ndarray]:
        """The upper bands of R and M, the diagonal last (3, inner)."""
        h, q, v = np.diff(self.t), self._second_differences, 1 / self.w
        r, m = np.zeros((3, len(h) - 1)), np.zeros((3, len(h) - 1))
        r[2], r[1, 1:] = (h[:-1] + h[1:]) / 3, h[1:-1] / 6
        m[2] = q[0] ** 2 * v[:-2] + q[1] ** 2 * v[1:-1] + q[2] ** 2 * v[2:]
        m[1, 1:] = q[1, :-1] * q[0, 1:] * v[1:-2] + q[2, :-1] * q[1, 1:] * v[2:-1]
        m[0, 2:] = q[2, :-2] * q[0, 2:] * v[2:-2]
        return r, m

    def values(self, strength: float) -> np.ndarray:
        """g at the knots (point,) for λ = strength."""
        return self.y - self._off(strength)

    def _off(self, strength: float) -> np.ndarray:
        """y − g at the knots."""
        from scipy.linalg import solveh_banded

        q, (r, m) = self._second_differences, self._bands
        bends = q[0] * self.y[:-2] + q[1] * self.y[1:-1] + q[2] * self.y[2:]
        gamma = solveh_banded(r + strength * m, bends, check_finite=False)
        off = np.zeros_like(self.y)
        for k, band in enumerate(q):
            off[k : len(off) - 2 + k] += band * gamma
        return strength * off / self.w

    def freedom_left(self, strength: float) -> float:
        """tr(I − A) for the hat matrix A: tr(λM(R + λM)⁻¹), the derivative of log det(R + λM) by log λ.

        By a complex step, so that nothing cancels.
        """
        from scipy.linalg.lapack import zgbtrf

        step = 1e-20
        upper = self._bands[0] + strength * (1 + 1j * step) * self._bands[1]
        n = upper.shape[1]
        whole = np.zeros((7, n), dtype=complex)  # two rows for what pivoting fills in, two bands, the diagonal, two
        whole[2:5] = upper
        whole[5, :-1], whole[6, :-2] = upper[1, 1:], upper[0, 2:]
        factors, _, _ = zgbtrf(whole, 2, 2, overwrite_ab=True)
        pivots = factors[4]
        return float(np.sum(pivots.imag / pivots.real)) / step

    def criterion(self, strength: float) -> float:
        """Generalised cross-validation: n Σ w (y − g)² / tr(I − A)², inf where it cannot be had.

        Craven & Wahba (1979), Numer. Math. 31, 377–403.
        """
        try:
            off, left = self._off(strength), self.freedom_left(strength)
        except np.linalg.LinAlgError:  # times so close that rounding leaves R + λM without a root
            return float("inf")
        return len(self.t) * float(np.sum(self.w * off**2)) / left**2

    def best(self) -> float:
        """The λ of the least criterion between interpolation and a straight line, of all its minima."""
        n, span = len(self.t), self.t[-1] - self.t[0]
        # the penalty's eigenvalues lie between about π⁴ and (πn)⁴ for a unit span and unit weights
        low, high = -4 * np.log10(np.pi * n) - 3, 2.0
        unit = np.log10(span**3 * float(np.mean(self.w)))
        width = (high - low) / np.ceil(high - low)  # about a decade
        logs = np.arange(low, high + width / 2, width)
        for _ in range(1 + ROUNDS):
            found = [self.criterion(10 ** (log + unit)) for log in logs]
            if not np.isfinite(min(found)):
                return 0.0
            best = logs[int(np.argmin(found))]
            width /= (FINE - 1) / 2
            logs = np.clip(best + width * (np.arange(FINE) - FINE // 2), low, high)
        return float(10 ** (best + unit))
