"""Prior densities of parameters as residuals: half the square of each is −log density above its peak.

A density is by the physical value, `lognormal`, `loglaplace` and `loguniform` by its logarithm. How a value is
transformed for the fit adds no Jacobian: the peak of the posterior does not depend on `transform`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, isfinite, log, nan, sqrt

import numpy as np

from .errors.usage import UsageError

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Residual, its slope by the value, and the curvature of −log density (value,)."""

KINK = 1e-6
"""Laplace's |δ| is √(δ² + KINK²) − KINK here, δ in units of its scale: at its peak it has a slope."""
NEAR = 1e-2
"""|e| below which e − log(1 + e) cancels; its series stands in, exact to 1e-16."""


@dataclass(frozen=True)
class Density:
    """One prior: a family with two numbers, as `text` declares it."""

    text: str
    family: str
    a: float
    b: float

    @property
    def logarithmic(self) -> bool:
        """It is a density of the logarithm."""
        return self.family.startswith("log")

    @property
    def support(self) -> tuple[float, float]:
        """What values it allows."""
        if self.flat:
            return self.a, self.b
        if self.family == "beta":
            return 0.0, 1.0
        return (0.0, inf) if self.logarithmic or self.family == "gamma" else (-inf, inf)

    @property
    def flat(self) -> bool:
        """It is nothing but bounds."""
        return self.family in ("uniform", "loguniform")

    def admits(self, value: float) -> bool:
        """The density of the value is above 0."""
        lower, upper = self.support
        return lower <= value <= upper if self.flat else lower < value < upper

    @property
    def peak(self) -> float | None:
        """The likeliest value; None where all are."""
        if self.flat:
            return None
        if self.family == "gamma":
            return (self.a - 1) * self.b
        if self.family == "beta":
            return (self.a - 1) / (self.a + self.b - 2)
        return exp(self.a) if self.logarithmic else self.a

    @property
    def middle(self) -> tuple[float, float]:
        """Mean and standard deviation, of the logarithm where the density is its."""
        a, b = self.a, self.b
        if self.flat:
            low, high = (log(a), log(b)) if self.logarithmic else (a, b)
            return (low + high) / 2, (high - low) / sqrt(12)
        if self.family == "gamma":
            return a * b, sqrt(a) * b
        if self.family == "beta":
            return a / (a + b), sqrt(a * b / (a + b + 1)) / (a + b)
        return a, sqrt(2) * b if self.family.endswith("laplace") else b

    def pull(self, value: float) -> float:
        """How far a value lies from the mean, in standard deviations of the prior.

        >>> density_of("lognormal(0, 0.5)").pull(exp(1.0))
        2.0
        """
        mean, sd = self.middle
        return ((log(value) if self.logarithmic else value) - mean) / sd

    def rows(self, v: np.ndarray) -> Rows:
        """Residuals (value,) with their slopes and curvatures; a flat density has none to give."""
        assert not self.flat
        with np.errstate(all="ignore"):
            if not self.logarithmic:
                return _ROWS[self.family](v, self.a, self.b)
            r, slope, curvature = _ROWS[self.family.removeprefix("log")](np.log(v), self.a, self.b)
            return r, slope / v, curvature / v**2


def density_of(text: str) -> Density:
    """The density that a text such as `normal(0, 1)` declares; raises UsageError where it is none.

    >>> density_of("gamma(3, 0.5)").peak
    1.0
    """
    meant = meant_instead(text)
    if meant:
        raise UsageError(f"{text!r} is no prior; {meant} is meant", help="write prior = 'normal(0, 1)'")
    family, a, b = _parts(text)
    return Density(text.strip(), family, a, b)


def meant_instead(text: str) -> str:
    """What is meant in place of a text that declares no density, in words; "" where it declares one.

    >>> meant_instead("normal(0, -1)")
    'normal with a centre and a scale above 0'
    """
    family, a, b = _parts(text)
    if family not in ASKS or not (isfinite(a) and isfinite(b)):
        return f"one of {', '.join(ASKS)} with two numbers, as in 'normal(0, 1)',"
    wanted, asks = ASKS[family]
    return "" if asks(a, b) else f"{family} with {wanted}"


