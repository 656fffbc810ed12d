"""Declared priors beside a likelihood: a residual each, so that least squares finds the peak of the posterior."""

from __future__ import annotations

import numpy as np

from ..contracts import Linearization, Objective
from ..model.finite import with_finite_squares
from ..priors import density_of
from ..unknowns import Unknowns


class DeclaredPriors:
    """The priors of an Unknowns that are more than bounds; `places` are the unknowns that they are of (prior,)."""

    def __init__(self, unknowns: Unknowns) -> None:
        self.unknowns = unknowns
        each = {text: density_of(text) for text in sorted(set(unknowns.priors) - {""})}
        texts = np.array(unknowns.priors, dtype=object)
        self._groups = [(density, np.flatnonzero(texts == text)) for text, density in each.items() if not density.flat]
        self.places = np.concatenate([np.zeros(0, dtype=int), *(places for _, places in self._groups)])

    def rows(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals at x, their slopes each by its own x, and the curvature of −log density by it (prior,)."""
        value, by_x = self.unknowns.physical(x)
        found = [density.rows(value[places]) for density, places in self._groups]
        r, slope, curvature = np.concatenate([np.zeros((3, 0)), *(np.stack(rows) for rows in found)], axis=1)
        with np.errstate(all="ignore"):  # outside of a support
            return r, slope * by_x[self.places], curvature * by_x[self.places] ** 2

    def spread(self, entries: np.ndarray) -> np.ndarray:
        """A row a prior with its entry at the place of its unknown (prior, unknown)."""
        rows = np.zeros((len(self.places), len(self.unknowns.labels)))
        rows[np.arange(len(self.places)), self.places] = entries
        return rows


class Posterior:
    """A likelihood and the declared priors of its unknowns: −log of their product, up to a constant."""

    def __init__(self, data: Objective, priors: DeclaredPriors) -> None:
        self.data, self.priors = data, priors
        self.lower, self.upper = data.lower, data.upper
        self.least_squares = data.least_squares

    def _cost(self, x: np.ndarray) -> float:
        r, _, _ = self.priors.rows(x)
        cost = 0.5 * float(r @ r)
        return cost if np.isfinite(cost) else float("inf")

    def value(self, x: np.ndarray) -> float:
        """The sum of both; inf outside the support of a prior."""
        return self.data.value(x) + self._cost(x)

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The sum of both, and its gradient."""
        value, g = self.data.gradient(x)
        r, slope, _ = self.priors.rows(x)
        g = g.copy()
        g[self.priors.places] += r * slope
        return value + self._cost(x), g

    def linearize(self, x: np.ndarray) -> Linearization:
        """The residuals of the data, then one of every prior; raises NoFiniteSolution outside the support of one."""
        line = self.data.linearize(x)
        r, slope, _ = self.priors.rows(x)
        rows = self.priors.spread(slope)
        whole = Linearization(
            np.concatenate([line.residuals, r]),
            lambda: np.vstack([line.jacobian, rows]),
            line.value + self._cost(x),
            lambda: line.gram + rows.T @ rows,
            line.gradient + rows.T @ r,
        )
        return with_finite_squares(whole, float(slope @ slope), "the density of a prior")

    def frozen(self, x: np.ndarray) -> Posterior:
        """The same with the data's weights held at x."""
        return Posterior(self.data.frozen(x), self.priors)
