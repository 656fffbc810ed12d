"""What is known about fitted unknowns: standard errors, intervals, correlation, bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .scoring import finite

TOUCHED = 1e-5
"""A function depends on an undetermined direction if its change along it exceeds this share of its terms' sizes."""


@dataclass(frozen=True)
class Uncertainty:
    """How well the unknowns are determined, in the (transformed) scale they were fitted in; see `standard_errors`."""

    names: tuple[str, ...]
    spread: np.ndarray  # (unknown, unknown) covariance along the determined directions; 0 for what is held at a bound
    undetermined: np.ndarray  # (direction, unknown): moving along one changes no fitted value
    degrees_of_freedom: int  # n − rank
    dispersion: float | None  # the variance of a residual: estimated on n − rank, or given
    rank: int
    reasons: Mapping[str, str] = field(default_factory=dict)  # unknown → why it has no standard error, in words
    noise_known: bool = False  # the dispersion was given, not estimated

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the estimates (unknown, unknown); NaN for unknowns without a standard error."""
        without = [name in self.reasons for name in self.names]
        found = self.spread.copy()
        found[without] = found[:, without] = np.nan
        return found

    @property
    def stderr(self) -> np.ndarray:
        """Standard errors in the fitted scale (unknown,), NaN where there is none."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> np.ndarray:
        """Correlation of the estimates (unknown, unknown), NaN where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self.covariance / np.outer(self.stderr, self.stderr)
        return np.clip(found, -1, 1)

    def quantile(self, level: float = 0.95) -> float:
        """Student's t, two-sided at `level` on n − p degrees of freedom; the normal's where the noise is known."""
        from scipy.special import ndtri, stdtrit

        upper = (1 + level) / 2
        normal = self.noise_known or self.degrees_of_freedom <= 0
        return float(ndtri(upper) if normal else stdtrit(self.degrees_of_freedom, upper))

    def parameters(
        self,
        x: np.ndarray,
        physical: Callable[[np.ndarray], np.ndarray] | None = None,
        slope: np.ndarray | None = None,
    ) -> dict[str, dict[str, Any]]:
        """{name: value, stderr, ci95 and, where these are None, reason} in physical units, for the fitted x (unknown,).

        `physical` maps x to physical values element by element (log, logit …; identity if None) and `slope` is its
        derivative at x. The standard error is the delta method's, |slope|·se(x). The 95 % interval is symmetric where
        the fit was made, x ± t·se(x), and mapped: it keeps inside the bounds and does not depend on how the physical
        value is written, while both agree for small errors.
        """
        value_of = physical or (lambda x: x)
        reach = self.quantile() * self.stderr
        with np.errstate(all="ignore"):
            value, ends = value_of(x), np.sort([value_of(x - reach), value_of(x + reach)], axis=0)
        stderr = self.stderr * (1.0 if slope is None else np.abs(slope))
        return {
            name: _entry(value[i], stderr[i], ends[:, i], self.reasons.get(name)) for i, name in enumerate(self.names)
        }

    def derived(self, names: Sequence[str], values: np.ndarray, gradient: np.ndarray) -> dict[str, dict[str, Any]]:
        """{name: value, stderr, ci95} of functions of the unknowns, by the delta method.

        `values` (function,) and `gradient` (function, unknown) in the fitted scale; the interval is value ± t·stderr.
        A function may be determined where its unknowns are not, as the product of two that only act together.
        """
        stderr = self.deviation(gradient)
        reach = self.quantile() * stderr
        why = "depends on a combination of unknowns that the data do not determine"
        return {
            name: _entry(values[i], stderr[i], np.array([values[i] - reach[i], values[i] + reach[i]]), why)
            for i, name in enumerate(names)
        }

    def bands(
        self, prediction: np.ndarray, gradient: np.ndarray, noise: np.ndarray | float = 0.0, level: float = 0.95
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of a band around `prediction` (…), whose gradient is (…, unknown) in the fitted scale.

        With `noise` = 0 the band is for the curve; with the standard deviation of an observation, for a new one.
        """
        reach = self.quantile(level) * np.sqrt(self.deviation(gradient) ** 2 + np.square(noise))
        return prediction - reach, prediction + reach

    def deviation(self, gradient: np.ndarray) -> np.ndarray:
        """Standard error of functions with gradient (…, unknown): √(g C gᵀ); NaN where g moves along what is open."""
        variance = np.einsum("...i,ij,...j->...", gradient, self.spread, gradient)
        along = np.abs(gradient @ self.undetermined.T)
        terms = np.abs(gradient) @ np.abs(self.undetermined).T
        return np.where(np.any(along > TOUCHED * terms, axis=-1), np.nan, np.sqrt(np.maximum(variance, 0.0)))

    def as_json(self) -> dict[str, Any]:
        """What a run's diagnostics keep: names, correlation, degrees of freedom, dispersion, rank and reasons."""
        return {
            "names": list(self.names),
            "correlation": [[finite(value) for value in row] for row in self.correlation],
            "degrees_of_freedom": self.degrees_of_freedom,
            "dispersion": self.dispersion,
            "rank": self.rank,
            "reasons": dict(self.reasons),
            "undetermined": [
                {name: float(weight) for name, weight in zip(self.names, direction, strict=True) if weight}
                for direction in self.undetermined
            ],
        }


def _entry(value: float, stderr: float, ends: np.ndarray, why: str | None) -> dict[str, Any]:
    """One line of a table of estimates."""
    entry: dict[str, Any] = {"value": finite(value), "stderr": finite(stderr), "ci95": None}
    if np.isfinite(stderr):
        return entry | {"ci95": [finite(end) for end in ends]}
    return entry | {"reason": why or "its standard error is not finite"}