def _parts(text: str) -> tuple[str, float, float]:
    """Family and numbers; ("", nan, nan) where the text is not so written."""
    match = re.fullmatch(r"\s*([a-z]+)\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)\s*", text)
    try:
        return (match[1], float(match[2]), float(match[3])) if match else ("", nan, nan)
    except ValueError:
        return "", nan, nan


_SPREAD = ("a centre and a scale above 0", lambda a, b: b > 0)
ASKS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "normal": _SPREAD,
    "lognormal": _SPREAD,
    "laplace": _SPREAD,
    "loglaplace": _SPREAD,
    "uniform": ("two ends, the lower one first", lambda a, b: a < b),
    "loguniform": ("two ends above 0, the lower one first", lambda a, b: 0 < a < b),
    "gamma": ("a shape above 1, so that it has a peak, and a scale above 0", lambda a, b: a > 1 and b > 0),
    "beta": ("two shapes above 1, so that it has a peak", lambda a, b: a > 1 and b > 1),
}
"""Family → what its two numbers are, in words and as a test."""


def _normal(v: np.ndarray, mean: float, sd: float) -> Rows:
    one = np.ones_like(v)
    return (v - mean) / sd, one / sd, one / sd**2


def _laplace(v: np.ndarray, middle: float, scale: float) -> Rows:
    """−log density |δ|, δ = (v − middle)/scale, rounded off within KINK of its peak, of which no curvature is made."""
    d = (v - middle) / scale
    size = np.hypot(d, KINK)
    return (
        d * np.sqrt(2 / (size + KINK)),
        np.sqrt((size + KINK) / 2) / size / scale,
        np.zeros_like(d),
    )


def _gamma(v: np.ndarray, shape: float, scale: float) -> Rows:
    """−log density (k − 1)(e − log(1 + e)) with e = v/peak − 1, above its peak at (k − 1)·scale."""
    peak = (shape - 1) * scale
    e = v / peak - 1
    cost = (shape - 1) * _excess(e)
    return _signed(e, cost, (shape - 1) * e / v, (shape - 1) / v**2)


def _beta(v: np.ndarray, a: float, b: float) -> Rows:
    """−log density (a − 1)·g(d/m) + (b − 1)·g(−d/(1 − m)) with g(e) = e − log(1 + e), d = v − m, above its peak m."""
    peak = (a - 1) / (a + b - 2)
    d = v - peak
    cost = (a - 1) * _excess(d / peak) + (b - 1) * _excess(-d / (1 - peak))
    return _signed(d, cost, (a + b - 2) * d / (v * (1 - v)), (a - 1) / v**2 + (b - 1) / (1 - v) ** 2)


def _signed(side: np.ndarray, cost: np.ndarray, slope: np.ndarray, curvature: np.ndarray) -> Rows:
    """√(2·cost) with the sign of `side`, and its slope: that of the cost over it, √curvature at the peak."""
    r = np.sign(side) * np.sqrt(2 * cost)
    return r, np.where(r == 0, np.sqrt(curvature), slope / np.where(r == 0, 1.0, r)), curvature


def _excess(e: np.ndarray) -> np.ndarray:
    """e − log(1 + e)."""
    series = e * e * (1 / 2 - e * (1 / 3 - e * (1 / 4 - e * (1 / 5 - e * (1 / 6 - e * (1 / 7 - e * (1 / 8 - e / 9)))))))
    return np.where(np.abs(e) < NEAR, series, e - np.log1p(e))


_ROWS: dict[str, Callable[[np.ndarray, float, float], Rows]] = {
    "normal": _normal,
    "laplace": _laplace,
    "gamma": _gamma,
    "beta": _beta,
}
